"""Builds the agent that is measured, and the same agent without our transport for comparison."""

import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import httpx
import ollama
from agent_framework import Agent, ChatContext, chat_middleware
from agent_framework_ollama import OllamaChatClient

from shared_models.configuration import DEFAULT_ENDPOINT, TestConfiguration
from shared_models.trace_ids import trace_ids

from .transport import RecordingTransport

AGENT_NAME = "PerformanceTestAgent"
FRAMEWORK = ("agent-framework", version("agent-framework-core"))
CLIENT = ("ollama", version("ollama"))
KEEPALIVE_S = 60.0

Run = Callable[[str], Awaitable[object]]
"""One agent call: a prompt in, the framework's result out."""


def build_agent(
    configuration: TestConfiguration,
    *,
    connect_to: str | None,
    recorded: bool = True,
    chat_client_delay_ms: float = 0.0,
) -> Run:
    """Return the agent's `run`, each call with a history of its own.

    `connect_to` is the address to dial instead of the endpoint's name. `recorded=False` leaves
    our transport out; a constant `traceparent` keeps the request the same.
    `chat_client_delay_ms` waits inside the framework before each model call.
    """
    endpoint = configuration.endpoint or DEFAULT_ENDPOINT
    parts = urlsplit(endpoint)
    secure = parts.scheme == "https"
    transport: httpx.AsyncBaseTransport = httpx.AsyncHTTPTransport(
        verify=secure,
        trust_env=False,
        # No limit of ours: concurrency is the run's, and both languages keep idle connections
        # equally long.
        limits=httpx.Limits(
            max_connections=None, max_keepalive_connections=None, keepalive_expiry=KEEPALIVE_S
        ),
    )
    if recorded:
        sni = parts.hostname if secure and connect_to else None
        transport = RecordingTransport(transport, sni_hostname=sni)
    headers = {"host": parts.netloc, "accept-encoding": "identity"}
    if not recorded:
        headers["traceparent"] = trace_ids(AGENT_NAME, 1, call=1).traceparent
    client = ollama.AsyncClient(
        # Dialling the checked address by URL costs nothing per call; Host keeps the name.
        host=f"{parts.scheme}://{connect_to}" if connect_to else endpoint,
        headers=headers,
        transport=transport,
        follow_redirects=False,
        trust_env=False,
        timeout=configuration.request_timeout_seconds,
    )
    agent = Agent(
        client=OllamaChatClient(client=client, model=configuration.model),
        name=AGENT_NAME,
        instructions=configuration.instructions,
        default_options=_options(configuration),
        middleware=[_delay(chat_client_delay_ms)] if chat_client_delay_ms else None,
    )
    return agent.run


def _options(configuration: TestConfiguration) -> Any:
    options: dict[str, Any] = {"temperature": configuration.temperature, "think": False}
    if configuration.seed is not None:
        options["seed"] = configuration.seed
    if configuration.max_tokens is not None:
        options["max_tokens"] = configuration.max_tokens
    return options


def _delay(milliseconds: float) -> Any:
    @chat_middleware
    async def delay(_context: ChatContext, call_next: Callable[[], Awaitable[None]]) -> None:
        end = time.perf_counter() + milliseconds / 1e3
        while time.perf_counter() < end:  # a sleep would be late by as much as it is long
            pass
        await call_next()

    return delay
