"""The local functions of the scenario `tools`: what they do, and how a model is told of them."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from .recording import recorded_invocation

MAX_MODEL_CALLS = 40
"""A model that goes on asking for functions is asked no more after so many calls, as in the
framework."""


async def add_numbers(a: int, b: int) -> int:
    """Return the sum."""
    return a + b


async def count_words(text: str) -> int:
    """Return how many words there are between blanks."""
    return len(text.split())


FUNCTIONS: dict[str, Callable[..., Awaitable[int]]] = {
    "add_numbers": add_numbers,
    "count_words": count_words,
}

DESCRIPTIONS = {
    "add_numbers": "Add two whole numbers.",
    "count_words": "Count the words of a text.",
}

PARAMETERS: dict[str, dict[str, Any]] = {
    "add_numbers": {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "description": "The first number."},
            "b": {"type": "integer", "description": "The second number."},
        },
        "required": ["a", "b"],
        "additionalProperties": False,
    },
    "count_words": {
        "type": "object",
        "properties": {"text": {"type": "string", "description": "The text."}},
        "required": ["text"],
        "additionalProperties": False,
    },
}

SPECIFICATIONS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": DESCRIPTIONS[name],
            "parameters": PARAMETERS[name],
        },
    }
    for name in FUNCTIONS
]
"""As Ollama's API takes them."""


async def dispatch(name: str, arguments: Mapping[str, Any]) -> str:
    """Invoke a function and return what the model is told; its mistakes are told to it as well."""
    function = FUNCTIONS.get(name)
    if function is None:
        return f'Error: Requested function "{name}" not found.'
    answer = "Error: Function failed."

    async def invoke() -> None:
        nonlocal answer
        try:
            answer = json.dumps(await function(**arguments))
        except (TypeError, AttributeError):  # arguments that do not fit
            return

    await recorded_invocation(invoke)
    return answer
