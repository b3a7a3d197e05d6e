"""What the simulated model says: words chosen by a hash, so that the same call gets the same text.

A token is a word with the space before it.
"""

import hashlib
import re

__all__ = ["WORDS", "count_tokens", "output_tokens", "split_tokens", "token_ids", "words"]

_OPENING = ("Here’s", " a")
"""Each reply begins so: its second character that is not ASCII is due for the UTF-8 fault."""

_VOCABULARY = """
    short simple clear useful careful honest small quick steady plain friendly good
    answer reply note example idea thought greeting sentence word reason story hint
    about from with for and that which where before after between because
    the your this one some every another any
    model agent question morning time work day place name number list order measure
    café naïve über jalapeño says gives keeps makes takes shows finds means
"""
WORDS = tuple(" " + word for word in _VOCABULARY.split())
_WORD_COUNT = len(WORDS)
_SHORTEST = 8
_SPREAD = 9
_PIECE = re.compile(r"\w+|[^\w\s]")
_OUTPUT_PIECE = re.compile(r"\s*(?:\w+|[^\w\s]|$)")


def words(key: bytes, *, length: int | None) -> list[str]:
    """The text that belongs to `key`, as tokens; `length` fixes their number."""
    digest = hashlib.blake2b(key, digest_size=32).digest()
    natural = length or _SHORTEST + digest[0] % _SPREAD
    tokens = list(_OPENING)
    while len(tokens) < natural:
        missing = digest[: natural - len(tokens)]
        tokens += [WORDS[byte % _WORD_COUNT] for byte in missing]
        if len(tokens) < natural:
            digest = hashlib.blake2b(digest, digest_size=32).digest()
    tokens[natural - 1 :] = ["."] if natural > 1 else tokens[:1]
    return tokens


def output_tokens(text: str) -> list[str]:
    """The words and signs of a text with the space before them; joined they are the text."""
    return [piece for piece in _OUTPUT_PIECE.findall(text) if piece]


def split_tokens(text: str) -> list[str]:
    """The words and signs of a prompt."""
    return _PIECE.findall(text)


def count_tokens(text: str) -> int:
    """The number of words and signs of a prompt."""
    return len(_PIECE.findall(text))


def token_ids(text: str) -> list[int]:
    """A stable number for each token of `text`, for the deprecated `context` field."""
    return [
        int.from_bytes(hashlib.blake2b(piece.encode(), digest_size=2).digest(), "big")
        for piece in _PIECE.findall(text)
    ]
