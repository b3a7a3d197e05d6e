"""One candidate against the baseline: the estimate, what it allows to be said, and what is shown
beside it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shared_models import Verdict, VerdictReason

from .blocks import LogRatios, log_ratios
from .clusters import MAX_RESAMPLES, clustered, percentile_ratios
from .drift import Trend, differential_drift
from .effect_size import effect_size
from .failures import IMBALANCE_P, imbalance_p, too_many_failures
from .figures import Estimate, Estimated, PairAnalysis
from .launches import LogEstimate, estimate, order_effect
from .multiplicity import holm
from .observations import Design, Floats, Metric, SideObservations
from .open_loop import generator
from .percentiles import PERCENTILES, least_count
from .pooled import mean_ratio, quantile_ratio
from .power import launches_needed, minimum_detectable_effect
from .verdict import decide_all

SCHEDULE_REASONS: Mapping[str, VerdictReason] = {
    "parallel": "contended",
    "sequential": "order-biased",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredPair:
    """What was measured of one candidate, before anything is said about it."""

    candidate: int
    baseline_side: SideObservations
    candidate_side: SideObservations
    ratios: LogRatios
    found: LogEstimate | None
    secondary: Mapping[Metric, LogEstimate]
    differential: Trend | None

    @property
    def candidate_first(self) -> tuple[bool, ...]:
        """Return for each launch whether the candidate was launched before the baseline."""
        launches = self.ratios.launch
        return tuple(
            _position(self.candidate_side, launch, self.candidate)
            < _position(self.baseline_side, launch, 0)
            for launch in range(int(launches.max(initial=-1)) + 1)
        )

    @property
    def orders(self) -> list[bool]:
        """Return `candidate_first` of the launches that have an estimate."""
        first = self.candidate_first
        return [first[launch] for launch in np.unique(self.ratios.launch)]

    @property
    def fixed_order(self) -> bool:
        """Whether several launches all had the same order, which their mean cannot tell apart."""
        return len(self.orders) > 1 and len(set(self.orders)) == 1

    def drifts_beyond(self, margin: float) -> bool:
        """Whether the ratio changes within the launches, provably and by more than the margin."""
        found = self.differential
        return (
            found is not None
            and found.significant
            and abs(math.log1p(found.change)) > math.log1p(margin)
        )


def measure_pair(sides: Sequence[SideObservations], candidate: int, design: Design) -> MeasuredPair:
    """Estimate the log ratios of the primary and the secondary metrics."""
    baseline, other = sides[0], sides[candidate]
    ratios = log_ratios(baseline, other, design.primary, design.slos)
    secondary = {
        metric: found
        for metric in design.secondary
        if (found := estimate(log_ratios(baseline, other, metric, design.slos))) is not None
    }
    return MeasuredPair(
        candidate=candidate,
        baseline_side=baseline,
        candidate_side=other,
        ratios=ratios,
        found=estimate(ratios),
        secondary=secondary,
        differential=differential_drift(ratios),
    )


def analyse_pairs(measured: Sequence[MeasuredPair], design: Design) -> tuple[PairAnalysis, ...]:
    """Judge all candidates together, since more candidates are more chances to be wrong."""
    alpha = design.alpha_at_this_look
    estimated = [pair for pair in measured if pair.found is not None]
    founds = [pair.found for pair in estimated if pair.found is not None]
    verdicts = decide_all(founds, margin=design.margin, alpha=alpha)
    by_candidate = {p.candidate: v for p, v in zip(estimated, verdicts, strict=True)}
    primary_p = holm([found.p_value for found in founds])
    adjusted = {p.candidate: value for p, value in zip(estimated, primary_p, strict=True)}
    secondary_p = _secondary_p(measured, [found.p_value for found in founds])
    return tuple(
        _pair(
            pair,
            design,
            verdict=by_candidate.get(pair.candidate, "inconclusive"),
            adjusted_p=adjusted.get(pair.candidate) if len(measured) > 1 else None,
            secondary_p=secondary_p,
        )
        for pair in measured
    )


def _secondary_p(
    measured: Sequence[MeasuredPair], primary: Sequence[float]
) -> dict[tuple[int, Metric], float]:
    """Adjust the secondary metrics' p-values in one family with the primary ones."""
    keys = [(pair.candidate, metric) for pair in measured for metric in pair.secondary]
    values = [pair.secondary[metric].p_value for pair in measured for metric in pair.secondary]
    return dict(zip(keys, holm([*primary, *values])[len(primary) :], strict=True))


