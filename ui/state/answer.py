"""The answer on top of the dashboard: what was observed, without naming a winner."""

from dataclasses import dataclass
from typing import Literal

from shared_models import ComparedSide, Comparison, Metrics, TestConfiguration

from .board import Board, SideRun
from .figures import MINUS, milliseconds, signed

ChipTone = Literal["plain", "amber"]

CONTENDED = (
    "Both backends ran at the same time. A model server with one slot serves them in turn, so each "
    "waits for the other and the true difference is hidden. No winner is declared."
)
SIMULATED = "The answers came from the simulator, not from a real model."


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
    """The panel: a headline, a sentence, remarks and the sides' ranges."""

    headline: tuple[Piece, ...]
    sentence: str
    chips: tuple[Chip, ...] = ()
    ranges: tuple[Range, ...] = ()
    axis_end: str = ""


def answer_view(board: Board) -> AnswerView:
    """Return what the panel says about the board as it is now."""
    if board.configuration is None:
        return _invitation(board.sides)
    if board.comparison is None:
        return _in_progress(board, board.configuration)
    return _observed(board.comparison, board.sides, board.configuration)


def _invitation(sides: tuple[SideRun, ...]) -> AnswerView:
    names = " and ".join(side.label for side in sides)
    return AnswerView(
        headline=(Piece(words="Compare two agents on your model"),),
        sentence=(
            f"Press Run performance tests: {names} make the same ten calls at the same time, and "
            "their medians, their spread and where the time went appear here."
        ),
    )


def _in_progress(board: Board, configuration: TestConfiguration) -> AnswerView:
    names = " and ".join(side.label for side in board.sides)
    if board.stopping:
        return AnswerView(
            headline=(Piece(words="Stopping"),),
            sentence=f"{names} end their calls in flight.",
            chips=_settings_chips(configuration),
        )
    return AnswerView(
        headline=(Piece(words="Comparison is running"),),
        sentence=f"{names} make the same calls at the same time; the figures follow at the end.",
        chips=_settings_chips(configuration),
    )


def _observed(
    comparison: Comparison, sides: tuple[SideRun, ...], configuration: TestConfiguration
) -> AnswerView:
    ranges, axis_end = _ranges(sides)
    return AnswerView(
        headline=_headline(comparison),
        sentence=_sentence(comparison, sides),
        chips=(
            Chip(text="contended: no verdict", tone="amber", why=CONTENDED),
            *_provider_chips(sides),
            *_count_chips(comparison.sides, sides),
            *_settings_chips(configuration),
        ),
        ranges=ranges,
        axis_end=axis_end,
    )


def _headline(comparison: Comparison) -> tuple[Piece, ...]:
    pieces = [
        Piece(backend=side.backend, label=side.label, words=milliseconds(side.median_ms))
        for side in comparison.sides
        if side.median_ms is not None
    ]
    return tuple(pieces) or (Piece(words="No successful call"),)


def _sentence(comparison: Comparison, sides: tuple[SideRun, ...]) -> str:
    first, second = comparison.sides[0], comparison.sides[-1]
    if comparison.difference_ms is None or comparison.difference_percent is None:
        return f"No difference: {_missing(comparison, sides)}."
    percent = f"{abs(comparison.difference_percent):.1f} %"
    sign = MINUS if comparison.difference_percent < 0 else "+"
    return (
        f"Observed difference of the medians: {signed(comparison.difference_ms)} ms "
        f"({sign}{percent}), {second.label} minus {first.label}."
    )


def _missing(comparison: Comparison, sides: tuple[SideRun, ...]) -> str:
    lost = [side.label for side in sides if _is_lost(side)]
    failed = [
        side.label for side in comparison.sides if not side.success_count and side.label not in lost
    ]
    reasons = []
    if failed:
        reasons.append(f"{' and '.join(failed)} had no successful call")
    if lost:
        reasons.append(f"{' and '.join(lost)} was lost before its result")
    return "; ".join(reasons) or "a side has no median"


def _is_lost(side: SideRun) -> bool:
    """Return whether calls succeeded, but the backend went away with their figures."""
    return side.result is None and side.status is not None and side.status.success_count > 0


def _provider_chips(sides: tuple[SideRun, ...]) -> tuple[Chip, ...]:
    if any(metrics.provider == "ollama-simulator" for metrics in _metrics(sides)):
        return (Chip(text="simulated model", tone="amber", why=SIMULATED),)
    return ()


def _count_chips(compared: list[ComparedSide], sides: tuple[SideRun, ...]) -> tuple[Chip, ...]:
    if any(_is_lost(side) for side in sides):
        return ()
    counts = [side.success_count for side in compared]
    if len(set(counts)) == 1:
        return (Chip(text=f"{counts[0]:,} calls a side"),)
    return (Chip(text=" and ".join(f"{count:,}" for count in counts) + " calls"),)


def _settings_chips(configuration: TestConfiguration) -> tuple[Chip, ...]:
    return (
        Chip(text="parallel"),
        Chip(text=configuration.test_mode),
        Chip(text=configuration.model),
    )


def _metrics(sides: tuple[SideRun, ...]) -> list[Metrics]:
    return [side.result.metrics for side in sides if side.result and side.result.metrics]


def _ranges(sides: tuple[SideRun, ...]) -> tuple[tuple[Range, ...], str]:
    highest = max(
        (metrics.max_iteration_time_ms or 0.0 for metrics in _metrics(sides)), default=0.0
    )
    if highest <= 0:
        return (), ""
    ranges = [_range(side, highest) for side in sides]
    return tuple(entry for entry in ranges if entry), milliseconds(highest)


def _range(side: SideRun, highest: float) -> Range | None:
    metrics = side.result.metrics if side.result else None
    if metrics is None or metrics.median_ms is None:
        return None
    low, high = metrics.min_iteration_time_ms, metrics.max_iteration_time_ms
    if low is None or high is None:
        return None
    return Range(
        backend=side.backend,
        label=side.label,
        low=low / highest * 100,
        median=metrics.median_ms / highest * 100,
        high=high / highest * 100,
        text=(
            f"{side.label}: {milliseconds(low)} to {milliseconds(high)}, "
            f"median {milliseconds(metrics.median_ms)}"
        ),
    )
