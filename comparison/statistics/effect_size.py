"""How far two sides' single calls lie apart, whatever their unit (statistics 4.8)."""

import math

import numpy as np

from .distributions import normal_tail
from .figures import EffectSize, Magnitude
from .observations import Floats

MIN_CALLS = 4
"""Below this on a side no arrangement of the ranks is surprising."""

MAGNITUDES: tuple[tuple[float, Magnitude], ...] = (
    (0.147, "negligible"),
    (0.33, "small"),
    (0.474, "medium"),
)
"""Customary bounds of |Cliff's delta| (Romano 2006)."""


def effect_size(baseline: Floats, candidate: Floats) -> EffectSize | None:
    """Return the effect size of ascending values; None below four calls on a side.

    With U the number of pairs whose candidate is the greater, ties half: P(candidate > baseline)
    = U / (nm), Cliff's delta = 2 U / (nm) − 1. The p is Mann-Whitney's; it takes calls as
    independent, which they are not, and gates nothing.
    """
    n, m = len(candidate), len(baseline)
    if min(n, m) < MIN_CALLS:
        return None
    u = greater_pairs(baseline, candidate)
    delta = 2 * u / (n * m) - 1
    return EffectSize(
        common_language=u / (n * m),
        cliffs_delta=delta,
        magnitude=_magnitude(abs(delta)),
        p_value=_mann_whitney_p(u, n, m, _ties(baseline, candidate)),
    )


def greater_pairs(baseline: Floats, candidate: Floats) -> float:
    """Return Mann-Whitney's U of the candidate: pairs in which it is greater, ties half.

    Counts by bisection in the ascending baseline: no n × m table, no ranks of all calls at once.
    """
    below = np.searchsorted(baseline, candidate, side="left").sum(dtype=np.int64)
    at_most = np.searchsorted(baseline, candidate, side="right").sum(dtype=np.int64)
    return (int(below) + int(at_most)) / 2


def _ties(baseline: Floats, candidate: Floats) -> float:
    """Return Σ (t³ − t) over the groups of t equal values."""
    both = np.sort(np.concatenate([baseline, candidate]), kind="stable")
    edges = np.flatnonzero(np.diff(both, prepend=-np.inf, append=np.inf))
    sizes = np.diff(edges).astype(np.float64)
    return float((sizes**3 - sizes).sum())


def _mann_whitney_p(u: float, n: int, m: int, ties: float) -> float:
    """Two-sided, normal approximation with the corrections for ties and continuity."""
    total = n + m
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    z = max(0.0, abs(u - n * m / 2) - 0.5) / math.sqrt(variance)
    return min(1.0, 2 * normal_tail(z))


def _magnitude(size: float) -> Magnitude:
    return next((name for bound, name in MAGNITUDES if size < bound), "large")