def _pair(
    pair: MeasuredPair,
    design: Design,
    *,
    verdict: Verdict,
    adjusted_p: float | None,
    secondary_p: Mapping[tuple[int, Metric], float],
) -> PairAnalysis:
    verdict, reason = judge(pair, design, verdict)
    baseline, candidate = _ascending_ms(pair.baseline_side), _ascending_ms(pair.candidate_side)
    median_ratio = _median_ratio(baseline, candidate, design)
    difference_ms = (
        float(np.median(candidate) - np.median(baseline)) if median_ratio is not None else None
    )
    return PairAnalysis(
        baseline=0,
        candidate=pair.candidate,
        metric=design.primary,
        verdict=verdict,
        reason=reason,
        estimate=_shown(pair, pair.found, design, adjusted_p) if pair.found else None,
        secondary={
            metric: _shown(pair, found, design, secondary_p[pair.candidate, metric])
            for metric, found in pair.secondary.items()
        },
        difference_ms=difference_ms,
        difference_percent=None if median_ratio is None else (median_ratio.value - 1) * 100,
        ratio=None if median_ratio is None else median_ratio.value,
        median_ratio=median_ratio,
        mean_ratio=mean_ratio(baseline, candidate),
        percentile_ratios=_percentile_ratios(pair, design),
        effect_size=effect_size(baseline, candidate),
    )


def judge(
    pair: MeasuredPair, design: Design, verdict: Verdict
) -> tuple[Verdict, VerdictReason | None]:
    """Return what may be said of what the estimate says, and why not if not.

    Only `interleaved` carries a verdict. `invalid` comes before everything else: failures, then
    the generator. One launch (or fewer than two clusters) is `too-few`: its interval leaves out
    how launches differ, and was seen to exclude the truth in 12 to 21 % of comparisons of equal
    sides. Two or three launches may have a verdict: the t interval pays for their number. A side
    that was first in every launch, or a ratio that changes by more than the margin within the
    launches, makes it `inconclusive`.
    """
    if design.schedule in SCHEDULE_REASONS:
        return "none", SCHEDULE_REASONS[design.schedule]
    both = pair.baseline_side, pair.candidate_side
    if any(map(too_many_failures, both)) or imbalance_p(*both) < IMBALANCE_P:
        return "invalid", "failures"
    if any(found.late for side in both if (found := generator(side)) is not None):
        return "invalid", "generator"
    if pair.found is None or pair.found.unit == "super-block":
        return "inconclusive", "too-few"
    if pair.fixed_order:
        return "inconclusive", "order-biased"
    if pair.drifts_beyond(design.margin):
        return "inconclusive", "drift"
    return verdict, None


def _shown(
    pair: MeasuredPair, found: LogEstimate, design: Design, adjusted_p: float | None
) -> Estimate:
    alpha = design.alpha_at_this_look
    several = found.unit == "launch"
    return Estimate(
        ratio=math.exp(found.mean),
        interval95=found.interval(1 - alpha),
        interval90=found.interval(1 - 2 * alpha),
        p_value=found.p_value,
        adjusted_p_value=adjusted_p,
        clusters=found.clusters,
        unit=found.unit,
        difference_detected=found.p_value < alpha,
        minimum_detectable_effect=minimum_detectable_effect(found, alpha=alpha),
        launches_needed=launches_needed(found.stdev, design.margin, alpha=alpha)
        if several
        else None,
        order_effect=order_effect(pair.ratios, pair.candidate_first),
    )


def _percentile_ratios(pair: MeasuredPair, design: Design) -> dict[str, Estimated]:
    """Super-blocks are resampled where there are enough of them, else single calls."""
    baseline, candidate = pair.baseline_side, pair.candidate_side
    least = min(int(side.counted.sum()) for side in (baseline, candidate))
    quantiles = {name: q for name, q in PERCENTILES.items() if least >= least_count(q)}
    if not quantiles:
        return {}
    found = clustered(baseline, candidate)
    if found is not None:
        resamples = min(design.resamples, MAX_RESAMPLES)
        return percentile_ratios(*found, quantiles, resamples=resamples, seed=design.seed)
    low, high = _ascending_ms(baseline), _ascending_ms(candidate)
    return {
        name: quantile_ratio(low, high, q, resamples=design.resamples, seed=design.seed)
        for name, q in quantiles.items()
    }


def _median_ratio(baseline: Floats, candidate: Floats, design: Design) -> Estimated | None:
    if not (len(baseline) and len(candidate)):
        return None
    return quantile_ratio(baseline, candidate, 0.5, resamples=design.resamples, seed=design.seed)


def _ascending_ms(side: SideObservations) -> Floats:
    return np.sort(side.latency_s[side.counted]) * 1000


def _position(side: SideObservations, launch: int, index: int) -> int:
    positions = side.launch_position
    return positions[launch] if launch < len(positions) else index
