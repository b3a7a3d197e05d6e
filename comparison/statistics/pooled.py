"""Ratios of the pooled calls with intervals that hold "within this run" only (statistics 4.3).

They are shown and never make a verdict: calls of one launch are not independent.
"""

import math

import numpy as np

from .distributions import t_quantile
from .figures import Estimated, Interval
from .observations import Floats


def quantile_ratio(
    baseline: Floats, candidate: Floats, q: float, *, resamples: int, seed: int
) -> Estimated:
    """Return candidate / baseline quantiles of ascending values with a percentile bootstrap.

    Fixed seed: the same calls always give the same interval. Raises ValueError without values.
    """
    random = np.random.default_rng(seed)
    value = np.quantile(candidate, q) / np.quantile(baseline, q)
    above = resampled_quantiles(candidate, q, resamples=resamples, random=random)
    below = resampled_quantiles(baseline, q, resamples=resamples, random=random)
    low, high = np.quantile(above / below, [0.025, 0.975])
    interval = Interval(low=float(low), high=float(high), confidence=0.95)
    return Estimated(value=float(value), interval=interval)


def resampled_quantiles(
    ordered: Floats, q: float, *, resamples: int, random: np.random.Generator
) -> Floats:
    """Return the q-quantiles of bootstrap samples of ascending values; (resamples,).

    Nothing is resampled: the j-th smallest of n uniform ranks is Beta(j, n − j + 1), the one
    after it follows from it, and `linear` mixes the two values at those ranks. Raises ValueError
    without values.
    """
    n = len(ordered)
    if not n:
        raise ValueError("no values to resample")
    h = (n - 1) * q
    j = math.floor(h) + 1
    rank = random.beta(j, n - j + 1, resamples)
    quantiles: Floats = ordered[_index(rank, n)]
    if j < n:
        following = 1 - (1 - rank) * random.random(resamples) ** (1 / (n - j))
        quantiles += (ordered[_index(following, n)] - quantiles) * (h - math.floor(h))
    return quantiles


def _index(rank: Floats, n: int) -> np.ndarray:
    # A uniform number may round up to 1.
    return np.minimum((rank * n).astype(np.intp), n - 1)


def mean_ratio(baseline: Floats, candidate: Floats) -> Estimated | None:
    """Return candidate / baseline means with the log-delta t interval, Welch's df.

    ln(x̄ / ȳ) ± t √(s²x / (n x̄²) + s²y / (m ȳ²)); None without values, no interval below two.
    """
    if not (len(baseline) and len(candidate)):
        return None
    value = float(candidate.mean() / baseline.mean())
    if min(len(baseline), len(candidate)) < 2:
        return Estimated(value=value, interval=None)
    parts = [float(v.var(ddof=1) / (len(v) * v.mean() ** 2)) for v in (candidate, baseline)]
    variance = sum(parts)
    if variance == 0:
        half = 0.0
    else:
        sizes = (len(candidate), len(baseline))
        df = variance**2 / sum(p**2 / (n - 1) for p, n in zip(parts, sizes, strict=True))
        half = t_quantile(0.975, df) * math.sqrt(variance)
    interval = Interval(low=value * math.exp(-half), high=value * math.exp(half), confidence=0.95)
    return Estimated(value=value, interval=interval)
