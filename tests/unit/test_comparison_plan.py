"""The interleaved schedule: who comes when, and how calls are rounded."""

from collections import Counter

import pytest

from comparison.plan import Plan, plan_calls, plan_windows


def letters(plan: Plan, launch: int) -> list[str]:
    """Return the super-blocks of a launch as words, side 0 is A."""
    return [
        "".join("ABCDEFGH"[segment.side] for segment in block)
        for block in plan.launches[launch].blocks
    ]


def test_super_blocks_alternate_and_the_launch_order_too() -> None:
    """A-B-B-A and B-A-A-B in turn; whoever is launched first is not always called first."""
    plan = plan_calls(sides=2, launches=4, iterations=80, calls=5)

    assert [(0, 1), (1, 0), (0, 1), (1, 0)] == [launch.order for launch in plan.launches]
    assert [["ABBA", "BAAB"]] * 2 == [letters(plan, 0), letters(plan, 1)]
    assert [["BAAB", "ABBA"]] * 2 == [letters(plan, 2), letters(plan, 3)]


def test_more_sides_go_forward_and_backward() -> None:
    """Then the other way round, and the order of the launches rotates."""
    plan = plan_calls(sides=3, launches=3, iterations=60, calls=5)

    assert ["ABCCBA", "CBAABC"] == letters(plan, 0)
    assert [(0, 1, 2), (1, 2, 0), (2, 0, 1)] == [launch.order for launch in plan.launches]


def test_one_side_alone_has_two_segments_a_super_block() -> None:
    """Figures without pairs."""
    assert ["AA", "AA"] == letters(plan_calls(sides=1, launches=1, iterations=20, calls=5), 0)


@pytest.mark.parametrize("sides", [2, 3, 4, 8])
def test_a_linear_drift_weighs_the_same_on_every_side(sides: int) -> None:
    """In each super-block the places of every side have the same sum."""
    for block in plan_calls(sides=sides, launches=1, iterations=40, calls=5).launches[0].blocks:
        sums: Counter[int] = Counter()
        for place, segment in enumerate(block):
            sums[segment.side] += place
        assert 1 == len(set(sums.values()))


@pytest.mark.parametrize(
    ("asked", "launches", "calls", "rounded"),
    [(1, 6, 5, 60), (60, 6, 5, 60), (61, 6, 5, 120), (600, 6, 5, 600), (10, 6, 1, 12)],
)
def test_iterations_are_rounded_up(asked: int, launches: int, calls: int, rounded: int) -> None:
    """To a multiple of launches × 2 × calls; each side gets exactly that many."""
    plan = plan_calls(sides=2, launches=launches, iterations=asked, calls=calls)

    assert rounded == plan.amount
    for side in (0, 1):
        assert rounded == sum(s.calls or 0 for s in plan.segments if s.side == side)


def test_discarded_calls_are_made_beside_the_timed_ones() -> None:
    """The same on both sides, so that the calls' numbers stay in step."""
    plan = plan_calls(sides=2, launches=1, iterations=20, calls=5, discarded=1)

    assert 20 == plan.amount
    assert {(6, 1)} == {(segment.calls, segment.discarded) for segment in plan.segments}


@pytest.mark.parametrize(
    ("duration", "total"), [(None, 120.0), (30.0, 120.0), (120.0, 120.0), (120.5, 240.0)]
)
def test_windows_alternate_whole(duration: float | None, total: float) -> None:
    """One super-block a launch, or as many as the duration asks for."""
    plan = plan_windows(sides=2, launches=6, window_s=10.0, duration_s=duration)

    assert ("seconds", total) == (plan.unit, plan.amount)
    assert {10.0} == {segment.seconds for segment in plan.segments}
    assert "ABBA" == letters(plan, 0)[0]


def test_a_whole_quotient_needs_no_further_window() -> None:
    """0.3 / 0.1 is a little more than 3 in binary."""
    assert 0.3 == pytest.approx(
        plan_windows(sides=2, launches=1, window_s=0.05, duration_s=0.1 + 0.2).amount
    )


def test_positions_tell_who_came_first_in_each_half() -> None:
    """Forward and backward alike."""
    block = plan_calls(sides=2, launches=1, iterations=10, calls=5).launches[0].blocks[0]

    assert [(0, 0), (1, 1), (1, 0), (0, 1)] == [(s.side, s.position) for s in block]
