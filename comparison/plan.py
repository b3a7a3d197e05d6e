"""The interleaved schedule as data: launches, super-blocks, segments (pure).

A super-block goes through the sides forward and then backward (A-B-B-A), the next one the other
way round (B-A-A-B), so that whatever drifts linearly weighs the same on every side. Which side is
launched and warmed first rotates over the launches, because the one that comes later runs faster.
"""

from dataclasses import dataclass
from math import ceil
from typing import Literal

DEFAULT_CALLS = 5
SEGMENTS_A_SIDE = 2
"""How often each side comes in a super-block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One turn of one side: a number of calls, or a window of time.

    `position` is the place among the sides within its half of the super-block, 0 = first.
    The first `discarded` of the `calls` only bring the process back from its pause.
    """

    side: int
    position: int
    calls: int | None = None
    seconds: float | None = None
    discarded: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One fresh agent process for each side, started and warmed in `order`."""

    order: tuple[int, ...]
    blocks: tuple[tuple[Segment, ...], ...]

    def calls_of(self, side: int) -> int:
        """Return how many calls a side makes in this launch, the discarded ones included."""
        return sum(segment.calls or 0 for segment in self._of(side))

    def seconds_of(self, side: int) -> float:
        """Return how long a side's windows in this launch take together."""
        return sum(segment.seconds or 0.0 for segment in self._of(side))

    def _of(self, side: int) -> list[Segment]:
        return [segment for block in self.blocks for segment in block if segment.side == side]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that will be done, in its order.

    `amount` is what each side is timed for in total, in calls or in seconds.
    """

    launches: tuple[Launch, ...]
    unit: Literal["calls", "seconds"]
    amount: float

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Every segment of every launch."""
        return tuple(
            segment for launch in self.launches for block in launch.blocks for segment in block
        )


def plan_calls(
    *, sides: int, launches: int, iterations: int, calls: int, discarded: int = 0
) -> Plan:
    """Return a schedule of segments of `calls` calls, `iterations` a side in total.

    They are rounded up to whole super-blocks in every launch: a multiple of launches × 2 × calls.
    """
    blocks = ceil(iterations / (launches * SEGMENTS_A_SIDE * calls))
    template = Segment(side=0, position=0, calls=calls + discarded, discarded=discarded)
    return Plan(
        launches=_launches(template, sides=sides, launches=launches, blocks=blocks),
        unit="calls",
        amount=launches * blocks * SEGMENTS_A_SIDE * calls,
    )


def plan_windows(
    *, sides: int, launches: int, window_s: float, duration_s: float | None = None
) -> Plan:
    """Return a schedule of whole windows; one super-block a launch unless a duration asks for more.

    `duration_s` is each side's time in total, rounded up to a multiple of launches × 2 × window.
    """
    one_block_s = launches * SEGMENTS_A_SIDE * window_s
    # A quotient that is whole but for its last bit must not cost another super-block.
    blocks = max(1, ceil((duration_s or 0) / one_block_s - 1e-9))
    template = Segment(side=0, position=0, seconds=window_s)
    return Plan(
        launches=_launches(template, sides=sides, launches=launches, blocks=blocks),
        unit="seconds",
        amount=blocks * one_block_s,
    )


def launch_order(launch: int, *, sides: int) -> tuple[int, ...]:
    """Return the order in which launch number `launch` (from 0) starts its sides."""
    return tuple((launch + place) % sides for place in range(sides))


def _launches(template: Segment, *, sides: int, launches: int, blocks: int) -> tuple[Launch, ...]:
    return tuple(
        Launch(
            order=launch_order(launch, sides=sides),
            # Shifted with every round of launch orders, so that who is launched first is not
            # always who is called first.
            blocks=tuple(
                _super_block(template, sides=sides, backward=(block + launch // sides) % 2 == 1)
                for block in range(blocks)
            ),
        )
        for launch in range(launches)
    )


def _super_block(template: Segment, *, sides: int, backward: bool) -> tuple[Segment, ...]:
    there = list(range(sides))
    if backward:
        there.reverse()
    return tuple(
        Segment(
            side=side,
            position=position,
            calls=template.calls,
            seconds=template.seconds,
            discarded=template.discarded,
        )
        for half in (there, there[::-1])
        for position, side in enumerate(half)
    )
