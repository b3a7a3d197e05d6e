"""JSON as Go's decoder reads it: what it accepts, and its words for what it does not.

orjson reads every good body. Only when it refuses does the scanner here look for the reason, and
find the bodies that Go accepts all the same: text after the first value, invalid UTF-8, lone
surrogates.
"""

import re
from typing import Any

import orjson

from ollama_simulator.errors import ApiError

__all__ = ["KINDS", "decode", "kind_of"]

_BLANK = " \t\r\n"
_DEEPEST = 300
"""Go gives up at 10,000 levels; the scanner, which only words refusals, earlier."""

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"', re.ASCII)
_LONE_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_LITERALS = {"t": "true", "f": "false", "n": "null"}
KINDS: dict[type, str] = {
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
}
"""What Go calls the types of JSON."""


def decode(body: bytes) -> Any:
    """The first JSON value of a request body. Raises ApiError(400) with Go's text."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _decode_like_go(body.decode("utf-8", "replace"))


def kind_of(value: Any) -> str:
    """What Go calls the JSON type of `value`."""
    return KINDS.get(type(value), "null")


def _decode_like_go(text: str) -> Any:
    if not text.strip(_BLANK):
        raise ApiError(400, "missing request body")
    end = _Scanner(text).value(0, depth=0)
    value = _LONE_SURROGATE.sub(r"\\ufffd", text[:end])
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:  # a number beyond what orjson holds
        raise ApiError(400, f"json: {error}") from None


class _Scanner:
    """Walks over one value and says, like Go, which character stopped it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def value(self, at: int, *, depth: int) -> int:
        """The end of the value that begins at or after `at`."""
        at = self._skip(at)
        first = self._at(at)
        if depth > _DEEPEST:
            raise ApiError(400, "exceeded max depth")
        if first == "{":
            return self._object(at + 1, depth + 1)
        if first == "[":
            return self._array(at + 1, depth + 1)
        if first == '"':
            return self._string(at)
        if first in _LITERALS:
            return self._literal(at, _LITERALS[first])
        if first == "-" or first in "0123456789":
            return self._number(at)
        raise self._invalid(at, "looking for beginning of value")

    def _object(self, at: int, depth: int) -> int:
        at = self._skip(at)
        if self._at(at) == "}":
            return at + 1
        while True:
            at = self._skip(at)
            if self._at(at) != '"':
                raise self._invalid(at, "looking for beginning of object key string")
            at = self._skip(self._string(at))
            if self._at(at) != ":":
                raise self._invalid(at, "after object key")
            at = self._skip(self.value(at + 1, depth=depth))
            sign = self._at(at)
            if sign == "}":
                return at + 1
            if sign != ",":
                raise self._invalid(at, "after object key:value pair")
            at += 1

    def _array(self, at: int, depth: int) -> int:
        at = self._skip(at)
        if self._at(at) == "]":
            return at + 1
        while True:
            at = self._skip(self.value(at, depth=depth))
            sign = self._at(at)
            if sign == "]":
                return at + 1
            if sign != ",":
                raise self._invalid(at, "after array element")
            at += 1

    def _string(self, at: int) -> int:
        match = _STRING.match(self._text, at)
        if match:
            return match.end()
        at += 1
        while self._at(at) != "\\" and self._text[at] >= " ":
            at += 1
        if self._text[at] != "\\":
            raise self._invalid(at, "in string literal")
        return self._escape(at)

    def _escape(self, at: int) -> int:
        """Find the broken escape at or after `at`; there is one, or the text ends."""
        while True:
            sign = self._at(at)
            if sign == "\\":
                escaped = self._at(at + 1)
                if escaped == "u":
                    for place in range(at + 2, at + 6):
                        if self._at(place) not in "0123456789abcdefABCDEF":
                            raise self._invalid(place, "in \\u hexadecimal character escape")
                elif escaped not in '"\\/bfnrt':
                    raise self._invalid(at + 1, "in string escape code")
                at += 1
            elif sign < " ":
                raise self._invalid(at, "in string literal")
            at += 1

    def _literal(self, at: int, word: str) -> int:
        for offset, expected in enumerate(word):
            if self._at(at + offset) != expected:
                place = f"in literal {word} (expecting {_quoted(expected)})"
                raise self._invalid(at + offset, place)
        return at + len(word)

    def _number(self, at: int) -> int:
        match = _NUMBER.match(self._text, at)
        if match is None:
            self._at(at + 1)
            raise self._invalid(at + 1, "in numeric literal")
        return match.end()

    def _skip(self, at: int) -> int:
        while at < len(self._text) and self._text[at] in _BLANK:
            at += 1
        return at

    def _at(self, at: int) -> str:
        if at >= len(self._text):
            raise ApiError(400, "unexpected EOF")
        return self._text[at]

    def _invalid(self, at: int, place: str) -> ApiError:
        return ApiError(400, f"invalid character {_quoted(self._text[at])} {place}")


_NAMED = {"'": r"'\''", "\n": r"'\n'", "\t": r"'\t'", "\r": r"'\r'", "\\": r"'\\'"}


def _quoted(sign: str) -> str:
    """A character as Go quotes it in these texts."""
    if sign in _NAMED:
        return _NAMED[sign]
    return f"'\\x{ord(sign):02x}'" if ord(sign) < 32 else f"'{sign}'"
