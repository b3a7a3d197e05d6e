"""What a design could have found, and how many launches would be enough (statistics 4.7)."""

import math

from .distributions import normal_quantile, t_quantile
from .launches import LogEstimate

POWER = 0.80
MAX_LAUNCHES = 10_000
MEDIAN_EFFICIENCY = math.sqrt(math.pi / 2)
"""The standard error of a normal median is this many times that of the mean (1.25)."""


def minimum_detectable_effect(found: LogEstimate, *, alpha: float = 0.05) -> float:
    """Return the relative effect that this design detects with 80 % power.

    exp((t(1 − α/2) + t(.80)) s_D / √R) − 1: an approximation of the noncentral t, whose exact
    power is 77 to 80 %. To be *called* beyond a margin the effect must be about margin + this.
    """
    points = t_quantile(1 - alpha / 2, found.df) + t_quantile(POWER, found.df)
    return math.expm1(points * found.standard_error)


def launches_needed(stdev: float, margin: float, *, alpha: float = 0.05) -> int | None:
    """Return the even number of launches that gives `equivalent` 80 % power at no difference.

    The smallest R with s_D / √R ≤ L / (t(1 − α, R − 1) + t(.90, R − 1)), L = ln(1 + margin). It
    does not look at the sign or size of the estimate, so that following it biases nothing. None
    where ten thousand would not do.
    """
    bound = math.log1p(margin)
    for launches in range(4, MAX_LAUNCHES + 1, 2):
        points = t_quantile(1 - alpha, launches - 1) + t_quantile(0.9, launches - 1)
        if stdev / math.sqrt(launches) <= bound / points:
            return launches
    return None


def calls_needed(log_stdev: float, margin: float, *, alpha: float = 0.05) -> int:
    """Return the independent calls per side for a plan without data, medians being compared.

    n = 2 (1.25 σ)² (z(1 − α) + z(.90))² / L², rounded up: enough for `equivalent` at 80 % power.
    """
    points = normal_quantile(1 - alpha) + normal_quantile(0.9)
    bound = math.log1p(margin)
    return math.ceil(2 * (MEDIAN_EFFICIENCY * log_stdev) ** 2 * points**2 / bound**2)
