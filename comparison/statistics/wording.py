"""Every sentence that the analysis says to people.

A code stands for one fact; its severity and wording are here and nowhere else. `error` makes a
verdict impossible, `warning` weakens trust in a figure, `note` explains one.
"""

import re
from collections.abc import Mapping, Sequence

from shared_models import VerdictReason
from shared_models.comparisons import Severity

from .figures import Estimate, Figure, Finding, Interval, PairAnalysis
from .observations import Design, Metric

SENTENCES: Mapping[str, tuple[Severity, str]] = {
    "failures": (
        "error",
        (
            "{label}: {failed} of {attempts} calls failed ({rate:.1%}); above {limit:.0%} the "
            "times of the rest say little."
        ),
    ),
    "failure-imbalance": (
        "error",
        (
            "{baseline} and {other} fail differently often (Fisher's exact p = {p:.2g}); the "
            "calls that are left are not alike."
        ),
    ),
    "generator-late": (
        "error",
        (
            "{label}: the load generator was late by {lag_p99_ms:.1f} ms at the 99th "
            "percentile, more than {limit_ms:.1f} ms; the latencies are partly its own."
        ),
    ),
    "saturated": (
        "warning",
        (
            "{label}: calls in flight and latency grow within the windows; the rate is above "
            "what can be served, and the latencies depend on how long the windows are."
        ),
    ),
    "dropped": (
        "warning",
        ("{label}: {dropped} arrivals were never sent, because too many calls were in flight."),
    ),
    "contended": (
        "warning",
        (
            "All sides ran at the same time and waited for each other; on a model server with "
            "one slot this hides even large differences."
        ),
    ),
    "order-biased": (
        "warning",
        (
            "The sides ran one after another: what changed on the machine meanwhile looks like "
            "a difference."
        ),
    ),
    "fixed-order": (
        "warning",
        (
            "{other} and {baseline} were launched and warmed in the same order in all "
            "{launches} launches; being second alone makes programs several per cent faster."
        ),
    ),
    "one-launch": (
        "warning",
        (
            "One launch: the interval holds for this launch only; the next launch of the same "
            "programs differs by several per cent."
        ),
    ),
    "few-launches": (
        "warning",
        (
            "{launches} launches are few: the interval is wide for want of knowing how much "
            "launches differ. Plan at least {minimum}."
        ),
    ),
    "unbalanced-order": (
        "note",
        (
            "{other} was launched first in {candidate_first} of {launches} launches; the effect "
            "of being first does not cancel out."
        ),
    ),
    "order-effect": (
        "note",
        (
            "Being launched first made a side {ratio:.3f} times as slow as being second (95 % "
            "interval {low:.3f} to {high:.3f})."
        ),
    ),
    "underpowered": (
        "note",
        (
            "{other}: with these launches only a difference of about {effect:.1%} would be "
            "found in four of five cases."
        ),
    ),
    "more-launches": (
        "note",
        (
            "{other}: about {more} more launches ({needed} in total) would be enough to call "
            "the two equivalent within {margin:.0%} if they are."
        ),
    ),
    "drift": (
        "note",
        (
            "{label}: the times change over the run, by {change:+.1%} from the first to the last "
            "quarter; the machine drifts, or launches differ. Alternation cancels what both "
            "sides share."
        ),
    ),
    "drift-uncancelled": (
        "warning",
        (
            "{label}: the times drift with the clock, by {change:+.1%} from the first to the "
            "last quarter, and nothing cancels it."
        ),
    ),
    "differential-drift": (
        "warning",
        (
            "The ratio of {other} to {baseline} itself changes by {change:+.1%} within the "
            "launches: one side is still warming up."
        ),
    ),
    "warm-up-short": (
        "warning",
        (
            "{label}: the first of 20 blocks was the slowest in {first_largest} of {launches} "
            "launches; the warm-up may be too short (leaving out {proposed_cut} calls is "
            "advised)."
        ),
    ),
    "outliers": (
        "note",
        (
            "{label}: {count} calls are far out (3 × IQR on logs) and take {time_share:.1%} of "
            "the time. They count."
        ),
    ),
    "dependent-calls": (
        "note",
        (
            "{label}: neighbouring calls are alike (r = {correlation:.2f}); {count} calls are "
            "worth about {effective:.0f} independent ones."
        ),
    ),
    "no-estimate": (
        "warning",
        (
            "{other} and {baseline} have fewer than two super-blocks in common in which "
            "{metric} is known."
        ),
    ),
}

METRIC_WORDS: Mapping[Metric, str] = {
    "latency": "latency",
    "timeToFirstToken": "time to first token",
    "throughput": "throughput",
    "goodput": "goodput",
}

REASON_WORDS: Mapping[VerdictReason, str] = {
    "failures": "too many calls failed, or one side failed more often",
    "generator": "the load generator was late",
    "drift": "the ratio itself changed during the launches",
    "contended": "the sides ran at the same time and waited for each other",
    "order-biased": "the order of the sides may explain the difference",
    "too-few": "too few launches",
}


def finding(code: str, figures: Mapping[str, Figure], *, side: int | None = None) -> Finding:
    """Return a finding with its sentence. Raises KeyError for a code or figure that is missing."""
    severity, sentence = SENTENCES[code]
    text = _spaced(sentence.format(**figures))
    return Finding(code=code, severity=severity, side=side, figures=figures, text=text)


def headline(labels: Sequence[str], pairs: Sequence[PairAnalysis], design: Design) -> str:
    """Return what can be said of the first pair as one sentence."""
    if not pairs:
        return f"{labels[0]} was measured alone; there is nothing to compare it with."
    return verdict_sentence(labels, pairs[0], design)


def verdict_sentence(labels: Sequence[str], pair: PairAnalysis, design: Design) -> str:
    """Return the verdict on a pair as one sentence."""
    baseline, candidate = labels[pair.baseline], labels[pair.candidate]
    because = f": {REASON_WORDS[pair.reason]}" if pair.reason else ""
    estimate = pair.estimate
    if pair.verdict == "invalid":
        return f"{candidate} and {baseline} cannot be compared{because}."
    if pair.verdict == "none":
        return f"Observed only, no verdict on {candidate} and {baseline}{because}."
    if estimate is None:
        return f"Inconclusive for {candidate} against {baseline}{because}."
    if pair.verdict == "inconclusive":
        shown = _interval(estimate, estimate.interval95)
        if estimate.difference_detected and not because:
            because = ": a difference is there, but perhaps not beyond the margin"
        return f"Inconclusive for {candidate} against {baseline}{because}; {shown}."
    if pair.verdict == "equivalent":
        shown = _interval(estimate, estimate.interval90)
        within = _spaced(f"{100 * design.margin:.3g}%")
        return f"{candidate} and {baseline} are equivalent within {within}: {shown}."
    shown = _interval(estimate, estimate.interval95)
    return f"{candidate} is {pair.verdict} than {baseline}: {METRIC_WORDS[pair.metric]} {shown}."


def _interval(estimate: Estimate, interval: Interval) -> str:
    over = "this launch only" if estimate.unit == "super-block" else f"{estimate.clusters} launches"
    return _spaced(
        f"ratio {estimate.ratio:.3f}, {100 * interval.confidence:.4g}% interval "
        f"{interval.low:.3f} to {interval.high:.3f} ({over})"
    )


def _spaced(text: str) -> str:
    """Set a space between a number and its per cent sign."""
    return re.sub(r"(?<=\d)%", " %", text)
