"""Instances of JSON schemas, judged by a validator that is not ours."""

from typing import Any

import jsonschema_rs
import pytest

from ollama_simulator.instances import ANY_OBJECT, UnusableSchema, instance

CITY = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "country": {"type": "string"},
        "population": {"type": "integer"},
    },
    "required": ["city", "country", "population"],
    "additionalProperties": False,
}
TREE = {
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "left": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            },
            "required": ["name", "left"],
        }
    },
    "$ref": "#/$defs/Node",
}
SCHEMAS: dict[str, Any] = {
    "object": CITY,
    "any object": ANY_OBJECT,
    "anything": {},
    "recursive": TREE,
    "integer between bounds": {"type": "integer", "minimum": 3, "exclusiveMaximum": 5},
    "integer below a bound": {"type": "integer", "maximum": -7},
    "number without its bounds": {
        "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1,
    },
    "multiple": {"type": "number", "multipleOf": 0.1, "minimum": 1},
    "implied number": {"minimum": 4},
    "boolean": {"type": "boolean"},
    "null": {"type": "null"},
    "enum": {"enum": ["a", 2, None, {"x": [1]}]},
    "const": {"const": {"x": 1}},
    "several types": {"type": ["string", "null", "integer"]},
    "long string": {"type": "string", "minLength": 40},
    "short string": {"type": "string", "maxLength": 3, "minLength": 3},
    "date": {"type": "string", "format": "date-time"},
    "array": {"type": "array", "items": {"type": "integer"}, "minItems": 5, "maxItems": 6},
    "empty array": {"type": "array", "maxItems": 0},
    "tuple": {"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
    "different items": {"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True},
    "different items that must be": {
        "type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True, "minItems": 2,
    },
    "required but not declared": {"type": "object", "required": ["x"]},
    "typed other properties": {
        "required": ["x"], "additionalProperties": {"type": "integer"},
    },
    "alternatives beside properties": {
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "oneOf": [
            {"properties": {"b": {"const": 1}}, "required": ["b"]},
            {"properties": {"c": {"const": 2}}, "required": ["c"]},
        ],
    },
    "all of": {
        "allOf": [CITY | {"additionalProperties": True}, {"properties": {"x": {"type": "null"}}}]
    },
    "reference beside a description": {
        "$defs": {"a/b": {"type": "integer"}}, "$ref": "#/$defs/a~1b", "description": "A number.",
    },
}  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_an_instance_is_valid(schema: Any) -> None:
    """Whatever the key is, the validator accepts what was written."""
    validator = jsonschema_rs.validator_for(schema, validate_formats=True)
    for number in range(100):
        validator.validate(instance(schema, b"%d" % number))


def test_the_same_key_gives_the_same_instance() -> None:
    """And different keys give different ones."""
    assert instance(CITY, b"a") == instance(CITY, b"a")
    assert 50 < len({str(instance(CITY, b"%d" % number)) for number in range(100)})


def test_all_declared_properties_are_written() -> None:
    """Also those that are not required."""
    schema = {"properties": {"b": {"type": "integer"}, "a": {"type": "string"}}}
    assert ["b", "a"] == list(instance(schema, b""))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^a+$"},
        {"type": "integer", "minimum": 2, "maximum": 1},
        {"type": "array", "minItems": 2, "maxItems": 1},
        {"type": "array", "minItems": 3, "items": {"enum": ["a", "b"]}, "uniqueItems": True},
        {"type": "string", "minLength": 2, "maxLength": 1},
        {"$ref": "#/$defs/missing"},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#"},
        {"type": "object", "properties": {"x": {"$ref": "#"}}, "required": ["x"]},
        {
            "properties": {"x": {"$ref": "#"}, "y": {"$ref": "#"}},
            "required": ["x", "y"],
        },
        {"enum": []},
        {"type": "thing"},
        {"type": 5},
        {"properties": 5},
        {"properties": {"x": False}},
        {"type": "number", "multipleOf": 0},
        {"minimum": "a"},
        [],
        False,
    ],
)
def test_a_schema_that_cannot_be_met_is_refused(schema: Any) -> None:
    """Rather than answered with something else, or for ever."""
    with pytest.raises(UnusableSchema):
        instance(schema, b"a")
