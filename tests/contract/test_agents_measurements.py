"""What the two real agents measure, and what they send to the model server."""

import anyio
import pytest

from ollama_simulator import LatencyModel
from shared_models import RunResult, Sample, trace_ids
from tests.support.backends import STUCK, each_language, introduced_agent, new_agent
from tests.support.conversation import block
from tests.support.simulator import running_simulator
from tests.support.waiting import eventually

pytestmark = each_language


async def test_each_iteration_has_its_own_prompt(language: str) -> None:
    """The list is cycled, `{n}` is the number from 1, and numbering goes on where it is told."""
    async with introduced_agent(language, prompts=["a {n}", "b", "c {n}{n}"]) as (talk, simulator):
        await talk.run(firstSequence=1, iterations=4)
        await talk.run(firstSequence=5, iterations=2)

        sent = [body["messages"][-1]["content"] for body in simulator.requests]
        assert ["a 1", "b", "c 33", "a 4", "b", "c 66"] == sent
        assert list(range(1, 7)) == [sample.sequence for sample in talk.samples]


async def test_the_configuration_reaches_the_model_server(language: str) -> None:
    """Instructions, options, thinking off, no stream, and the trace of each call."""
    async with introduced_agent(
        language,
        instructions="Be brief.",
        temperature=0.5,
        seed=7,
        maxTokens=9,
        model="llama2",
        prompt="Hi",
    ) as (talk, simulator):
        await talk.run(iterations=2)
        bodies = simulator.requests
        headers = [
            {name.decode().lower(): value.decode() for name, value in request.headers}
            for request in simulator.app.simulator.recorded
        ]

    assert 2 == len(bodies)
    for number, (body, header) in enumerate(zip(bodies, headers, strict=True), start=1):
        assert [("system", "Be brief."), ("user", "Hi")] == [
            (message["role"], message["content"]) for message in body["messages"]
        ]
        assert ("llama2", False, False) == (body["model"], body["stream"], body["think"])
        expected = {"temperature": 0.5, "seed": 7, "num_predict": 9}
        assert expected == {name: body["options"][name] for name in expected}
        assert trace_ids("r", number, call=1).traceparent == header["traceparent"]


async def test_the_connection_goes_to_the_checked_address_under_the_endpoints_name(
    language: str,
) -> None:
    """A name is not resolved a second time behind the backend's back."""
    async with running_simulator() as simulator, new_agent(language) as talk:
        address = simulator.url.removeprefix("http://")
        port = address.rpartition(":")[2]
        endpoint = f"http://localhost:{port}"
        reply = await talk.ask(
            "initialize",
            protocolVersion=1,
            configuration={"endpoint": endpoint},
            connectTo=address,
        )
        await talk.run(iterations=1)
        (request,) = simulator.app.simulator.recorded

    assert "result" in reply
    hosts = [value.decode() for name, value in request.headers if name.lower() == b"host"]
    assert [f"localhost:{port}"] == hosts


async def test_a_call_that_takes_too_long_is_a_time_out(language: str) -> None:
    """Each call has its own limit, and the run goes on after it."""
    async with introduced_agent(language, latency=STUCK, requestTimeoutSeconds=0.3) as (talk, _):
        result = await talk.run(iterations=2)

        assert (2, False) == (result["completed"], result["cancelled"])
        assert [("timeout", "timeout")] * 2 == [
            (sample.outcome, sample.error_kind) for sample in talk.samples
        ]
        assert all(sample.duration_ns >= 290_000_000 for sample in talk.samples)


@pytest.mark.parametrize("mode", ["batch", "concurrent"])
async def test_as_many_calls_are_in_flight_as_were_asked_for(language: str, mode: str) -> None:
    """k workers are k requests at the server at once, and never more."""
    async with introduced_agent(language, latency=STUCK, slots=16) as (talk, simulator):
        await talk.request("run", **block(mode=mode, concurrency=7, iterations=20))
        await eventually(lambda: len(simulator.requests) >= 7)
        await anyio.sleep(0.1)

        assert 7 == len(simulator.requests)


async def test_the_layers_of_a_call_are_never_negative(language: str) -> None:
    """call ≥ HTTP exchange ≥ the server's own time, one exchange per call, also side by side."""
    latency = LatencyModel(latency_ms=3, load_ms=0)
    async with introduced_agent(language, latency=latency, slots=4) as (talk, _):
        for mode, concurrency in (("standard", 1), ("batch", 4), ("concurrent", 4)):
            talk.samples = []
            end = await talk.run(runId=mode, mode=mode, concurrency=concurrency, iterations=30)

            assert list(range(1, 31)) == sorted(sample.sequence for sample in talk.samples)
            for sample in talk.samples:
                check_layers(sample, wall_ns=RunResult.model_validate(end).wall_ns)


def check_layers(sample: Sample, *, wall_ns: int) -> None:
    """Assert that a good sample's parts lie inside each other."""
    assert "ok" == sample.outcome
    assert sample.transport_ns is not None
    assert sample.model_ns is not None
    assert sample.duration_ns >= sample.transport_ns >= sample.model_ns
    (call,) = sample.calls
    end_ns = sample.start_ns + sample.duration_ns
    assert sample.start_ns <= call.start_ns
    assert call.start_ns + call.duration_ns <= end_ns <= wall_ns
    assert (sample.prompt_tokens, sample.completion_tokens) == (
        call.prompt_tokens,
        call.completion_tokens,
    )


async def test_samples_carry_worker_and_batch(language: str) -> None:
    """Batches are numbered from 1 and follow each other; workers from 0."""
    async with introduced_agent(language, slots=4) as (talk, _):
        await talk.run(mode="batch", concurrency=4, iterations=10)
        batched, talk.samples = sorted(talk.samples, key=lambda one: one.sequence), []
        await talk.run(runId="next", mode="concurrent", concurrency=4, iterations=10)

        assert [1] * 4 + [2] * 4 + [3] * 2 == [sample.batch for sample in batched]
        assert [0, 1, 2, 3, 0, 1, 2, 3, 0, 1] == [sample.worker for sample in batched]
        assert {None} == {sample.batch for sample in talk.samples}
        assert {0, 1, 2, 3} >= {sample.worker for sample in talk.samples}
        for earlier, later in ((batched[:4], batched[4:8]), (batched[4:8], batched[8:])):
            ended = max(sample.start_ns + sample.duration_ns for sample in earlier)
            assert ended <= min(sample.start_ns for sample in later)
