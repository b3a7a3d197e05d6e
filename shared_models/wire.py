"""The base of every message: camelCase on the wire, strict types, no unknown fields, immutable."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


def wire_name(field: str) -> str:
    """Return the JSON name of a Python field: camelCase, with a trailing `MB` kept in capitals."""
    camel = to_camel(field)
    return camel[:-2] + "MB" if field.endswith("_mb") else camel


class WireModel(BaseModel):
    """A message that we build ourselves by field name and read by JSON name."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        alias_generator=wire_name,
        validate_by_alias=True,
        validate_by_name=True,
        serialize_by_alias=True,
        protected_namespaces=(),
    )


class RequestModel(WireModel):
    """A message from outside: only the JSON names are accepted, so that `batch_size` is refused."""

    model_config = ConfigDict(validate_by_name=False)
