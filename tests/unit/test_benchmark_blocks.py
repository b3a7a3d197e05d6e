"""A run cut into blocks: sizes, numbers and shares."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.blocks import MAX_CALLS, Block, BlockPlan, Grant
from benchmark.errors import BridgeProtocol
from shared_models import RunParams, RunResult, TestConfiguration
from tests.support.runs import make_sample


def plan(**configuration: Any) -> BlockPlan:
    return BlockPlan(TestConfiguration.model_validate(configuration), "run")


def result(completed: int, *, dropped: int = 0, wall_s: float = 0.0) -> RunResult:
    return RunResult(
        completed=completed,
        cancelled=False,
        dropped=dropped,
        start_unix_ns=1,
        wall_ns=round(wall_s * 1e9),
    )


def as_asked(share: RunParams | None) -> RunResult | None:
    return None if share is None else result(share.iterations or 0)


def numbers(share: RunParams | None) -> list[int]:
    if share is None:
        return []
    return list(range(share.first_sequence, share.first_sequence + (share.iterations or 0)))


@given(st.lists(st.integers(min_value=1, max_value=50), min_size=1, max_size=8), st.integers(1, 7))
def test_the_blocks_number_the_whole_run_without_a_gap(sizes: list[int], processes: int) -> None:
    """However it is cut, and over however many processes."""
    cut = plan(iterations=sum(sizes), agentProcesses=processes)
    seen: list[int] = []
    for size in sizes:
        assert not cut.is_used_up
        shares = cut.shares(Grant(iterations=size))
        assert processes == len(shares)
        counts = [len(numbers(share)) for share in shares]
        assert max(counts) - min(counts) <= 1
        seen += [number for share in shares for number in numbers(share)]
        cut.take(Grant(iterations=size), [as_asked(share) for share in shares])

    assert list(range(1, sum(sizes) + 1)) == seen
    assert cut.is_used_up


def test_an_ungated_run_is_one_block() -> None:
    """Of all its calls, or of all its time with a cap on the calls."""
    (calls,) = plan(iterations=7).shares(plan(iterations=7).whole())
    (timed,) = plan(durationSeconds=2.5).shares(plan(durationSeconds=2.5).whole())

    assert calls is not None
    assert timed is not None
    assert (7, None) == (calls.iterations, calls.duration_seconds)
    assert (MAX_CALLS, 2.5) == (timed.iterations, timed.duration_seconds)


def test_timed_blocks_number_on_within_each_process() -> None:
    """How many calls a process makes is known only afterwards, so each has its own million."""
    cut = plan(durationSeconds=3.0, agentProcesses=2)
    grant = Grant(duration_s=1.5)

    first = cut.shares(grant)
    cut.take(grant, [result(10), result(20)])
    second = cut.shares(grant)
    cut.take(grant, [result(1), result(1)])

    assert [1, 1 + MAX_CALLS] == [numbers(share)[0] for share in first]
    assert [11, 21 + MAX_CALLS] == [numbers(share)[0] for share in second]
    assert [MAX_CALLS, 2 * MAX_CALLS] == [numbers(share)[-1] for share in second]
    assert cut.is_used_up


def test_an_open_loop_s_rate_is_shared_and_no_two_arrivals_sequences_are_the_same() -> None:
    """The processes together keep the rate; a drop leaves no gap in one process's numbers."""
    cut = plan(testMode="rate", ratePerSecond=30.0, arrivals="poisson", iterations=8, seed=5)
    grant = Grant(iterations=4)
    (first,) = cut.shares(grant)
    cut.take(grant, [result(3, dropped=1)])
    (second,) = cut.shares(grant)
    shared = plan(testMode="rate", ratePerSecond=30.0, agentProcesses=3).shares(grant)

    assert first is not None
    assert second is not None
    assert (5, 1, 6, 4) == (
        first.arrival_seed,
        first.first_sequence,
        second.arrival_seed,
        second.first_sequence,
    )
    assert ("poisson", 30.0, 1_000) == (
        first.arrivals,
        first.rate_per_second,
        first.concurrency,
    )
    assert [10.0, 10.0, 10.0] == [share.rate_per_second for share in shared if share]
    assert [0, 1, 2] == [share.arrival_seed for share in shared if share]


@pytest.mark.parametrize(
    ("configuration", "grant", "field"),
    [
        ({"iterations": 5}, Grant(iterations=6), "iterations"),
        ({"iterations": 5}, Grant(duration_s=1.0), "durationSeconds"),
        ({"durationSeconds": 5.0}, Grant(duration_s=5.1), "durationSeconds"),
        ({"durationSeconds": 5.0}, Grant(iterations=1), "iterations"),
        ({"iterations": 5}, Grant(iterations=5), None),
        ({"durationSeconds": 0.3}, Grant(duration_s=0.1 + 0.2), None),
    ],
)
def test_more_than_is_left_is_refused(
    configuration: dict[str, Any], grant: Grant, field: str | None
) -> None:
    """On the field that is too much, in the unit that the run is counted in."""
    refusal = plan(**configuration).refusal(grant)

    assert field == (refusal[0] if refusal else None)


def test_numbers_of_another_process_or_block_are_refused() -> None:
    """Each process sends what it was given, and nothing when it was given nothing."""
    cut = plan(iterations=4, agentProcesses=3)
    grant = Grant(iterations=2)
    cut.take(grant, [as_asked(share) for share in cut.shares(grant)])
    block = Block(cut.shares(grant), offset_ns=0)

    block.receive(0, [make_sample(3)])
    block.receive(1, [make_sample(4)])
    for process, sequence, words in ((0, 4, "more"), (1, 3, "later block"), (2, 5, "more")):
        with pytest.raises(BridgeProtocol, match=words):
            block.receive(process, [make_sample(sequence)])


@pytest.mark.parametrize(
    ("configuration", "ended", "words"),
    [
        ({"iterations": 2}, result(2), None),
        ({"iterations": 3}, result(2), "of its own accord"),
        ({"iterations": 2}, result(3), "counts 3 calls, but sent 2"),
        ({"durationSeconds": 1.0}, result(2, wall_s=1.0), None),
        ({"durationSeconds": 1.0}, result(2, wall_s=0.5), "of its own accord"),
        ({"testMode": "rate", "ratePerSecond": 1.0, "iterations": 3}, result(2, dropped=1), None),
        (
            {"testMode": "rate", "ratePerSecond": 1.0, "iterations": 3},
            result(2),
            "of its own accord",
        ),
        ({"testMode": "rate", "ratePerSecond": 1.0, "durationSeconds": 2.9}, result(2), None),
    ],
)
def test_the_agent_s_count_must_fit(
    configuration: dict[str, Any], ended: RunResult, words: str | None
) -> None:
    """What it says is compared with what it sent and what it was asked for."""
    cut = plan(**configuration)
    block = Block(cut.shares(cut.whole()), offset_ns=0)
    block.receive(0, [make_sample(1), make_sample(2)])

    if words is None:
        block.end([ended], early=False)
        assert (ended.wall_ns, ended.dropped) == (block.wall_ns, block.dropped)
    else:
        with pytest.raises(BridgeProtocol, match=words):
            block.end([ended], early=False)
