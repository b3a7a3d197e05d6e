"""From calls to one log ratio per super-block: what was measured side by side is compared first.

S is a time in every metric, so that S(candidate) / S(baseline) above 1 always means slower: the
median latency, the median time to the first token, seconds of window per successful call
(throughput inverted), or per good call (goodput inverted).
"""

from dataclasses import dataclass

import numpy as np

from .goodput import good_calls
from .groups import Groups
from .observations import Booleans, Floats, Integers, Metric, SideObservations, Slos
from .throughput import windows_of


@dataclass(frozen=True, slots=True, eq=False)
class BlockTimes:
    """One side's super-blocks: codes ascending, and S = seconds / calls; all (blocks,)."""

    codes: Integers
    seconds: Floats
    calls: Floats


@dataclass(frozen=True, slots=True, eq=False)
class LogRatios:
    """d = ln(S(candidate) / S(baseline)) per super-block in order, and its launch; both (blocks,).

    `super_block` is the number within the launch.
    """

    launch: Integers
    super_block: Integers
    values: Floats


def log_ratios(
    baseline: SideObservations, candidate: SideObservations, metric: Metric, slos: Slos
) -> LogRatios:
    """Return d of every super-block in which both sides have a figure (statistics 4.5).

    A super-block without one good call has no logarithm. If there is any, half a call is added to
    every count on both sides (Haldane and Anscombe's correction), so that the worst blocks are
    not the ones that are left out.
    """
    width = 1 + max(_greatest(baseline.super_block), _greatest(candidate.super_block))
    base = block_times(baseline, metric, slos, width)
    other = block_times(candidate, metric, slos, width)
    codes, left, right = np.intersect1d(base.codes, other.codes, return_indices=True)
    base_calls, other_calls = base.calls[left], other.calls[right]
    if not (base_calls.all() and other_calls.all()):
        base_calls, other_calls = base_calls + 0.5, other_calls + 0.5
    times = (other.seconds[right] / other_calls) / (base.seconds[left] / base_calls)
    return LogRatios(codes // width, codes % width, np.log(times))


def block_times(side: SideObservations, metric: Metric, slos: Slos, width: int) -> BlockTimes:
    """Return S per super-block; a block's code is launch × width + super-block."""
    codes = side.launch.astype(np.int64) * width + side.super_block
    match metric:
        case "latency":
            return _medians(codes, side.latency_s, side.counted)
        case "timeToFirstToken":
            if side.first_token_s is None:
                return BlockTimes(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))
            # NaN compares false: calls without text have no first token.
            return _medians(codes, side.first_token_s, side.counted & (side.first_token_s > 0))
        case "throughput":
            return _per_call(codes, side, side.ok)
        case "goodput":
            return _per_call(codes, side, good_calls(side, slos))


def _medians(codes: Integers, values: Floats, kept: Booleans) -> BlockTimes:
    groups = Groups.by(codes[kept])
    medians = groups.medians(values[kept])
    return BlockTimes(groups.keys, medians, np.ones(len(medians)))


def _per_call(codes: Integers, side: SideObservations, wanted: Booleans) -> BlockTimes:
    windows = windows_of(side, wanted)
    blocks = Groups.by(codes[windows.first_row])
    return BlockTimes(blocks.keys, blocks.sums(windows.seconds), blocks.sums(windows.calls))


def _greatest(numbers: Integers) -> int:
    return int(numbers.max(initial=0))
