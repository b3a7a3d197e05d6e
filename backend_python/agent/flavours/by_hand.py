"""What a framework does, done by hand: messages, history, functions and the typed answer."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from time import perf_counter_ns
from typing import Any

from backend_python.agent.caller import OnText
from backend_python.agent.pacing import until
from backend_python.agent.structured import SCHEMA, City, typed
from backend_python.agent.tools import MAX_MODEL_CALLS, SPECIFICATIONS, dispatch
from shared_models.configuration import TestConfiguration

Message = dict[str, Any]


class HandmadeCaller(ABC):
    """Asks without a framework. How one model call is made is the subclass's."""

    def __init__(self, configuration: TestConfiguration) -> None:
        self._delay_ns = int(configuration.delay_ms * 1e6)
        self._structured = configuration.scenario == "structured"
        instructions = configuration.instructions
        self._system = [{"role": "system", "content": instructions}] if instructions else []
        self._fixed: dict[str, Any] = {
            "model": configuration.model,
            "options": _options(configuration),
            "think": False,
        }
        if configuration.scenario == "tools":
            self._fixed["tools"] = SPECIFICATIONS
        if self._structured:
            self._fixed["format"] = SCHEMA

    def new_history(self) -> list[Message]:
        """Return an empty list of messages."""
        return []

    async def ask(
        self, prompt: str, *, history: list[Message] | None = None, on_text: OnText | None = None
    ) -> None:
        """Ask until the model wants no more functions."""
        messages = [*self._system, *(history or []), {"role": "user", "content": prompt}]
        answer = await self._answer(messages, on_text)
        for _ in range(MAX_MODEL_CALLS - 1):
            if "tools" not in self._fixed or not answer.get("tool_calls"):
                break
            messages.append(answer)
            messages += [await _invoked(call["function"]) for call in answer["tool_calls"]]
            answer = await self._answer(messages, on_text)
        if self._structured:
            typed(lambda: City.model_validate_json(answer["content"]))
        if history is not None:
            history += [messages[-1], answer]

    async def _answer(self, messages: list[Message], on_text: OnText | None) -> Message:
        if self._delay_ns:
            await until(perf_counter_ns() + self._delay_ns)
        request = {**self._fixed, "messages": messages}
        if on_text is None:
            return await self._complete(request)
        return await self._stream(request, on_text)

    @abstractmethod
    async def _complete(self, request: dict[str, Any]) -> Message:
        """Return the model's message."""

    @abstractmethod
    async def _stream(self, request: dict[str, Any], on_text: OnText) -> Message:
        """Return the model's message when it is complete; tell of its pieces before."""


def joined(pieces: list[str], tool_calls: list[Any]) -> Message:
    """Return the message that a stream brought in pieces."""
    message: Message = {"role": "assistant", "content": "".join(pieces)}
    if tool_calls:
        message["tool_calls"] = tool_calls
    return message


async def _invoked(function: Mapping[str, Any]) -> Message:
    name = function["name"]
    text = await dispatch(name, function["arguments"])
    return {"role": "tool", "content": text, "tool_name": name}


def _options(configuration: TestConfiguration) -> dict[str, Any]:
    options: dict[str, Any] = {"temperature": configuration.temperature}
    if configuration.seed is not None:
        options["seed"] = configuration.seed
    if configuration.max_tokens is not None:
        options["num_predict"] = configuration.max_tokens
    return options
