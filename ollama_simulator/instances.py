"""Valid instances of JSON schemas, as a model with constrained decoding would write them.

What is understood: `type` (also a list of types), `properties`, `required`, `items`,
`prefixItems`, `minItems`, `maxItems`, `minLength`, `maxLength`, `minimum`, `maximum`, the
exclusive bounds, `multipleOf`, `enum`, `const`, `anyOf`, `oneOf`, `allOf`, local `$ref` and the
usual `format`s of strings. All declared properties are written unless a schema repeats itself.
"""

import math
import random
from collections.abc import Iterator, Mapping
from typing import Any

from ollama_simulator.text import WORDS

__all__ = ["ANY_OBJECT", "UnusableSchema", "instance"]

ANY_OBJECT: Mapping[str, Any] = {"properties": {"answer": {"type": "string"}}}
"""What a model says that is only asked for JSON."""

_SHALLOW = 6
"""Levels from which on only what is required is written, and the shortest way out is taken."""

_DEEPEST = 64
_TRIES = 16
"""How often a list whose items must differ is offered one, for each that it wants."""

_MOST_VALUES = 10_000
_LONGEST = 1_000
"""The longest list or string that a schema may require."""

_UNSUPPORTED = ("pattern", "not", "if", "patternProperties", "contains", "dependentRequired")
_FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "duration": "PT5M",
    "email": "ada@example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com/",
    "hostname": "example.com",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
}


class UnusableSchema(ValueError):
    """The schema contradicts itself, never ends, or uses what is not understood."""


def instance(schema: Any, key: bytes) -> Any:
    """An instance of `schema`, the same one for the same `key`. Raises UnusableSchema."""
    writer = _Writer(schema, random.Random(key))  # noqa: S311 - it must repeat, not be secret
    try:
        return writer.value(schema, 0)
    except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
        raise UnusableSchema(f"the schema is malformed: {error}") from error


