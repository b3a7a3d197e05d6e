"""The warm-up of a run as its agent sees it and its result tells it."""

import json
from typing import Any

import anyio
import pytest

from benchmark.session import RunSession
from benchmark.states import RunState
from benchmark.views import result_of, status_of
from ollama_simulator import LatencyModel, SimulatorSettings
from service_defaults.endpoints import EndpointPolicy
from shared_models import Metrics, TestConfiguration
from tests.support.agents import ScriptedAgent, run_to_end
from tests.support.simulator import running_simulator

TELLS = """
def warmup(request):
    params = request["params"]
    sys.stderr.write("warmup " + json.dumps(params) + "\\n")
    first = params["firstSequence"]
    reply(request, samples=[sample(first + n) for n in range(params["iterations"])])
"""
FAILS = """
def warmup(request):
    failure = {"outcome": "error", "errorKind": "http", "errorMessage": "HTTP 500"}
    count = request["params"]["iterations"]
    reply(request, samples=[sample(n + 1, **failure) for n in range(count)])
"""
WAITS = """
def warmup(request):
    global waiting
    waiting = request

def cancel(request):
    reply(request, cancelled=True)
    reply(waiting, samples=[sample(1, outcome="cancelled", errorKind="cancelled")])
"""


def metrics_of(session: RunSession) -> Metrics:
    metrics = result_of(session).metrics
    assert metrics is not None
    return metrics


async def requests_of(capsys: pytest.CaptureFixture[str], **configuration: Any) -> list[Any]:
    """Return the parameters of the warm-up's requests, as the agent read them."""
    session = await run_to_end(ScriptedAgent(TELLS), iterations=1, **configuration)
    assert RunState.COMPLETED is session.state, session.message
    lines = capsys.readouterr().out.split("warmup ")[1:]
    return [json.JSONDecoder().raw_decode(line)[0] for line in lines]


@pytest.mark.parametrize(
    ("configuration", "mode", "concurrency"),
    [
        ({}, "standard", 1),
        ({"testMode": "batch", "batchSize": 4}, "batch", 4),
        ({"testMode": "concurrent", "concurrentRequests": 3}, "concurrent", 3),
        ({"testMode": "streaming"}, "streaming", 1),
        ({"testMode": "rate", "ratePerSecond": 9.0}, "standard", 1),
    ],
)
async def test_a_warm_up_is_made_as_the_run_will_be(
    capsys: pytest.CaptureFixture[str],
    configuration: dict[str, Any],
    mode: str,
    concurrency: int,
) -> None:
    """In its mode and with its concurrency; an open loop warms up call by call."""
    (request,) = await requests_of(capsys, warmupIterations=7, **configuration)

    assert (7, 1, mode, concurrency) == (
        request["iterations"],
        request["firstSequence"],
        request["mode"],
        request["concurrency"],
    )


async def test_a_long_warm_up_numbers_its_requests_on(capsys: pytest.CaptureFixture[str]) -> None:
    """One sequence over all requests, so that no prompt comes twice."""
    requests = await requests_of(capsys, warmupIterations=1_500)

    assert [(1, 1_000), (1_001, 500)] == [
        (one["firstSequence"], one["iterations"]) for one in requests
    ]


async def test_the_result_tells_the_warm_up_and_what_a_cold_agent_felt_like() -> None:
    """The first calls of the process, warm-up or not, beside the run's own median."""
    slow = """
def sample(number, **fields):
    return {"sequence": number, "worker": 0, "startNs": 0, "durationNs": 10**6 * number,
            "outcome": "ok", "calls": [], **fields}
"""
    metrics = metrics_of(await run_to_end(ScriptedAgent(slow), iterations=20, warmupIterations=4))
    warm_up = metrics.warm_up

    assert warm_up is not None
    assert (4, 0, "fixed", []) == (
        warm_up.iterations,
        warm_up.failure_count,
        warm_up.ended,
        warm_up.window_medians_ms,
    )
    # 1, 2, 3, 4 ms in the warm-up, then 1 … 6 ms in the run.
    assert (10, 3.0) == (warm_up.cold_calls, warm_up.cold_median_ms)
    assert (True, warm_up.time_ms) == (metrics.warmup_successful, metrics.warmup_time_ms)
    assert 1.0 == metrics.first_call_ms
    assert metrics.environment.model_load_ms is None


