"""Both real backends against model servers that are missing, wrong or broken."""

import socket
from typing import Any

import pytest

from ollama_simulator import LatencyModel, SimulatorSettings
from ollama_simulator.faults import Fault
from shared_models import TestResult
from tests.support.backends import API, each_language, running_backend
from tests.support.simulator import INSTANT, running_simulator

pytestmark = each_language


async def result_of_run(
    language: str, endpoint: str, **configuration: Any
) -> tuple[TestResult, dict[str, Any]]:
    """Return the result of a run with its samples, and the last status."""
    async with running_backend(language) as client:
        body = {"endpoint": endpoint, "iterations": 3, **configuration}
        reply = await client.post(f"{API}/run", params={"samples": "true"}, json=body)
        assert 200 == reply.status_code, reply.text
        return (
            TestResult.model_validate_json(reply.content),
            (await client.get(f"{API}/status")).json(),
        )


def with_fault(kind: str, **details: Any) -> SimulatorSettings:
    return SimulatorSettings(latency=INSTANT, faults=(Fault(kind=kind, **details),))


def failures_of(result: TestResult) -> dict[str, int]:
    assert result.metrics is not None
    return result.metrics.failures


async def test_nothing_at_the_endpoint_fails_the_run_before_its_first_call(language: str) -> None:
    """One cause instead of as many errors as iterations."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    result, status = await result_of_run(language, f"http://127.0.0.1:{port}", iterations=50)

    assert (False, []) == (result.success, result.samples)
    assert f"127.0.0.1:{port}: the connection was refused" in result.message
    assert ("Failed", 0, result.message) == (
        status["status"],
        status["currentIteration"],
        status["errorMessage"],
    )


async def test_an_unknown_model_fails_the_run_before_its_first_call(language: str) -> None:
    """The message names the model."""
    async with running_simulator() as simulator:
        result, status = await result_of_run(language, simulator.url, model="no-such-model")
        asked = simulator.requests

    assert (False, [], []) == (result.success, result.samples, asked)
    assert "no-such-model" in result.message
    assert "Failed" == status["status"]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param({"kind": "status", "status": 400}, "http", id="400"),
        pytest.param({"kind": "status", "status": 401}, "http", id="401"),
        pytest.param({"kind": "status", "status": 500}, "http", id="500"),
        pytest.param({"kind": "status", "status": 503}, "http", id="503"),
        pytest.param({"kind": "error-line"}, "http", id="error before the body"),
        pytest.param({"kind": "redirect", "status": 302}, "http", id="302"),
        pytest.param(
            {"kind": "redirect", "status": 307, "location": "http://169.254.169.254/"},
            "http",
            id="307 to the metadata address",
        ),
        pytest.param(
            {"kind": "redirect", "status": 301, "location": "file:///etc/passwd"},
            "http",
            id="301 to a file",
        ),
        pytest.param({"kind": "not-json"}, "invalid-reply", id="not JSON"),
        pytest.param({"kind": "endless-body"}, "invalid-reply", id="endless body"),
        pytest.param({"kind": "cut-before-headers"}, "incomplete", id="cut before the headers"),
        pytest.param({"kind": "cut-mid-body"}, "incomplete", id="cut in the body"),
        pytest.param({"kind": "missing-done"}, "incomplete", id="no done"),
        pytest.param({"kind": "status", "status": 200}, "stream-error", id="error in a 200"),
    ],
)
async def test_a_failed_call_is_counted_under_its_kind_and_the_run_goes_on(
    language: str, fault: dict[str, Any], kind: str
) -> None:
    """The same fault has the same name on both sides, and enters no latency figure."""
    async with running_simulator(with_fault(**fault, after=2, count=1)) as simulator:
        result, status = await result_of_run(language, simulator.url, iterations=4)

    assert {kind: 1} == failures_of(result), result.samples
    assert result.metrics is not None
    assert (True, 3, 4) == (
        result.success,
        result.metrics.success_count,
        result.metrics.total_iterations,
    )
    bad = [sample for sample in result.samples or [] if sample.outcome != "ok"]
    assert [(2, "error", kind)] == [(one.sequence, one.outcome, one.error_kind) for one in bad]
    assert "Completed" == status["status"]


async def test_all_calls_failing_is_no_success_and_ends_early(language: str) -> None:
    """Five failures in a row end the run; none of them is a latency."""
    settings = with_fault("status", status=500, text="out of memory")
    async with running_simulator(settings) as simulator:
        result, status = await result_of_run(language, simulator.url, iterations=500)

    assert result.metrics is not None
    assert (False, 0) == (result.success, result.metrics.success_count)
    assert 5 <= result.metrics.failure_count < 500
    assert {"http"} == set(failures_of(result))
    assert result.metrics.average_time_per_iteration_ms is None
    assert (False, "Failed") == (result.metrics.warmup_successful, status["status"])
    assert "5 calls in a row failed" in result.message


async def test_few_calls_that_all_fail_complete_without_success(language: str) -> None:
    """A run that is too short for the breaker ends as it was asked to, and is no success."""
    async with running_simulator(with_fault("status", status=500)) as simulator:
        result, status = await result_of_run(language, simulator.url, iterations=3)

    assert (False, "Every call failed") == (result.success, result.message)
    assert ({"http": 3}, "Completed") == (failures_of(result), status["status"])


async def test_a_model_that_vanishes_during_the_run_ends_it_at_once(language: str) -> None:
    """A 404 for the model will not get better."""
    settings = with_fault("status", status=404, text="model 'ministral-3' not found", after=3)
    async with running_simulator(settings) as simulator:
        result, status = await result_of_run(language, simulator.url, iterations=500)

    assert (False, "Failed") == (result.success, status["status"])
    assert "not found" in result.message
    assert {"model-not-found"} == set(failures_of(result))
    assert 400 > failures_of(result)["model-not-found"]


@pytest.mark.parametrize("kind", ["stall-before-headers", "slow-header"])
async def test_a_stalled_call_is_a_time_out_and_the_run_goes_on(language: str, kind: str) -> None:
    """The limit of each call holds wherever the server stops."""
    settings = with_fault(kind, seconds=600.0, after=1, count=1)
    async with running_simulator(settings) as simulator:
        # Long enough for the first call of a cold .NET agent on a busy machine, which goes before.
        result, _ = await result_of_run(language, simulator.url, requestTimeoutSeconds=4)

    assert {"timeout": 1} == failures_of(result), result.samples
    assert ["timeout", "ok", "ok"] == [sample.outcome for sample in result.samples or []]


async def test_a_slow_model_times_out_and_frees_its_slot(language: str) -> None:
    """A call that was given up does not go on at the server behind the next one's back."""
    slow = LatencyModel(latency_ms=3_600_000, distribution="fixed", load_ms=0)
    async with running_simulator(SimulatorSettings(latency=slow, slots=1)) as simulator:
        # The first call of a cold .NET agent compiles for a while before it reaches the server.
        result, _ = await result_of_run(language, simulator.url, requestTimeoutSeconds=3)
        reached = len(simulator.requests)

    assert {"timeout": 3} == failures_of(result)
    assert 4 == reached


async def test_the_model_servers_text_is_cut_and_stays_text(language: str) -> None:
    """A hostile error text is bounded in the samples and harmless in JSON and CSV."""
    text = "<script>alert(1)</script>\u202e" + "x" * 5_000
    settings = with_fault("status", status=500, text=text, after=1, count=1)
    async with running_simulator(settings) as simulator:
        result, _ = await result_of_run(language, simulator.url)

    (bad,) = [sample for sample in result.samples or [] if sample.outcome != "ok"]
    assert 500 >= len(bad.error_message or "")


async def test_a_server_that_dies_half_way_ends_the_run_with_its_samples(language: str) -> None:
    """The breaker ends the rest; what was measured stays."""
    async with running_simulator(with_fault("cut-before-headers", after=20)) as simulator:
        result, status = await result_of_run(language, simulator.url, iterations=400)

    assert result.metrics is not None
    assert ("Failed", 19) == (status["status"], result.metrics.success_count)
    assert {"incomplete"} == set(failures_of(result))
