"""`perfcompare run` and `selftest` as processes, against the real backends and agents."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shared_models import ComparisonReport
from tests.support.stack import eventually, living, perfcompare, running_stack, started

pytestmark = [pytest.mark.stack, pytest.mark.dotnet, pytest.mark.timeout(300)]

SMALL = ("--launches", "2", "--iterations", "8", "--calls-per-segment", "2", "--warmup", "5")


def report_of(done: "subprocess.CompletedProcess[str]") -> ComparisonReport:
    """Return the report that a command printed."""
    assert done.stdout, done.stderr
    return ComparisonReport.model_validate_json(done.stdout)


def test_a_comparison_of_the_real_agents(tmp_path: Path) -> None:
    """Both agents, gated, interleaved; then again until Ctrl-C, which leaves no agent behind."""
    with running_stack() as stack:
        where = (
            *("--python-url", stack.urls["python-backend"]),
            *("--dotnet-url", stack.urls["dotnet-backend"]),
        )
        services = {process.pid for process in stack.descendants()}
        done = perfcompare("run", *SMALL, *where, "--json", data_dir=tmp_path)
        report = report_of(done)
        text = perfcompare("run", *SMALL, *where, "--schedule", "sequential", data_dir=tmp_path)
        interrupted = ("run", *where, "--iterations", "6000", "--warmup", "5", "--json")
        with started(interrupted, data_dir=tmp_path) as (process, errors):
            assert eventually(lambda: "measuring" in errors.read_text())
            process.send_signal(signal.SIGINT)
            code = process.wait(30)
            assert process.stdout is not None
            stopped = ComparisonReport.model_validate_json(process.stdout.read())
        agents = [process for process in stack.descendants() if process.pid not in services]
        assert not living(agents)

    assert (0, "Completed") == (done.returncode, report.status), done.stderr
    assert [8, 8] == [side.success_count for side in report.sides]
    assert ["Python", "CSharp"] == [side.agent.language for side in report.sides if side.agent]
    assert [[0, 1], [1, 0]] == report.order
    assert report.simulated
    assert "launch 2 of 2: measuring" in done.stderr
    assert (0, True) == (text.returncode, "--schedule interleaved gives one" in text.stdout)
    assert (130, "Stopped", "none") == (code, stopped.status, stopped.verdict)


def test_a_self_test_runs_on_services_of_its_own_and_goes_on(tmp_path: Path) -> None:
    """The smallest one; a delay of ten times the call is found, and nothing is run twice."""
    state = tmp_path / "state.jsonl"
    small = (
        *("--comparisons", "1", "--launches", "2", "--super-blocks", "1"),
        *("--warmup-seconds", "0.2", "--latency-ms", "5", "--delay-percent", "1000"),
        *("--state", str(state), "--json"),
    )
    first = perfcompare("selftest", *small, data_dir=tmp_path)
    kept = state.read_text()
    again = perfcompare("selftest", *small, data_dir=tmp_path)

    found: dict[str, Any] = json.loads(first.stdout)
    assert (1, 1) == (found["same"], found["delayed"]), first.stderr
    ratios = [json.loads(line)["ratio"] for line in kept.splitlines()]
    assert ratios[1] < 0.5 < ratios[0] < 2  # the first side was the delayed one
    assert first.stdout == again.stdout
    assert first.returncode == again.returncode == (0 if found["passed"] else 1)
    assert kept == state.read_text()
