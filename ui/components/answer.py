"""The panel on top of the dashboard: the verdict or the observed medians, remarks, the spread."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from ..state.answer import AnswerView, Chip, Range
from .elements import Text, attribute, box


class AnswerPanel:
    """Draws an AnswerView; drawn anew when it changes, which happens a few times a run."""

    def __init__(self, *, on_verdict: Callable[[], Awaitable[None]]) -> None:
        """`on_verdict` runs the schedule that gives a verdict, where this one could not."""
        self._on_verdict = on_verdict
        self._panel = box("answer", tag="section", aria_label="Comparison")
        self._shown: AnswerView | None = None

    def show(self, view: AnswerView) -> None:
        """Show a view; nothing is touched when it is the one already shown."""
        if view == self._shown:
            return
        self._shown = view
        self._panel.clear()
        with self._panel:
            with box("answer-words"):
                _headline(view)
                Text(view.sentence, tag="p", classes="answer-sentence").mark("answer")
                if view.chips:
                    with box("chips"):
                        for number, entry in enumerate(view.chips):
                            chip(entry, key=f"chip-{number}")
                if view.offers_verdict:
                    button = ui.button(
                        "Run interleaved for a verdict", on_click=self._on_verdict, color=None
                    )
                    button.props("unelevated no-caps").mark("verdict")
                    button.classes("button-plain answer-action")
            if view.ranges:
                _ranges(view.ranges, view.axis_end)


def chip(entry: Chip, *, key: str) -> None:
    """Draw a remark; one with a reason can be focused and then shows it."""
    classes = f"chip chip-{entry.tone}"
    if entry.why is None:
        Text(entry.text, classes=classes)
        return
    with box("chip-holder", tag="span"):
        button = Text(entry.text, tag="button", classes=classes)
        attribute(button, type="button", aria_describedby=key)
        attribute(Text(entry.why, classes="chip-why"), role="tooltip", id=key)


def _headline(view: AnswerView) -> None:
    with box("answer-headline", tag="h2"):
        for number, piece in enumerate(view.headline):
            if number and not view.is_sentence:
                Text("·", classes="headline-dot")
            # A name keeps its figure on its line; plain words may wrap.
            with box("headline-piece" if piece.backend else "", tag="span"):
                if piece.backend:
                    Text(f"{piece.label} ", classes=f"side-name side-{piece.backend}")
                if piece.words:
                    Text(piece.words)


def _ranges(ranges: tuple[Range, ...], axis_end: str) -> None:
    words = "Shortest, median and longest call on one scale. "
    label = words + "; ".join(entry.text for entry in ranges)
    with box("ranges", role="img", aria_label=label):
        for entry in ranges:
            with box(f"range side-{entry.backend}"):
                Text(entry.label, classes="range-label")
                with box("range-track"):
                    width = max(entry.high - entry.low, 0.5)
                    box("range-line").style(f"left:{entry.low:.2f}%;width:{width:.2f}%")
                    box("range-dot").style(f"left:{entry.median:.2f}%")
        with box("range range-axis"):
            Text("")
            with box("range-scale"):
                Text("0")
                Text("min – median – max", classes="range-key")
                Text(axis_end)


def announcer() -> Text:
    """Return the place whose changes a screen reader speaks."""
    text = Text("", tag="div", classes="visually-hidden")
    attribute(text, role="status", aria_live="polite")
    return text
