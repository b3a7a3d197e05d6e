"""Were the first timed calls still those of a cold program (statistics 4.10).

Nothing is cut after the fact: a check warns, and the proposed cut is advice for the next run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .distributions import binomial_tail
from .drift import BLOCKS, block_medians
from .observations import Floats

ALPHA = 0.05
MSER_BATCH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUpCheck:
    """In how many launches the first of 20 block medians was the largest, and MSER-5's advice."""

    launches: int
    first_largest: int
    too_short: bool
    proposed_cut: int


def check_warm_up(launches: Sequence[Floats]) -> WarmUpCheck | None:
    """Check each launch's latencies, in time order; None when no launch has 20 calls.

    If steady, the first block is the largest with a chance of 1 / 20 in each launch. Too short is
    said when so many launches show it that chance explains it with at most 5 %: the one launch of
    a single-launch run, two of six.
    """
    medians = [found for calls in launches if (found := block_medians(calls)) is not None]
    if not medians:
        return None
    first_largest = sum(int(found[0] > found[1:].max()) for found in medians)
    # A chance of exactly 1 / 20 must count as 5 % whatever its last digit.
    chance = binomial_tail(first_largest, len(medians), 1 / BLOCKS) - 1e-12
    cuts = [mser_cut(calls) for calls in launches if len(calls) >= BLOCKS]
    return WarmUpCheck(
        launches=len(medians),
        first_largest=first_largest,
        too_short=first_largest > 0 and chance <= ALPHA,
        proposed_cut=int(np.median(cuts)),
    )


def mser_cut(ordered_in_time: Floats) -> int:
    """Return how many first calls MSER-5 would leave out (White 1997), 0 with too few to tell.

    Over batch means of five calls, the cut d that minimises Σ (x − x̄)² / (n − d)² of the rest;
    cuts in the second half are not trusted.
    """
    count = len(ordered_in_time) // MSER_BATCH
    if count < 2:
        return 0
    batches = ordered_in_time[: count * MSER_BATCH].reshape(count, MSER_BATCH).mean(axis=1)
    left = np.arange(count, 0, -1, dtype=np.float64)
    shifted = batches - batches.mean()  # keeps the difference of squares exact enough
    sums = np.cumsum(shifted[::-1])[::-1]
    squares = np.cumsum((shifted**2)[::-1])[::-1]
    scores = (squares - sums**2 / left) / left**2
    return int(np.argmin(scores[: count // 2 + 1])) * MSER_BATCH
