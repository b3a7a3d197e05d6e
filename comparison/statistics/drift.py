"""Did the machine change while it was measured, and how many calls are these worth (4.9)."""

import math
from dataclasses import dataclass

import numpy as np

from .blocks import LogRatios
from .distributions import average_ranks, t_tail
from .groups import Groups
from .observations import Floats

BLOCKS = 20
DRIFT_P = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Spearman's rank correlation with order, and its two-sided p-value.

    `change` is the median of the last quarter over that of the first, minus 1.
    """

    correlation: float
    p_value: float
    change: float

    @property
    def significant(self) -> bool:
        """Whether order explains the values."""
        return self.p_value < DRIFT_P


def block_medians(ordered_in_time: Floats, *, blocks: int = BLOCKS) -> Floats | None:
    """Return the medians of `blocks` equal runs of calls; None with fewer calls than blocks.

    The rows that do not fill a block are left out at the start of time, where least is lost.
    """
    size = len(ordered_in_time) // blocks
    if not size:
        return None
    kept = ordered_in_time[len(ordered_in_time) - size * blocks :]
    medians: Floats = np.median(kept.reshape(blocks, size), axis=1)
    return medians


def drift(ordered_in_time: Floats) -> Trend | None:
    """Return the trend of 20 block medians over time; None with fewer than 20 calls."""
    medians = block_medians(ordered_in_time)
    return None if medians is None else trend(medians)


def trend(values: Floats) -> Trend | None:
    """Return the trend of positive values with their order; None when all are equal."""
    found = spearman(np.arange(len(values), dtype=np.float64), values)
    if found is None:
        return None
    quarter = max(1, len(values) // 4)
    change = float(np.median(values[-quarter:]) / np.median(values[:quarter]) - 1)
    return Trend(correlation=found[0], p_value=found[1], change=change)


def spearman(x: Floats, y: Floats) -> tuple[float, float] | None:
    """Return Spearman's rho and its two-sided p by Student's t; None without variation."""
    n = len(x)
    if n < 3:
        return None
    a, b = average_ranks(x), average_ranks(y)
    a, b = a - a.mean(), b - b.mean()
    scale = math.sqrt(float((a * a).sum() * (b * b).sum()))
    if scale == 0:
        return None
    rho = max(-1.0, min(1.0, float((a * b).sum()) / scale))
    if abs(rho) == 1:
        return rho, 0.0
    t = abs(rho) * math.sqrt((n - 2) / (1 - rho * rho))
    return rho, min(1.0, 2 * t_tail(t, n - 2))


def lag1_correlation(ordered_in_time: Floats) -> float | None:
    """Return the correlation of each call with the next; None below three or without variation."""
    if len(ordered_in_time) < 3:
        return None
    deviations = ordered_in_time - ordered_in_time.mean()
    squares = float((deviations * deviations).sum())
    if squares == 0:
        return None
    return float((deviations[1:] * deviations[:-1]).sum()) / squares


def effective_count(n: int, correlation: float) -> float:
    """Return n (1 − r) / (1 + r): how many independent calls give the mean equally well.

    At most n: a negative r of a finite series is no gain to rely on.
    """
    return min(float(n), n * (1 - correlation) / (1 + correlation))


def differential_drift(ratios: LogRatios) -> Trend | None:
    """Return the trend of the *ratio* within launches; None where nothing can be said.

    Alternation cancels what both sides share, not one side that is still warming up. Each
    launch's mean is taken out, so that launches may differ. `change` is the ratio of the later
    half of the launches' super-blocks over that of the earlier half, minus 1.
    """
    launches = Groups.by(ratios.launch)
    if len(ratios.values) < BLOCKS or launches.counts.max(initial=0) < 2:
        return None
    means = np.repeat(launches.means(ratios.values), launches.counts)
    centred = np.empty_like(ratios.values)
    centred[launches.order] = ratios.values[launches.order] - means
    index = ratios.super_block.astype(np.float64)
    found = spearman(index, centred)
    if found is None:
        return None
    late = index > np.median(index)
    if late.all() or not late.any():
        return None
    change = math.expm1(float(centred[late].mean() - centred[~late].mean()))
    return Trend(correlation=found[0], p_value=found[1], change=change)
