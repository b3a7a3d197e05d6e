"""The running figures against a naive recomputation, and the samples read back."""

import json
import tracemalloc
from itertools import pairwise
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import BridgeProtocol
from benchmark.sample_log import MAX_NS, SampleLog
from shared_models import Sample
from tests.support.runs import make_sample as sample

TIME = st.integers(min_value=0, max_value=10**12)
FIGURE = st.none() | TIME
OUTCOMES = st.sampled_from(
    [
        ("ok", None),
        ("ok", None),
        ("error", "http"),
        ("error", None),
        ("timeout", "timeout"),
        ("cancelled", "cancelled"),
    ]
)


@st.composite
def batches(draw: st.DrawFn) -> list[list[Sample]]:
    """Samples of a run in any order, cut into batches."""
    count = draw(st.integers(min_value=0, max_value=40))
    sequences = draw(st.permutations(range(1, count + 1)))
    samples = []
    for sequence in sequences:
        outcome, kind = draw(OUTCOMES)
        fields: dict[str, Any] = {
            name: draw(FIGURE)
            for name in ("transport_ns", "model_ns", "tool_ns", "prompt_tokens", "first_token_ns")
        }
        times = {name: draw(TIME) for name in ("start_ns", "duration_ns")}
        samples.append(sample(sequence, outcome=outcome, error_kind=kind, **times, **fields))
    cuts = sorted(draw(st.lists(st.integers(min_value=0, max_value=count), max_size=6)))
    edges = [0, *cuts, count]
    return [samples[start:end] for start, end in pairwise(edges)]


