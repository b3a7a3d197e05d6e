"""Both real backends in every mode, scenario and flavour that they claim, and block by block."""

from typing import Any, get_args

import httpx
import pytest

from ollama_simulator import LatencyModel, SimulatorSettings
from shared_models import (
    AdvanceReply,
    Capabilities,
    Flavour,
    Metrics,
    Sample,
    Scenario,
    TestMode,
    TestResult,
)
from tests.support.backends import API, each_language, running_backend
from tests.support.simulator import running_simulator

pytestmark = each_language

LATENCY = LatencyModel(latency_ms=4, distribution="fixed", load_ms=0)


async def run(client: httpx.AsyncClient, **body: Any) -> tuple[Metrics, list[Sample]]:
    """Run to the end and return the figures and the samples."""
    reply = await client.post(f"{API}/run", params={"samples": "true"}, json=body)
    assert 200 == reply.status_code, reply.text
    result = TestResult.model_validate_json(reply.content)
    assert result.success, result.message
    assert result.metrics is not None
    return result.metrics, result.samples or []


async def claims(client: httpx.AsyncClient) -> Capabilities:
    reply = await client.get(f"{API}/capabilities")
    return Capabilities.model_validate_json(reply.content)


async def test_every_mode_runs_and_has_its_figures(language: str) -> None:
    """Streams have a first token, batches a time, an open loop a schedule; by calls and by time."""
    settings = SimulatorSettings(latency=LATENCY, slots=4)
    async with running_simulator(settings) as simulator, running_backend(language) as client:
        assert set(get_args(TestMode)) == set((await claims(client)).modes)
        wanted = {"endpoint": simulator.url, "iterations": 12}
        batch, _ = await run(client, testMode="batch", batchSize=4, **wanted)
        streaming, _ = await run(client, testMode="streaming", **wanted)
        rate, samples = await run(client, testMode="rate", ratePerSecond=100.0, **wanted)
        timed, rows = await run(client, endpoint=simulator.url, durationSeconds=0.3)

    assert batch.batches is not None
    assert (3, True) == (batch.batches.count, (batch.batches.min_ms or 0) >= 4)
    assert streaming.streaming is not None
    first_ms = streaming.streaming.median_time_to_first_token_ms
    assert first_ms is not None
    assert streaming.median_ms is not None
    assert 0 < first_ms <= streaming.median_ms
    assert rate.rate is not None
    assert (100.0, 12, 0) == (rate.rate.intended_per_second, rate.rate.arrivals, rate.rate.dropped)
    intended = sorted(sample.intended_start_ns or 0 for sample in samples)
    assert [10_000_000 * number for number in range(12)] == intended
    assert (rate.rate.service_median_ms or 0) <= (rate.median_ms or 0)
    assert list(range(1, len(rows) + 1)) == [sample.sequence for sample in rows]
    # The last one had its leave to start within the time; a busy machine may start it later.
    assert all(sample.start_ns < 300_000_000 for sample in rows[:-1])
    assert len(rows) == timed.total_iterations


async def test_every_scenario_and_flavour_that_is_claimed_runs(language: str) -> None:
    """Each brings its own prompt, and the flavour that was asked for has answered."""
    async with running_simulator() as simulator, running_backend(language) as client:
        claimed = await claims(client)
        assert set(get_args(Scenario)) == set(claimed.scenarios)
        assert set(get_args(Flavour)) - {"aot"} == set(claimed.flavours) - {"aot"}
        for scenario in claimed.scenarios:
            metrics, samples = await run(
                client, endpoint=simulator.url, scenario=scenario, turns=2, iterations=4
            )
            if scenario == "chat":
                assert metrics.scenario is None
                continue
            assert metrics.scenario is not None
            assert sum(len(one.calls) for one in samples) == metrics.scenario.model_calls
            assert (scenario == "tools") is (metrics.scenario.tool_calls > 0)
            assert (scenario == "tools") is (metrics.breakdown.tool_ms is not None)
            turns = [turn.success_count for turn in metrics.scenario.turns]
            assert ([2, 2] if scenario == "conversation" else []) == turns
        for flavour in claimed.flavours:
            if flavour == "aot":
                continue  # may have to be built first, which takes minutes
            metrics, _ = await run(client, endpoint=simulator.url, flavour=flavour, iterations=2)
            assert metrics.environment.agent is not None
            assert flavour == metrics.environment.agent.flavour


async def test_a_gated_run_on_a_real_agent(language: str) -> None:
    """Two runs side by side take turns, warmed up and with the model loaded first."""
    settings = SimulatorSettings(
        latency=LatencyModel(latency_ms=0, distribution="fixed", load_ms=100)
    )
    async with running_simulator(settings) as simulator, running_backend(language) as client:
        body = {"endpoint": simulator.url, "gated": True, "iterations": 10, "warmupSeconds": 0.2}
        sessions = []
        for _ in range(2):
            reply = await client.post(f"{API}/start", json=body)
            sessions.append(reply.json()["sessionId"])
        blocks = []
        for number in (0, 1, 1, 0):
            asked = {"sessionId": sessions[number], "iterations": 5}
            reply = await client.post(f"{API}/advance", json=asked)
            blocks.append(AdvanceReply.model_validate_json(reply.content))
        results = [
            TestResult.model_validate_json((await client.get(f"{API}/results/{one}")).content)
            for one in sessions
        ]

    assert ["Running", "Running", "Completed", "Completed"] == [one.status.status for one in blocks]
    for first, second, result in ((0, 3, results[0]), (1, 2, results[1])):
        samples = [*blocks[first].samples, *blocks[second].samples]
        assert list(range(1, 11)) == [sample.sequence for sample in samples]
        assert samples == result.samples
        ends = [sample.start_ns + sample.duration_ns for sample in samples]
        assert all(end <= after.start_ns for end, after in zip(ends, samples[1:], strict=False))
        assert result.metrics is not None
        assert result.metrics.environment.model_load_ms is not None
        assert result.metrics.warm_up is not None
        assert ("time", 0) == (
            result.metrics.warm_up.ended,
            result.metrics.warm_up.failure_count,
        )
        gap_ns = samples[5].start_ns - ends[4]
        elapsed_ns = samples[9].start_ns + samples[9].duration_ns - samples[0].start_ns
        per_second = result.metrics.iterations_per_second
        assert per_second is not None
        assert pytest.approx(10e9 / (elapsed_ns - gap_ns)) == per_second


async def test_an_agent_on_several_processes(language: str) -> None:
    """The calls are shared, the memory is the sum."""
    async with running_simulator() as simulator, running_backend(language) as client:
        wanted = {"endpoint": simulator.url, "iterations": 7}
        one, _ = await run(client, **wanted)
        three, samples = await run(client, agentProcesses=3, **wanted)

    assert list(range(1, 8)) == sorted(sample.sequence for sample in samples)
    assert (three.memory_used_mb or 0) > 2 * (one.memory_used_mb or 0)
