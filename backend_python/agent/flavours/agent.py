"""The flavour `agent`: Microsoft Agent Framework on the client library."""

from collections.abc import Awaitable, Callable
from time import perf_counter_ns
from typing import Any

import ollama
from agent_framework import (
    Agent,
    AgentSession,
    ChatContext,
    FunctionInvocationContext,
    FunctionTool,
    chat_middleware,
    function_middleware,
)
from agent_framework_ollama import OllamaChatClient

from backend_python.agent.caller import OnText
from backend_python.agent.pacing import until
from backend_python.agent.recording import recorded_invocation
from backend_python.agent.structured import City, typed
from backend_python.agent.tools import DESCRIPTIONS, FUNCTIONS, PARAMETERS
from shared_models.configuration import TestConfiguration

AGENT_NAME = "PerformanceTestAgent"

Next = Callable[[], Awaitable[None]]


class AgentCaller:
    """Runs an agent of the framework."""

    def __init__(self, client: ollama.AsyncClient, configuration: TestConfiguration) -> None:
        self._structured = configuration.scenario == "structured"
        self._agent = Agent(
            client=OllamaChatClient(client=client, model=configuration.model),
            name=AGENT_NAME,
            instructions=configuration.instructions,
            default_options=_options(configuration),
            tools=_tools() if configuration.scenario == "tools" else None,
            middleware=_middleware(configuration) or None,
        )

    def new_history(self) -> AgentSession:
        """Return a session of the framework."""
        return self._agent.create_session()

    async def ask(
        self, prompt: str, *, history: AgentSession | None = None, on_text: OnText | None = None
    ) -> None:
        """Run the agent once; without a session each run has a history of its own."""
        if on_text is None:
            response = await self._agent.run(prompt, session=history)
        else:
            stream = self._agent.run(prompt, session=history, stream=True)
            async for update in stream:
                if update.text:
                    on_text()
            response = await stream.get_final_response()
        if self._structured:
            typed(lambda: response.value)


def _options(configuration: TestConfiguration) -> Any:
    options: dict[str, Any] = {"temperature": configuration.temperature, "think": False}
    if configuration.seed is not None:
        options["seed"] = configuration.seed
    if configuration.max_tokens is not None:
        options["max_tokens"] = configuration.max_tokens
    if configuration.scenario == "structured":
        options["response_format"] = City
    return options


def _tools() -> list[FunctionTool]:
    return [
        FunctionTool(
            name=name, description=DESCRIPTIONS[name], func=function, input_model=PARAMETERS[name]
        )
        for name, function in FUNCTIONS.items()
    ]


def _middleware(configuration: TestConfiguration) -> list[Any]:
    middleware: list[Any] = []
    if configuration.delay_ms:
        middleware.append(_delayed(configuration.delay_ms))
    if configuration.scenario == "tools":
        middleware.append(_record_invocation)
    return middleware


def _delayed(milliseconds: float) -> Any:
    @chat_middleware
    async def delay(_context: ChatContext, call_next: Next) -> None:
        await until(perf_counter_ns() + int(milliseconds * 1e6))
        await call_next()

    return delay


@function_middleware
async def _record_invocation(_context: FunctionInvocationContext, call_next: Next) -> None:
    await recorded_invocation(call_next)