def mean_of(values: list[int | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


@given(batches())
def test_the_running_figures_are_those_of_all_samples_at_once(parts: list[list[Sample]]) -> None:
    """Nothing depends on how the samples were batched or ordered."""
    log = SampleLog()
    for part in parts:
        log.extend(part)
    everything = [one for part in parts for one in part]
    good = [one for one in everything if one.outcome == "ok"]
    attempts = [one for one in everything if one.outcome != "cancelled"]
    durations = [one.duration_ns for one in good]

    assert len(everything) == len(log)
    assert durations == list(log.durations_ns)
    assert (len(good), len(attempts)) == (log.success_count, log.attempt_count)
    assert len(attempts) - len(good) == log.failure_count
    assert (min(durations, default=None), max(durations, default=None)) == log.extremes_ns
    assert pytest.approx(fmean(durations) if durations else None) == log.average_ns
    assert min((one.start_ns for one in attempts), default=None) == log.first_start_ns
    ends = [one.start_ns + one.duration_ns for one in attempts]
    assert max(ends, default=None) == log.last_end_ns


@given(batches())
def test_the_breakdown_is_over_the_calls_that_know_it(parts: list[list[Sample]]) -> None:
    """Unknown is left out of a mean; it is never 0."""
    log = SampleLog()
    for part in parts:
        log.extend(part)
    good = [one for part in parts for one in part if one.outcome == "ok"]
    framework = [
        None
        if one.transport_ns is None
        else one.duration_ns - one.transport_ns - (one.tool_ns or 0)
        for one in good
    ]
    transport = [
        None
        if one.transport_ns is None or one.model_ns is None
        else one.transport_ns - one.model_ns
        for one in good
    ]

    assert pytest.approx(mean_of(framework)) == log.framework_ns.value
    assert pytest.approx(mean_of(transport)) == log.transport_ns.value
    assert pytest.approx(mean_of([one.model_ns for one in good])) == log.model_ns.value
    assert pytest.approx(mean_of([one.prompt_tokens for one in good])) == log.prompt_tokens.value
    assert pytest.approx(mean_of([one.first_token_ns for one in good])) == log.first_token_ns.value


@given(batches(), st.integers(min_value=0, max_value=45))
def test_reading_on_from_any_position_gives_exactly_the_rest(
    parts: list[list[Sample]], after: int
) -> None:
    """A follower that comes back misses no sample and sees none twice."""
    log = SampleLog()
    for part in parts:
        log.extend(part)
    everything = [one.model_dump(exclude_none=True) for part in parts for one in part]

    position, rest = after, []
    for end, rows in log.json_batches(after=after):
        read = json.loads(rows)
        assert end - position == len(read)
        position = end
        rest += read

    assert everything[after:] == rest


def test_consecutive_failures_are_counted_until_a_success() -> None:
    """A cancelled call neither counts nor resets."""
    log = SampleLog()
    log.extend([sample(1, outcome="error", error_kind="http", error_message="HTTP 500")])
    log.extend([sample(2, outcome="cancelled"), sample(3, outcome="timeout")])

    assert 2 == log.consecutive_failures
    assert {"http": 1, "timeout": 1} == dict(log.failures)
    log.extend([sample(4)])
    assert 0 == log.consecutive_failures


def test_a_sequence_number_that_comes_twice_is_refused_and_the_good_ones_are_kept() -> None:
    """Figures and stored samples end at the same place."""
    log = SampleLog()

    with pytest.raises(BridgeProtocol, match="sample 2 came twice"):
        log.extend([sample(1), sample(2), sample(2), sample(3)])

    assert 2 == len(log) == log.success_count
    assert [1, 2] == [row["sequence"] for _, rows in log.json_batches() for row in json.loads(rows)]


@pytest.mark.parametrize("field", ["start_ns", "duration_ns"])
def test_a_time_that_no_clock_gives_is_refused(field: str) -> None:
    """A 64-bit column never overflows."""
    log = SampleLog()
    edge: dict[str, Any] = {"start_ns": 0, "duration_ns": 0, field: MAX_NS}
    log.extend([sample(1, **edge)])

    with pytest.raises(BridgeProtocol, match="impossible time"):
        log.extend([sample(2, **edge | {field: MAX_NS + 1})])


def test_numbers_far_apart_take_little_memory() -> None:
    """Every agent process of a run has a million numbers of its own."""
    log = SampleLog()
    numbers = [1 + process * 1_000_000 for process in range(64)]

    tracemalloc.start()
    log.extend([sample(number) for number in numbers])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert 64 == log.success_count
    assert peak < 4_000_000
    with pytest.raises(BridgeProtocol, match="came twice"):
        log.extend([sample(numbers[-1])])


def test_samples_may_arrive_in_any_order_across_many_workers() -> None:
    """A thousand workers hand their samples over as they finish."""
    log = SampleLog()

    log.extend([sample(number) for number in range(5_000, 0, -1)])

    assert 5_000 == log.success_count


def test_a_later_block_is_moved_onto_the_run_s_clock() -> None:
    """What is read back counts from the start of the run, calls included; durations stay."""
    log = SampleLog()
    call = {"startNs": 7, "durationNs": 5, "httpStartNs": 8, "transportNs": 4}
    times = {"start_ns": 6, "intended_start_ns": 5, "duration_ns": 9}

    log.extend([sample(1, calls=[call], **times)])
    log.open_block()
    log.extend([sample(2, calls=[call], **times), sample(3)], offset_ns=1_000)

    first, second, third = (row for _, rows in log.json_batches() for row in json.loads(rows))
    names = ("startNs", "intendedStartNs", "durationNs")
    assert (6, 5, 9) == tuple(first[name] for name in names)
    assert (1_006, 1_005, 9) == tuple(second[name] for name in names)
    assert [call] == first["calls"]
    assert [call | {"startNs": 1_007, "httpStartNs": 1_008}] == second["calls"]
    assert "intendedStartNs" not in third


def test_the_time_between_blocks_does_not_count() -> None:
    """Throughput is over the time in which the run was measuring."""
    log = SampleLog()

    log.extend([sample(1, start_ns=10, duration_ns=90)])
    log.open_block()
    assert (100 - 10, 0) == (log.elapsed_ns, log.block_ns)
    log.extend([sample(2, start_ns=5, duration_ns=20)], offset_ns=10**9)
    log.extend([sample(3, start_ns=15, duration_ns=40)], offset_ns=10**9)

    assert (90 + 50, 50) == (log.elapsed_ns, log.block_ns)


def test_in_an_open_loop_latency_counts_from_the_intended_start() -> None:
    """A generator that is late must not make the server look fast."""
    log = SampleLog()

    log.extend([sample(1, intended_start_ns=100, start_ns=400, duration_ns=50)])

    assert [350] == list(log.durations_ns)
    assert (350, 350, 350.0) == (log.last_duration_ns, log.elapsed_ns, log.average_ns)


def test_a_call_that_was_due_after_its_end_is_refused() -> None:
    """No clock gives a negative latency."""
    with pytest.raises(BridgeProtocol, match="impossible time"):
        SampleLog().extend([sample(1, intended_start_ns=100, start_ns=0, duration_ns=50)])
