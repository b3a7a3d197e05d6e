"""When a warm-up is over, against calls of which the test knows how long they take."""

from collections.abc import Callable
from typing import Any

import pytest

from benchmark.warm_up_rules import (
    MOST_CALLS,
    MOST_S,
    REQUEST_CALLS,
    WINDOW,
    WarmUpRule,
    warm_up_rule,
)
from shared_models import TestConfiguration
from tests.support.runs import MS, make_sample

Milliseconds = Callable[[int], float]
"""How long call n takes, from 0."""


def played(
    call_ms: Milliseconds, *, concurrency: int = 1, fails: bool = False, **configuration: Any
) -> tuple[WarmUpRule, list[int], float]:
    """Return the rule, the sizes of its requests and the time (s) that they took."""
    rule = warm_up_rule(TestConfiguration.model_validate(configuration), concurrency)
    sizes: list[int] = []
    now_s = 0.0
    while (size := rule.next_calls(now_s)) is not None:
        done = sum(sizes)
        durations = [round(call_ms(number) * MS) for number in range(done, done + size)]
        outcome = {"outcome": "error", "error_kind": "http"} if fails else {}
        samples = [make_sample(1, duration_ns=one, **outcome) for one in durations]
        took_s = sum(durations) / 1e9 / concurrency
        rule.take(samples, took_s)
        sizes.append(size)
        now_s += took_s
    return rule, sizes, now_s


@pytest.mark.parametrize(
    ("calls", "sizes"),
    [(0, [0]), (1, [1]), (1_000, [1_000]), (2_500, [1_000, 1_000, 500])],
)
def test_a_fixed_warm_up_makes_its_calls(calls: int, sizes: list[int]) -> None:
    """In requests whose replies fit into a line; none at all is asked for, too."""
    rule, found, _ = played(lambda _: 1.0, warmupIterations=calls)

    assert (sizes, "fixed") == (found, rule.ended)


def test_an_automatic_warm_up_ends_when_two_windows_are_no_faster() -> None:
    """A process that gets faster for three windows, then stays."""
    medians = [5.0, 4.0, 3.0, 3.0, 3.0, 3.0, 3.0]

    rule, sizes, _ = played(lambda n: medians[n // WINDOW], warmupIterations="auto")

    assert "steady" == rule.ended
    assert 5 * WINDOW == sum(sizes)
    assert [one * MS for one in medians[:5]] == list(rule.window_medians_ns)


@pytest.mark.parametrize(
    ("medians", "windows"),
    [
        pytest.param([3, 3, 3], 3, id="steady from the start"),
        pytest.param([3, 3, 2, 2, 2], 5, id="one steady window is not enough"),
        pytest.param([3, 2.95, 2.94], 3, id="within two per cent is steady"),
        pytest.param([3, 2, 2.5, 1.95, 1.95, 1.95], 6, id="the smallest one before counts"),
        pytest.param([3, 4, 5], 3, id="slower is not faster"),
    ],
)
def test_what_counts_as_steady(medians: list[float], windows: int) -> None:
    """At least 0.98 times the smallest median before, twice running."""
    tail = medians[-1]
    rule, sizes, _ = played(
        lambda n: medians[n // WINDOW] if n // WINDOW < len(medians) else tail,
        warmupIterations="auto",
    )

    assert ("steady", windows) == (rule.ended, len(rule.window_medians_ns))
    assert windows * WINDOW == sum(sizes)


def test_an_automatic_warm_up_gives_up_after_so_many_calls() -> None:
    """Calls that get faster for ever."""
    rule, sizes, _ = played(lambda n: 5 * 0.95 ** (n // WINDOW), warmupIterations="auto")

    assert ("call-cap", MOST_CALLS) == (rule.ended, sum(sizes))


@pytest.mark.parametrize("call_ms", [150, 1_000, 7_000])
def test_an_automatic_warm_up_gives_up_after_so_much_time(call_ms: int) -> None:
    """A slow model fills no three windows in that time; one call more may be under way."""
    rule, _, took_s = played(lambda _: call_ms, warmupIterations="auto")

    assert "time-cap" == rule.ended
    assert MOST_S <= took_s <= MOST_S + call_ms / 1e3


def test_calls_that_fail_have_no_median_and_end_by_a_cap() -> None:
    """Failures are quick, and not what is measured."""
    rule, sizes, _ = played(lambda _: 1.0, fails=True, warmupIterations="auto")

    assert ("call-cap", []) == (rule.ended, list(rule.window_medians_ns))
    assert MOST_CALLS == sum(sizes)


@pytest.mark.parametrize("call_ms", [0.5, 3, 40, 300])
def test_a_warm_up_by_time_lasts_so_long(call_ms: float) -> None:
    """It ends on time, but for the last call, however slow the first one was."""
    rule, sizes, took_s = played(
        lambda n: 400 if n == 0 else call_ms, warmupIterations="auto", warmupSeconds=2.0
    )

    assert "time" == rule.ended
    assert sum(sizes) >= 10
    longest_s = max(2.0, (400 + 9 * call_ms) / 1e3)
    assert 2.0 <= took_s <= longest_s + call_ms / 1e3
    assert max(sizes) <= REQUEST_CALLS


@pytest.mark.parametrize("asked", [{"warmupIterations": "auto"}, {"warmupSeconds": 1.0}])
@pytest.mark.parametrize("concurrency", [3, 10, 64])
def test_calls_that_come_together_are_made_in_whole_rounds(
    asked: dict[str, Any], concurrency: int
) -> None:
    """A batch is warmed up in whole batches, and every worker makes its calls."""
    rule, sizes, _ = played(lambda _: 2.0, concurrency=concurrency, **asked)

    assert rule.ended in ("steady", "time")
    assert {0} == {size % concurrency for size in sizes}
