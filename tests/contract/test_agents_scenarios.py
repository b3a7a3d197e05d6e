"""Every mode, scenario and flavour on both agents: samples say what the model server saw."""

from typing import Any

import pytest

from ollama_simulator import LatencyModel
from shared_models import Sample, trace_ids
from tests.support.backends import each_language, introduced_agent
from tests.support.simulator import RunningSimulator

SCENARIOS = ["chat", "tools", "conversation", "structured"]
FLAVOURS = ["agent", "client", "http"]
MODES: dict[str, dict[str, Any]] = {
    "standard": {"concurrency": 1},
    "streaming": {"concurrency": 1},
    "batch": {"concurrency": 3},
    "concurrent": {"concurrency": 3},
    "rate": {"concurrency": 50, "ratePerSecond": 200.0},
}
ITERATIONS = 6
TURNS = 2
TOOL_CALLS = 2
"""What the simulator asks for when functions are offered."""

Record = dict[str, Any]


@each_language
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_samples_say_what_the_model_server_saw(
    language: str, flavour: str, scenario: str
) -> None:
    """The same model calls, function calls and tokens, and layers that lie inside each other."""
    latency = LatencyModel(latency_ms=2, token_ms=0.1, load_ms=0)
    async with introduced_agent(
        language, latency=latency, slots=16, flavour=flavour, scenario=scenario, turns=TURNS
    ) as (talk, simulator):
        for mode, params in MODES.items():
            simulator.app.simulator.recorded.clear()
            talk.samples = []
            end = await talk.run(runId=mode, mode=mode, iterations=ITERATIONS, **params)
            records = records_by_trace(simulator)

            assert (ITERATIONS, 0) == (end["completed"], end["dropped"])
            assert list(range(1, ITERATIONS + 1)) == sorted(one.sequence for one in talk.samples)
            assert len(records) == sum(len(sample.calls) for sample in talk.samples)
            for sample in talk.samples:
                seen = [records[trace] for trace in traces(mode, sample)]
                check_sums(sample, seen)
                check_layers(sample)
                check_mode(mode, sample, seen)
                check_scenario(scenario, sample, seen)
            if scenario == "conversation" and mode in ("standard", "streaming"):
                assert [1, 2] * 3 == [sample.turn for sample in talk.samples]


def records_by_trace(simulator: RunningSimulator) -> dict[str, Record]:
    """Return what the server recorded of each request, by its `traceparent`."""
    found = [recorded.described() for recorded in simulator.app.simulator.recorded]
    return {dict(map(tuple, one["headers"]))["traceparent"]: one for one in found}


def traces(run_id: str, sample: Sample) -> list[str]:
    """Return the `traceparent` that each of the sample's model calls must have carried."""
    calls = range(1, len(sample.calls) + 1)
    return [trace_ids(run_id, sample.sequence, call=call).traceparent for call in calls]


def check_sums(sample: Sample, seen: list[Record]) -> None:
    """Each call's tokens are the server's own, and the sample's are their sums."""
    assert ("ok", None) == (sample.outcome, sample.error_kind)
    prompt = [record["promptTokens"] for record in seen]
    completion = [record["completionTokens"] for record in seen]
    assert prompt == [call.prompt_tokens for call in sample.calls]
    assert completion == [call.completion_tokens for call in sample.calls]
    assert (sum(prompt), sum(completion)) == (sample.prompt_tokens, sample.completion_tokens)


def check_layers(sample: Sample) -> None:
    """framework, transport, model and tool are never negative, in each call and in sum."""
    assert sample.transport_ns is not None
    assert sample.model_ns is not None
    assert sample.duration_ns >= sample.transport_ns + (sample.tool_ns or 0)
    assert sample.transport_ns == sum(call.transport_ns or 0 for call in sample.calls)
    assert sample.model_ns == sum(call.model_ns or 0 for call in sample.calls)
    for call in sample.calls:
        assert call.transport_ns is not None
        assert call.model_ns is not None
        assert call.duration_ns >= call.transport_ns >= call.model_ns > 0
        assert sample.start_ns <= call.start_ns
        assert call.start_ns + call.duration_ns <= sample.start_ns + sample.duration_ns


def check_mode(mode: str, sample: Sample, seen: list[Record]) -> None:
    """Only streamed answers are streamed, and only an open loop has an intended start."""
    assert {mode == "streaming"} == {record["stream"] for record in seen}
    if mode == "streaming":
        assert sample.first_token_ns is not None
        assert sample.last_token_ns is not None
        assert 1 < (sample.chunks or 0) <= (sample.completion_tokens or 0)
        assert 0 < sample.first_token_ns < sample.last_token_ns <= sample.duration_ns
    else:
        assert (None, None, None) == (sample.first_token_ns, sample.last_token_ns, sample.chunks)
    if mode == "rate":
        assert sample.intended_start_ns is not None
        assert sample.start_ns >= sample.intended_start_ns
        assert 0 == sample.intended_start_ns % 5_000_000
    else:
        assert sample.intended_start_ns is None


def check_scenario(scenario: str, sample: Sample, seen: list[Record]) -> None:
    """What belongs to a scenario is there, and in no other one."""
    if scenario == "tools":
        assert [TOOL_CALLS, 0] == [record["toolCalls"] for record in seen]
        assert [0, TOOL_CALLS] == [record["toolResults"] for record in seen]
        assert TOOL_CALLS == sample.tool_calls
        assert sample.tool_ns is not None
        assert sample.tool_ns > 0
    else:
        assert 1 == len(seen)
        assert (None, None) == (sample.tool_calls, sample.tool_ns)
    assert (sample.turn is not None) == (scenario == "conversation")
    assert 1 + 2 * ((sample.turn or 1) - 1) == seen[0]["messages"]
    assert {scenario == "structured"} == {record["hasFormat"] for record in seen}
    assert (True if scenario == "structured" else None) == sample.parsed
