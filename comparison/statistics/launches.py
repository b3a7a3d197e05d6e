"""The estimate over launches: a process launch is the unit of replication (statistics 4.5)."""

import math
from dataclasses import dataclass

import numpy as np

from .blocks import LogRatios
from .distributions import t_quantile, t_tail
from .figures import Estimated, Interval, Unit
from .groups import Groups
from .observations import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEstimate:
    """The mean of independent log ratios: launches, or one launch's super-blocks.

    `stdev` is theirs, with n − 1. At least two are needed.
    """

    mean: float
    stdev: float
    clusters: int
    unit: Unit

    @property
    def standard_error(self) -> float:
        """s_D / √R."""
        return self.stdev / math.sqrt(self.clusters)

    @property
    def df(self) -> int:
        """Degrees of freedom."""
        return self.clusters - 1

    def interval(self, confidence: float) -> Interval:
        """Return exp(D̄ ± t s_D / √R)."""
        half = t_quantile((1 + confidence) / 2, self.df) * self.standard_error
        low, high = math.exp(self.mean - half), math.exp(self.mean + half)
        return Interval(low=low, high=high, confidence=confidence)

    def p_above(self, bound: float) -> float:
        """Return the one-sided p-value of "the true mean is at most `bound`"."""
        distance = self.mean - bound
        if self.standard_error == 0:
            return 0.0 if distance > 0 else 1.0
        return t_tail(distance / self.standard_error, self.df)

    def p_below(self, bound: float) -> float:
        """Return the one-sided p-value of "the true mean is at least `bound`"."""
        mirrored = LogEstimate(
            mean=-self.mean, stdev=self.stdev, clusters=self.clusters, unit=self.unit
        )
        return mirrored.p_above(-bound)

    @property
    def p_value(self) -> float:
        """Return the two-sided p-value of "no difference"."""
        return min(1.0, 2 * min(self.p_above(0.0), self.p_below(0.0)))


def launch_means(ratios: LogRatios) -> tuple[list[int], Floats]:
    """Return the launches that have a super-block, and the mean of d in each."""
    groups = Groups.by(ratios.launch)
    return groups.keys.tolist(), groups.means(ratios.values)


def estimate(ratios: LogRatios) -> LogEstimate | None:
    """Return the estimate over launches; over the super-blocks when there was one launch only.

    One launch's interval says nothing about the next launch of the same programs, which differs
    by several per cent. None with fewer than two of either.
    """
    _, means = launch_means(ratios)
    if len(means) > 1:
        return _estimate(means, "launch")
    return _estimate(ratios.values, "super-block") if len(ratios.values) > 1 else None


def _estimate(values: Floats, unit: Unit) -> LogEstimate:
    return LogEstimate(
        mean=float(values.mean()), stdev=float(values.std(ddof=1)), clusters=len(values), unit=unit
    )


def order_effect(ratios: LogRatios, candidate_first: tuple[bool, ...]) -> Estimated | None:
    """Return how much longer the side took that was launched and warmed first, as a ratio.

    With δ the true log ratio and o the effect of being first, launches have the mean δ + o when
    the candidate was first, δ − o otherwise; o is half the difference of the two means, with the
    interval of two samples of equal variance. None unless both orders occurred.
    """
    launches, means = launch_means(ratios)
    known = [i for i, launch in enumerate(launches) if launch < len(candidate_first)]
    first = np.array([candidate_first[launches[i]] for i in known], dtype=np.bool_)
    kept = means[known]
    a, b = kept[first], kept[~first]
    df = len(kept) - 2
    if not (len(a) and len(b)):
        return None
    effect = float(a.mean() - b.mean()) / 2
    if df < 1:
        return Estimated(value=math.exp(effect), interval=None)
    squares = float(((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum())
    error = math.sqrt(squares / df * (1 / len(a) + 1 / len(b))) / 2
    half = t_quantile(0.975, df) * error
    interval = Interval(low=math.exp(effect - half), high=math.exp(effect + half), confidence=0.95)
    return Estimated(value=math.exp(effect), interval=interval)
