"""The official client and the real agent work against the simulator."""

from collections.abc import AsyncIterator

import ollama
import pytest
from agent_framework import Agent
from agent_framework_ollama import OllamaChatClient
from pydantic import BaseModel

from ollama_simulator import Fault
from tests.support.simulator import RunningSimulator

MODEL = "ministral-3"
HELLO = [{"role": "user", "content": "Say hello 1"}]


@pytest.fixture
async def client(simulator: RunningSimulator) -> AsyncIterator[ollama.AsyncClient]:
    made = ollama.AsyncClient(
        host=simulator.url, trust_env=False, follow_redirects=False, timeout=20
    )
    async with made._client:  # the client has no way to close its connections
        yield made


@pytest.fixture
def agent(client: ollama.AsyncClient) -> Agent:
    return Agent(
        client=OllamaChatClient(client=client, model=MODEL),
        name="greeter",
        instructions="Greet briefly.",
    )


async def test_the_client_chats(client: ollama.AsyncClient) -> None:
    reply = await client.chat(model=MODEL, messages=HELLO, options={"temperature": 0})
    assert reply.message.content
    assert reply.done_reason == "stop"
    assert reply.eval_count
    assert reply.total_duration
    assert reply.eval_duration
    streamed = [
        part.message.content or ""
        async for part in await client.chat(
            model=MODEL, messages=HELLO, options={"temperature": 0}, stream=True
        )
    ]
    assert "".join(streamed) == reply.message.content


async def test_the_client_generates(client: ollama.AsyncClient) -> None:
    reply = await client.generate(model=MODEL, prompt="Say hello 1")
    assert reply.response
    assert reply.context


async def test_the_client_reads_what_is_there(client: ollama.AsyncClient) -> None:
    await client.generate(model=MODEL, keep_alive=-1)
    names = [model.model for model in (await client.list()).models]
    assert f"{MODEL}:latest" in names
    shown = await client.show(MODEL)
    assert shown.capabilities is not None
    assert "completion" in shown.capabilities
    (running,) = (await client.ps()).models
    assert running.expires_at is not None
    assert running.expires_at.year > 2300


async def test_the_client_is_told_that_a_model_is_missing(client: ollama.AsyncClient) -> None:
    with pytest.raises(ollama.ResponseError, match="model 'nope' not found") as caught:
        await client.chat(model="nope", messages=HELLO)
    assert caught.value.status_code == 404


async def test_the_client_sees_an_error_in_a_stream(
    simulator: RunningSimulator, client: ollama.AsyncClient
) -> None:
    simulator.app.simulator.faults.replace([Fault(kind="error-line", text="crashed")])
    with pytest.raises(ollama.ResponseError, match="crashed"):
        async for _ in await client.chat(model=MODEL, messages=HELLO, stream=True):
            pass


async def test_the_agent_gets_an_answer(simulator: RunningSimulator, agent: Agent) -> None:
    reply = await agent.run("Say hello 1")
    assert reply.text.startswith("Here’s a")
    (sent,) = simulator.requests
    assert sent["model"] == MODEL
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]
    assert sent["messages"][0]["content"] == "Greet briefly."


async def test_the_agent_streams_an_answer(simulator: RunningSimulator, agent: Agent) -> None:
    parts = [update.text async for update in agent.run("Say hello 1", stream=True)]
    assert "".join(parts).startswith("Here’s a")
    assert simulator.requests[0]["stream"] is True


async def test_the_agent_calls_the_tools_that_it_is_asked_to(
    simulator: RunningSimulator, client: ollama.AsyncClient
) -> None:
    called: list[tuple[int, int]] = []

    def add_numbers(a: int, b: int) -> int:
        """Add two whole numbers."""
        called.append((a, b))
        return a + b

    agent = Agent(client=OllamaChatClient(client=client, model=MODEL), tools=[add_numbers])
    reply = await agent.run("Say hello 1")
    assert reply.text.startswith("Here’s a")
    assert len(called) == simulator.app.simulator.settings.tool_calls
    _, second = simulator.requests
    results = [message for message in second["messages"] if message["role"] == "tool"]
    assert [result["content"] for result in results] == [str(a + b) for a, b in called]


async def test_the_agent_streams_and_calls_tools(client: ollama.AsyncClient) -> None:
    called: list[str] = []

    def count_words(text: str) -> int:
        """Count the words of a text."""
        called.append(text)
        return len(text.split())

    agent = Agent(client=OllamaChatClient(client=client, model=MODEL), tools=[count_words])
    parts = [update.text async for update in agent.run("Say hello 1", stream=True)]
    assert "".join(parts).startswith("Here’s a")
    assert len(called) == 2


async def test_the_agent_gets_a_typed_answer(agent: Agent) -> None:
    class City(BaseModel):
        city: str
        population: int

    reply = await agent.run("Name a city", options={"response_format": City})
    assert isinstance(reply.value, City)
    assert reply.value.city