async def test_an_automatic_warm_up_stops_when_the_calls_are_steady() -> None:
    """And says so, with the medians that it looked at."""
    metrics = metrics_of(await run_to_end(ScriptedAgent(), iterations=1, warmupIterations="auto"))
    warm_up = metrics.warm_up

    assert warm_up is not None
    assert ("steady", 150) == (warm_up.ended, warm_up.iterations)
    assert pytest.approx([0.001] * 3) == warm_up.window_medians_ms


async def test_a_run_that_asks_for_steady_calls_loads_the_model_first() -> None:
    """The load is a figure of its own, and in no call."""
    settings = SimulatorSettings(
        latency=LatencyModel(latency_ms=0, distribution="fixed", load_ms=300)
    )
    async with running_simulator(settings) as simulator:
        wanted = {"endpoint": simulator.url, "iterations": 1, "warmupSeconds": 0.1}
        session = RunSession(ScriptedAgent(), TestConfiguration.model_validate(wanted))
        await session.execute(EndpointPolicy())
    metrics = metrics_of(session)

    assert metrics.environment.model_load_ms is not None
    assert metrics.environment.model_load_ms >= 300
    assert metrics.warm_up is not None
    assert "time" == metrics.warm_up.ended
    assert metrics.warm_up.iterations >= 10
    assert metrics.warm_up.time_ms >= 100


@pytest.mark.parametrize("warmup", [5, "auto"])
async def test_five_failures_in_a_row_end_a_warm_up(warmup: object) -> None:
    """A hopeless run ends before it measures."""
    session = await run_to_end(ScriptedAgent(FAILS), warmupIterations=warmup)

    assert (RunState.FAILED, "5 calls in a row failed: HTTP 500") == (
        session.state,
        session.message,
    )
    assert 0 == len(session.record.samples)


async def test_a_warm_up_with_fewer_failures_lets_the_run_go_on() -> None:
    """It is told as not successful, and the run shows the rest."""
    session = await run_to_end(ScriptedAgent(FAILS), warmupIterations=2, iterations=3)
    metrics = metrics_of(session)

    assert (RunState.COMPLETED, False, None) == (
        session.state,
        metrics.warmup_successful,
        metrics.first_call_ms,
    )
    assert metrics.warm_up is not None
    assert (2, 2) == (metrics.warm_up.iterations, metrics.warm_up.failure_count)


async def test_an_agent_that_makes_fewer_calls_than_asked_breaks_the_protocol() -> None:
    """Else a warm-up by time would never end."""
    agent = ScriptedAgent("def warmup(request):\n    reply(request, samples=[])")
    session = await run_to_end(agent, warmupSeconds=0.1)

    assert (RunState.FAILED, "bridge-protocol") == (session.state, session.failure_kind)
    assert "0 of 1 calls of the warm-up" in (session.message or "")


async def test_a_run_can_be_stopped_in_its_warm_up() -> None:
    """The status says that it warms up, and a stop does not wait for the calls."""
    async with running_simulator() as simulator:
        wanted = {"endpoint": simulator.url, "warmupIterations": "auto"}
        session = RunSession(ScriptedAgent(WAITS), TestConfiguration.model_validate(wanted))
        async with anyio.create_task_group() as group:
            group.start_soon(session.execute, EndpointPolicy())
            while session.state is not RunState.WARMING_UP:
                await session.next_change.wait()
            phase = status_of(session).phase
            await session.stop(grace_s=30)

    assert "WarmingUp" == phase
    assert (RunState.STOPPED, "Stopped on request") == (session.state, session.message)
    assert metrics_of(session).warm_up is None
