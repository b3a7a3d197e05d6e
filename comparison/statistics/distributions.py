"""Quantiles and tails of the few distributions that the analysis needs.

On scipy.special alone: scipy.stats takes two seconds to import and 50 MB that the web service
would carry from its first comparison on. The tests hold every function to scipy.stats.
"""

import math

import numpy as np
from scipy import special

from .observations import Floats


def t_quantile(p: float, df: float) -> float:
    """Return the p-quantile of Student's t; df may be a fraction, as Welch's is."""
    return float(special.stdtrit(df, p))


def t_tail(t: float, df: float) -> float:
    """Return P(T ≥ t)."""
    return float(special.stdtr(df, -t))


def normal_quantile(p: float) -> float:
    """Return the p-quantile of the standard normal distribution."""
    return float(special.ndtri(p))


def normal_tail(z: float) -> float:
    """Return P(Z ≥ z)."""
    return float(special.ndtr(-z))


def binomial_quantile(p: float, n: int, probability: float) -> int:
    """Return the smallest k with P(X ≤ k) ≥ p."""
    upper = math.ceil(float(special.bdtrik(p, n, probability)))
    lower = max(0, upper - 1)
    # Where P(X ≤ k) is p exactly, the last digit of either must not decide.
    return lower if float(special.bdtr(lower, n, probability)) >= p * (1 - 1e-12) else upper


def binomial_tail(k: int, n: int, probability: float) -> float:
    """Return P(X ≥ k)."""
    if k <= 0 or k > n:
        return float(k <= 0)
    return float(special.bdtrc(k - 1, n, probability))


def hypergeometric_masses(total: int, marked: int, drawn: int) -> tuple[int, Floats]:
    """Return the least possible number of marked among the drawn, and P of it and of each above."""
    low, high = max(0, drawn + marked - total), min(marked, drawn)
    k = np.arange(low, high + 1)
    logs = _log_choose(marked, k) + _log_choose(total - marked, drawn - k)
    return low, np.exp(logs - _log_choose(total, np.asarray(drawn)))


def _log_choose(n: int, k: np.ndarray) -> Floats:
    found: Floats = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return found


def average_ranks(values: Floats) -> Floats:
    """Return ranks from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = np.cumsum(counts) - (counts - 1) / 2
    return ranks[inverse]
