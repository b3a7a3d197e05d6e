"""The typed answer of the scenario `structured`."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def _as_dotnet_writes_it(schema: dict[str, Any]) -> None:
    # Pydantic names every field a second time and leaves the dialect out; .NET does the opposite.
    schema["$schema"] = DIALECT
    schema.pop("title", None)
    for field in schema["properties"].values():
        field.pop("title", None)


class City(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra=_as_dotnet_writes_it)

    city: str
    country: str
    population: int


SCHEMA = City.model_json_schema()
"""What goes out as `format`."""


class InvalidAnswer(ValueError):
    """The answer is no such object."""


def typed(read: Callable[[], object]) -> City:
    """Return the object that `read()` gives; raises InvalidAnswer when there is none."""
    try:
        value = read()
    except ValidationError as error:
        raise InvalidAnswer(error.errors(include_url=False)[0]["msg"]) from error
    if not isinstance(value, City):
        raise InvalidAnswer("the answer holds no object")
    return value