class _Writer:
    """Writes instances of the parts of one schema, which `$ref` looks up in its `root`."""

    def __init__(self, root: Any, rng: random.Random) -> None:
        self._root = root
        self._rng = rng
        self._written = 0

    def value(self, schema: Any, depth: int) -> Any:
        self._written += 1
        if depth > _DEEPEST or self._written > _MOST_VALUES:
            raise UnusableSchema("the schema never ends")
        plain = self._resolved(schema, depth)
        if "const" in plain:
            return plain["const"]
        if "enum" in plain:
            return self._one_of(plain["enum"], depth)
        return self._of_type(plain, depth)

    def _of_type(self, schema: Mapping[str, Any], depth: int) -> Any:
        kind = schema.get("type") or _implied_type(schema)
        if isinstance(kind, list):
            kind = self._one_of(sorted(kind, key=_BY_SIZE.__getitem__), depth)
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return self._string(schema)
            case "integer" | "number":
                return self._number(schema, whole=kind == "integer")
            case "boolean":
                return self._rng.random() < 0.5
            case "null":
                return None
        raise UnusableSchema(f"no such type: {kind}")

    def _resolved(self, schema: Any, depth: int) -> dict[str, Any]:
        """The schema without references and combinations: one way to satisfy it."""
        if schema is True:
            return {}
        if not isinstance(schema, Mapping):
            raise UnusableSchema("a schema is an object")
        for word in _UNSUPPORTED:
            if word in schema:
                raise UnusableSchema(f"{word} is not understood")
        plain = {name: value for name, value in schema.items() if name not in _COMBINATIONS}
        for part in self._parts(schema, depth):
            depth += 1
            if depth > _DEEPEST:
                raise UnusableSchema("the schema never ends")
            plain = _merged(plain, self._resolved(part, depth))
        return plain

    def _parts(self, schema: Mapping[str, Any], depth: int) -> Iterator[Any]:
        """The schemas that a combination is made of; one of those that are alternatives."""
        yield from schema.get("allOf", ())
        if "$ref" in schema:
            yield self._referenced(schema["$ref"])
        for name in ("anyOf", "oneOf"):
            if name in schema:
                yield self._one_of(schema[name], depth)

    def _referenced(self, reference: Any) -> Any:
        """The part of the root that a reference like `#/$defs/City` means."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise UnusableSchema("only local references are understood")
        part = self._root
        for name in reference.removeprefix("#").split("/")[1:]:
            try:
                part = part[name.replace("~1", "/").replace("~0", "~")]
            except (KeyError, TypeError):
                raise UnusableSchema(f"{reference} leads nowhere") from None
        return part

    def _one_of(self, choices: Any, depth: int) -> Any:
        """Any of them; deep down the one that leads out soonest."""
        if not isinstance(choices, list) or not choices:
            raise UnusableSchema("there is nothing to choose from")
        if depth >= _SHALLOW:
            return min(choices, key=_weight)
        return self._rng.choice(choices)

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        declared = schema.get("properties", {})
        required = schema.get("required", [])
        names = list(declared) + [name for name in required if name not in declared]
        if depth >= _SHALLOW:
            names = [name for name in names if name in required]
        others = schema.get("additionalProperties", True)
        return {
            name: self.value(declared.get(name, _string_unless_told(others)), depth + 1)
            for name in names
        }

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        first = schema.get("prefixItems", [])
        least = max(schema.get("minItems", 0), len(first))
        most = schema.get("maxItems", least + 3)
        if most < least or least > _LONGEST:
            raise UnusableSchema("no list has that length")
        rest = _string_unless_told(schema.get("items", True))
        short = depth >= _SHALLOW or rest is False
        wanted = least if short else max(least, min(most, self._rng.randint(1, 3)))
        items = [self.value(part, depth + 1) for part in first]
        for _ in range(_TRIES * wanted):
            if len(items) >= wanted:
                break
            item = self.value(rest, depth + 1)
            if not (schema.get("uniqueItems") and item in items):
                items.append(item)
        if len(items) < least:
            raise UnusableSchema("too few different items")
        return items

    def _string(self, schema: Mapping[str, Any]) -> str:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        least, most = schema.get("minLength", 1), schema.get("maxLength", _LONGEST)
        if most < least or least > _LONGEST:
            raise UnusableSchema("no string has that length")
        text = self._rng.choice(WORDS).strip()
        while len(text) < least:
            text += self._rng.choice(WORDS)
        # A cut at a space would leave it at the end.
        return text if len(text) <= most else text[:most].rstrip().ljust(least, ".")

    def _number(self, schema: Mapping[str, Any], *, whole: bool) -> int | float:
        step = schema.get("multipleOf", 1 if whole else 0.5)
        if step <= 0:
            raise UnusableSchema("a multiple is of more than nothing")
        if whole and step != int(step):
            raise UnusableSchema("a whole number is a multiple of a whole number")
        least, most = _bounds(schema, step)
        if most < least:
            raise UnusableSchema("no number lies between the bounds")
        number = round(self._rng.randint(least, most) * step, _DIGITS)
        return int(number) if whole else number


def _bounds(schema: Mapping[str, Any], step: float) -> tuple[int, int]:
    """The least and the greatest allowed multiple of `step`, small where the schema is silent."""
    lower = [math.ceil(schema["minimum"] / step)] if "minimum" in schema else []
    if "exclusiveMinimum" in schema:
        lower.append(math.floor(schema["exclusiveMinimum"] / step) + 1)
    upper = [math.floor(schema["maximum"] / step)] if "maximum" in schema else []
    if "exclusiveMaximum" in schema:
        upper.append(math.ceil(schema["exclusiveMaximum"] / step) - 1)
    least = max(lower) if lower else min(0, *upper) if upper else 0
    most = min(upper) if upper else least + _SMALL
    return least, min(most, least + _SMALL)


def _implied_type(schema: Mapping[str, Any]) -> str:
    """The type of a schema that names none."""
    for word, kind in _IMPLIED.items():
        if word in schema:
            return kind
    return "string"


def _string_unless_told(schema: Any) -> Any:
    """A schema that allows anything is satisfied by a word."""
    return {"type": "string"} if schema is True else schema


def _weight(choice: Any) -> int:
    """How far a choice may lead: a reference may repeat itself, a scalar ends at once."""
    if not isinstance(choice, Mapping):
        return 0
    if "$ref" in choice:
        return len(_BY_SIZE) + 1
    if "const" in choice or "enum" in choice:
        return 0
    kind = choice.get("type") or _implied_type(choice)
    return _BY_SIZE[kind] if isinstance(kind, str) else len(_BY_SIZE)


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Both schemas at once: their properties and requirements are joined."""
    joined = one | other
    if "properties" in one and "properties" in other:
        joined["properties"] = {**one["properties"], **other["properties"]}
    if "required" in one and "required" in other:
        joined["required"] = list(dict.fromkeys([*one["required"], *other["required"]]))
    return joined


_SMALL = 99
_DIGITS = 9
"""A multiple of 0.1 is written as such, without the noise of binary fractions."""

_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
_BY_SIZE = {name: size for size, name in enumerate(_TYPES)}
_COMBINATIONS = ("$ref", "$defs", "definitions", "anyOf", "oneOf", "allOf")
_IMPLIED = {
    "properties": "object",
    "required": "object",
    "additionalProperties": "object",
    "items": "array",
    "prefixItems": "array",
    "minimum": "number",
    "maximum": "number",
}
