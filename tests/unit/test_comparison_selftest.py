"""The self-test's trials: what they compare, how they are judged, and how a test goes on."""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.trials import (
    Result,
    SelfTest,
    append_state,
    delay_for,
    read_state,
    request_for,
    result_of,
    summary,
    trials,
)
from orchestrator.errors import UsageError

from .test_comparison_coordinator import compared, pair

TEST = SelfTest(
    comparisons=4,
    launches=4,
    super_blocks=5,
    warmup_seconds=1.0,
    latency_ms=20.0,
    delay_percent=15.0,
)
BACKENDS = ["python-backend", "dotnet-backend"]


def results(same: str, delayed: tuple[str, str]) -> list[Result]:
    """Return a whole test; `delayed` are the verdicts when the first or second side is slower."""
    found = []
    for trial in trials(TEST, BACKENDS):
        verdict = same if trial.delayed_side is None else delayed[trial.delayed_side]
        fields: dict[str, Any] = {"reason": None, "ratio": 1.0, "low": 0.9, "high": 1.1}
        found.append(
            Result(
                kind=trial.kind,
                number=trial.number,
                backend=trial.backend,
                delayed_side=trial.delayed_side,
                delay_ms=0.0,
                verdict=verdict,
                median_ms=20.0,
                seconds=1.0,
                layout={},
                **fields,
            )
        )
    return found


def test_backends_and_delayed_sides_take_turns() -> None:
    """Every backend is delayed on either side."""
    found = trials(TEST, BACKENDS)

    assert ["same"] * 4 + ["delayed"] * 4 == [trial.kind for trial in found]
    assert BACKENDS * 4 == [trial.backend for trial in found]
    assert set(itertools.product(BACKENDS, (0, 1))) == {
        (trial.backend, trial.delayed_side) for trial in found if trial.kind == "delayed"
    }


def test_the_delay_is_a_share_of_that_backends_own_median() -> None:
    """As its undelayed comparisons measured it."""
    known = [
        replace(result, median_ms=30.0 if result.backend == BACKENDS[0] else 10.0)
        for result in results("equivalent", ("faster", "slower"))
    ]
    python, dotnet = [trial for trial in trials(TEST, BACKENDS) if trial.kind == "delayed"][:2]

    assert 4.5 == pytest.approx(delay_for(python, TEST, known))
    assert 1.5 == pytest.approx(delay_for(dotnet, TEST, known))
    assert 0 == delay_for(trials(TEST, BACKENDS)[0], TEST, known)
    assert 3 == pytest.approx(delay_for(python, TEST, []))


def test_a_request_compares_an_agent_with_itself() -> None:
    """The same backend twice, one side slower by the delay."""
    trial = next(t for t in trials(TEST, BACKENDS) if t.delayed_side == 0)
    request = request_for(trial, TEST, endpoint="http://127.0.0.1:1", delay_ms=3.0)

    assert request.sides is not None
    assert [("python-backend", 3.0), ("python-backend", None)] == [
        (side.backend, side.delay_ms) for side in request.sides
    ]
    assert (200, 4, 5) == (
        request.configuration.iterations,
        request.launches,
        request.calls_per_segment,
    )


@pytest.mark.parametrize(
    ("same", "delayed", "alarms", "detected", "passed"),
    [
        ("equivalent", ("faster", "slower"), 0, 4, True),
        ("inconclusive", ("faster", "slower"), 0, 4, True),
        ("slower", ("faster", "slower"), 4, 4, False),
        ("faster", ("faster", "slower"), 4, 4, False),
        ("equivalent", ("slower", "faster"), 0, 0, False),
        ("equivalent", ("inconclusive", "slower"), 0, 2, False),
    ],
)
def test_verdicts_are_judged(
    same: str, delayed: tuple[str, str], alarms: int, detected: int, passed: bool
) -> None:
    """A delayed first side makes the second one faster."""
    found = summary(TEST, results(same, delayed))

    assert (alarms, detected, passed) == (
        found["falseAlarms"],
        found["detected"],
        found["passed"],
    )


def test_a_test_that_is_not_complete_has_not_passed() -> None:
    """However good its results so far are."""
    assert not summary(TEST, results("equivalent", ("faster", "slower"))[:-1])["passed"]


async def test_a_comparison_becomes_a_result_that_is_kept(tmp_path: Path) -> None:
    """Written as a line and read again; a line that was cut off is made anew."""
    small = replace(TEST, launches=4, super_blocks=1)
    trial = next(t for t in trials(small, BACKENDS) if t.delayed_side == 1)
    report = await compared(request_for(trial, small, endpoint=None, delay_ms=6.0), *pair())
    result = result_of(trial, small, report, delay_ms=6.0, seconds=2.0)
    path = tmp_path / "deep" / "state.jsonl"

    append_state(path, result)
    with path.open("a") as file:
        file.write('{"kind": "sa')
    again = read_state(path, replace(small, comparisons=9))
    append_state(path, result)

    assert [result] == again
    assert [result] * 2 == read_state(path, small)
    assert result.detected
    assert result.ratio is not None
    assert 1.3 == pytest.approx(result.ratio, rel=0.05)


@pytest.mark.parametrize("content", ["[]\n", "{}\n", "hello\n", '{"kind": 1}\n'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: str) -> None:
    """And left as it is."""
    path = tmp_path / "state.jsonl"
    path.write_text(content)

    with pytest.raises(UsageError, match="no results of a self-test"):
        read_state(path, TEST)
    assert content == path.read_text()


def test_a_file_of_another_test_is_refused(tmp_path: Path) -> None:
    """Results of different layouts must not be counted together."""
    path = tmp_path / "state.jsonl"
    append_state(path, results("equivalent", ("faster", "slower"))[0])

    with pytest.raises(UsageError, match="with other options"):
        read_state(path, TEST)
