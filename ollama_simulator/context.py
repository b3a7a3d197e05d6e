"""Prompts that are longer than the context: what is dropped, and when a request is refused."""

from collections.abc import Mapping
from typing import Any

from ollama_simulator.errors import ApiError
from ollama_simulator.requests import TextRequest, prompt_of
from ollama_simulator.text import count_tokens

__all__ = ["fitted"]

_TOO_LONG = "the prompt is longer than the context length currently available to the model"


def fitted(request: TextRequest, num_ctx: int) -> TextRequest:
    """The request with a prompt of at most `num_ctx` tokens.

    The oldest messages go first; what the system says and the last message stay. Raises
    ApiError(400) when that is not enough, or when the request does not allow it.
    """
    if _fits(request.prompt, num_ctx):
        return request
    if request.truncate:
        for start in range(1, len(request.messages)):
            kept = [message for message in request.messages[:start] if _is_system(message)]
            prompt = prompt_of(request.tools, [*kept, *request.messages[start:]])
            if _fits(prompt, num_ctx):
                return request._replace(prompt=prompt)
    raise ApiError(400, _TOO_LONG)


def _fits(prompt: str, num_ctx: int) -> bool:
    # A token has at least one character, so that most prompts need not be counted.
    return len(prompt) <= num_ctx or count_tokens(prompt) <= num_ctx


def _is_system(message: Mapping[str, Any] | None) -> bool:
    return ((message or {}).get("role") or "").lower() == "system"
