"""The answer on top of the dashboard: the verdict, or what was observed without naming a winner."""

from dataclasses import dataclass
from typing import Literal

from shared_models import (
    ComparisonReport,
    Estimate,
    Finding,
    Interval,
    PairReport,
    Schedule,
    SideReport,
    Verdict,
)

from .board import Board
from .figures import MINUS, milliseconds, percent, signed, span

ChipTone = Literal["plain", "amber", "red"]

_CONTENDED = (
    "The sides ran at the same time. A model server with one slot serves them in turn, so each "
    "waits for the other and the true difference is hidden. No winner is declared."
)
_ORDER_BIASED = (
    "One side ran after the other. Whatever changed on this machine meanwhile looks like a "
    "difference between them, so no winner is declared."
)
NO_VERDICT: dict[Schedule, tuple[str, str]] = {
    "parallel": ("contended: no verdict", _CONTENDED),
    "sequential": ("order-biased: no verdict", _ORDER_BIASED),
}
SIMULATED = "The answers came from the simulator, not from a real model."
_VERDICTS: dict[Verdict, str] = {
    "faster": "is faster than",
    "slower": "is slower than",
    "equivalent": "is as fast as",
}
_TONES: dict[str, ChipTone] = {"note": "plain", "warning": "amber", "error": "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A small remark; `why` is shown on hover and focus."""

    text: str
    tone: ChipTone = "plain"
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """One side's calls on the common axis, in percent of it, and in words."""

    backend: str
    label: str
    low: float
    median: float
    high: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of the headline that stays on one line; a backend's starts with its name."""

    words: str
    backend: str | None = None
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerView:
    """The panel: a headline, a sentence, remarks and the sides' ranges.

    `offers_verdict`: the schedule could give none, and another one would. `is_sentence`: the
    headline's pieces are one sentence and not a list.
    """

    headline: tuple[Piece, ...]
    sentence: str
    is_sentence: bool = False
    offers_verdict: bool = False
    chips: tuple[Chip, ...] = ()
    ranges: tuple[Range, ...] = ()
    axis_end: str = ""


def answer_view(board: Board) -> AnswerView:
    """Return what the panel says about the board as it is now."""
    report = board.report
    if report is None:
        return _invitation(board.labels)
    if board.running:
        return _in_progress(report, stopping=board.stopping)
    return _ended(report, lost=tuple(side.label for side in board.sides if side.report is None))


def _invitation(labels: tuple[str, ...]) -> AnswerView:
    names = _joined(labels)
    return AnswerView(
        headline=(Piece(words="Compare two agents on your model"),),
        sentence=(
            f"Press Run performance tests: {names} make the same ten calls at the same time, and "
            "their medians, their spread and where the time went appear here."
        ),
    )


def _in_progress(report: ComparisonReport, *, stopping: bool) -> AnswerView:
    names = _joined(tuple(side.label for side in report.sides))
    if stopping:
        headline, sentence = "Stopping", f"{names} end their calls in flight."
    elif report.schedule == "parallel":
        headline = "Comparison is running"
        sentence = f"{names} make the same calls at the same time; the figures follow at the end."
    else:
        headline, sentence = "Comparison is running", _progress_sentence(report)
    return AnswerView(
        headline=(Piece(words=headline),), sentence=sentence, chips=_settings_chips(report)
    )


def _progress_sentence(report: ComparisonReport) -> str:
    progress = report.progress
    parts = [progress.phase[:1].upper() + progress.phase[1:]]
    if report.schedule == "interleaved":
        parts.append(f"launch pair {progress.launch} of {progress.launches}")
    if progress.total:
        parts.append(f"{progress.done / progress.total * 100:.0f} % of the calls")
    if progress.remaining_ms is not None:
        parts.append(f"about {span(progress.remaining_ms)} left")
    return ", ".join(parts) + "."


def _ended(report: ComparisonReport, *, lost: tuple[str, ...]) -> AnswerView:
    pair = report.pairs[0] if report.pairs else None
    judged = report.verdict != "none"
    ranges, axis_end = _ranges(report.sides)
    return AnswerView(
        headline=_verdict_headline(report) if judged else _medians(report.sides),
        sentence=(
            _estimate_sentence(report, pair) if judged else _observed_sentence(report, pair, lost)
        ),
        is_sentence=judged,
        offers_verdict=not judged and report.schedule != "interleaved" and len(report.sides) > 1,
        chips=(
            *_schedule_chips(report.schedule),
            *((Chip(text="simulated model", tone="amber", why=SIMULATED),) * report.simulated),
            *_finding_chips(report.findings),
            *(() if lost else _count_chips(report.sides)),
            *_settings_chips(report),
        ),
        ranges=ranges,
        axis_end=axis_end,
    )


def _medians(sides: list[SideReport]) -> tuple[Piece, ...]:
    pieces = [
        Piece(backend=side.backend, label=side.label, words=milliseconds(side.median.value))
        for side in sides
        if side.median is not None
    ]
    return tuple(pieces) or (Piece(words="No successful call"),)


def _observed_sentence(
    report: ComparisonReport, pair: PairReport | None, lost: tuple[str, ...]
) -> str:
    if pair is None or pair.difference_ms is None or pair.difference_percent is None:
        return _missing(report, lost)
    first, second = report.sides[pair.baseline], report.sides[pair.candidate]
    share = f"{abs(pair.difference_percent):.1f} %"
    sign = MINUS if pair.difference_percent < 0 else "+"
    return (
        f"Observed difference of the medians: {signed(pair.difference_ms)} ms "
        f"({sign}{share}), {second.label} minus {first.label}."
    )


def _missing(report: ComparisonReport, lost: tuple[str, ...]) -> str:
    failed = tuple(
        side.label for side in report.sides if not side.success_count and side.label not in lost
    )
    reasons = []
    if failed:
        reasons.append(f"{_joined(failed)} had no successful call")
    if lost:
        reasons.append(f"{_joined(lost)} was lost before its result")
    return f"No difference: {'; '.join(reasons)}." if reasons else report.message


def _verdict_headline(report: ComparisonReport) -> tuple[Piece, ...]:
    pair = report.pairs[0]
    if pair.verdict not in _VERDICTS:
        return (Piece(words=report.headline),)
    first, second = report.sides[pair.baseline], report.sides[pair.candidate]
    return (
        Piece(backend=second.backend, label=second.label, words=_VERDICTS[pair.verdict]),
        Piece(backend=first.backend, label=first.label, words=""),
    )


def _estimate_sentence(report: ComparisonReport, pair: PairReport | None) -> str:
    estimate = pair.estimate if pair else None
    if pair is None or estimate is None:
        return report.message
    first, second = report.sides[pair.baseline], report.sides[pair.candidate]
    # Equivalence rests on two one-sided tests at 5 %, which is the 90 % interval.
    interval = estimate.interval90 if pair.verdict == "equivalent" else estimate.interval95
    units = "launch pairs" if estimate.unit == "launch" else "super-blocks of one launch"
    confidence = f"{interval.confidence * 100:.0f} %"
    sentence = (
        f"{second.label} takes {_change(estimate.ratio)} time than {first.label}, "
        f"{confidence} interval {_bounds(interval)}, over {estimate.clusters} {units}."
    )
    if pair.verdict == "equivalent":
        margin = percent(report.request.equivalence_margin)
        return f"{sentence} That is within the margin of {margin}."
    return sentence + _power(estimate) if pair.verdict == "inconclusive" else sentence


def _change(ratio: float) -> str:
    return f"{percent(abs(ratio - 1))} {'more' if ratio >= 1 else 'less'}"


def _bounds(interval: Interval) -> str:
    bounds = (interval.low, interval.high)
    if any(bound is None for bound in bounds):
        return "open-ended"
    low, high = (f"{signed((bound or 1.0) * 100 - 100)} %" for bound in bounds)
    return f"{low} to {high}"


def _power(estimate: Estimate) -> str:
    if estimate.minimum_detectable_effect is None:
        return ""
    words = f" A difference below {percent(estimate.minimum_detectable_effect)} could be missed"
    if estimate.launches_needed is None:
        return words + "."
    return words + f"; {estimate.launches_needed} launch pairs would narrow it enough."


def _schedule_chips(schedule: Schedule) -> tuple[Chip, ...]:
    if schedule not in NO_VERDICT:
        return ()
    text, why = NO_VERDICT[schedule]
    return (Chip(text=text, tone="amber", why=why),)


def _finding_chips(findings: list[Finding]) -> tuple[Chip, ...]:
    """Return one remark for each kind of finding; those with a remark of their own are left out."""
    said = {"simulated-model", "contended", "order-biased"}
    texts: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.code not in said:
            texts.setdefault(finding.code, []).append(finding)
    return tuple(
        Chip(
            text=code.replace("-", " "),
            tone=_TONES[found[0].severity],
            why=" ".join(dict.fromkeys(finding.text for finding in found)),
        )
        for code, found in texts.items()
    )


def _count_chips(sides: list[SideReport]) -> tuple[Chip, ...]:
    counts = [side.success_count for side in sides]
    if len(set(counts)) == 1:
        return (Chip(text=f"{counts[0]:,} calls a side"),)
    return (Chip(text=" and ".join(f"{count:,}" for count in counts) + " calls"),)


def _settings_chips(report: ComparisonReport) -> tuple[Chip, ...]:
    configuration = report.request.configuration
    words = [report.schedule, configuration.test_mode, configuration.model]
    if configuration.scenario != "chat":
        words.insert(2, configuration.scenario)
    return tuple(Chip(text=word) for word in words)


def _ranges(sides: list[SideReport]) -> tuple[tuple[Range, ...], str]:
    highest = max((side.max_ms or 0.0 for side in sides), default=0.0)
    if highest <= 0:
        return (), ""
    ranges = [_range(side, highest) for side in sides]
    return tuple(entry for entry in ranges if entry), milliseconds(highest)


def _range(side: SideReport, highest: float) -> Range | None:
    if side.median is None or side.min_ms is None or side.max_ms is None:
        return None
    return Range(
        backend=side.backend,
        label=side.label,
        low=side.min_ms / highest * 100,
        median=side.median.value / highest * 100,
        high=side.max_ms / highest * 100,
        text=(
            f"{side.label}: {milliseconds(side.min_ms)} to {milliseconds(side.max_ms)}, "
            f"median {milliseconds(side.median.value)}"
        ),
    )


def _joined(labels: tuple[str, ...]) -> str:
    *most, last = labels
    return f"{', '.join(most)} and {last}" if most else last
