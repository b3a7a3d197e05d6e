"""What the simulated model says: words chosen by a hash, so that the same call gets the same text.

A token is a word with the space before it.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Answer", "answer", "count_tokens", "split_tokens", "token_ids"]

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
_WORDS = tuple(" " + word for word in _VOCABULARY.split())
_WORD_COUNT = len(_WORDS)
_SHORTEST = 8
_SPREAD = 9
_PIECE = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Answer:
    """The tokens of a reply and why it ended; `evaluated` also counts those a stop string ate."""

    tokens: Sequence[str]
    done_reason: str
    evaluated: int


def answer(key: bytes, *, length: int | None, limit: int, stop: Sequence[str]) -> Answer:
    """The reply that belongs to `key`.

    `length` fixes its natural length in tokens, `limit` cuts it (0 or less: no limit), and the
    first of the `stop` strings that appears ends it.
    """
    digest = hashlib.blake2b(key, digest_size=32).digest()
    natural = length or _SHORTEST + digest[0] % _SPREAD
    cut = 0 < limit < natural
    tokens = _tokens(digest, natural)[: limit if cut else natural]
    reply = Answer(tokens, "length" if cut else "stop", len(tokens))
    return _stopped(reply, stop) if stop else reply


def _tokens(digest: bytes, natural: int) -> list[str]:
    """`natural` tokens: the opening, hashed words, a full stop."""
    tokens = list(_OPENING)
    while len(tokens) < natural:
        missing = digest[: natural - len(tokens)]
        tokens += [_WORDS[byte % _WORD_COUNT] for byte in missing]
        if len(tokens) < natural:
            digest = hashlib.blake2b(digest, digest_size=32).digest()
    tokens[natural - 1 :] = ["."] if natural > 1 else tokens[:1]
    return tokens


def _stopped(reply: Answer, stop: Sequence[str]) -> Answer:
    """The reply up to the earliest stop string, which is not part of it."""
    text = "".join(reply.tokens)
    found = [(text.index(word), word) for word in stop if word and word in text]
    if not found:
        return reply
    at, word = min(found)
    kept: list[str] = []
    end = evaluated = 0
    for token in reply.tokens:
        if end < at:
            kept.append(token[: at - end])
        end += len(token)
        evaluated += 1
        if end >= at + len(word):
            break
    return Answer(kept, "stop", evaluated)


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
