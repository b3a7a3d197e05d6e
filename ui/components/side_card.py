"""The card of one backend: status, key figure, breakdown, figures; updated in place."""

from collections.abc import Sequence

from nicegui import ui

from ..state.board import SideRun
from ..state.cards import FIGURES, PARTS, CardView, Progress
from ..state.figures import UNKNOWN
from .elements import Text, attribute, box, swap_class


class SideCards:
    """The cards in the order of the sides; drawn anew only when other sides are compared."""

    def __init__(self) -> None:
        self._box = box("cards")
        self._cards: dict[str, SideCard] = {}

    def of(self, sides: Sequence[SideRun]) -> list["SideCard"]:
        """Return each side's card."""
        if list(self._cards) != [side.key for side in sides]:
            self._box.clear()
            with self._box:
                self._cards = {
                    side.key: SideCard(side.key, backend=side.backend, name=side.name)
                    for side in sides
                }
        return list(self._cards.values())


class SideCard:
    """Draws CardViews of one backend without ever moving anything on the page."""

    def __init__(self, key: str, *, backend: str, name: str) -> None:
        """`key` tells the card from the others, `backend` gives its colour."""
        with box(f"card side-{backend}", tag="article", aria_label=name).mark(f"card-{key}"):
            with box("card-head"):
                box("square", tag="span", aria_hidden="true")
                Text(name, tag="h3", classes="card-name")
                self._status = Text(classes="status").mark(f"status-{key}")
            self._runtime = Text(tag="p", classes="runtime")
            with box("key"):
                self._key = Text(classes="key-figure").mark(f"median-{key}")
                self._unit = Text(classes="key-unit")
            self._progress = ProgressBar(name, key)
            self._breakdown = BreakdownBar()
            self._note = Text(tag="p", classes="note").mark(f"note-{key}")
            with box("figures", tag="dl"):
                self._figures = [_figure(name, f"{name}-{key}") for name in FIGURES]
            self._extras = box("figures extras", tag="dl").mark(f"extras-{key}")
            self._shown_extras: tuple[tuple[str, str], ...] = ()

    def show(self, view: CardView) -> None:
        """Show a view."""
        self._status.show(view.status)
        swap_class(self._status, "tone", view.tone)
        self._runtime.show(view.runtime)
        self._key.show(view.key)
        self._key.classes(**{"add" if view.key == UNKNOWN else "remove": "is-unknown"})
        self._unit.show(view.unit)
        self._progress.show(view.progress)
        self._breakdown.show(view)
        self._note.show(view.note or "")
        self._note.set_visibility(view.note is not None)
        swap_class(self._note, "tone", view.tone)
        for label, text in zip(self._figures, view.figures, strict=True):
            label.show(text)
        self._show_extras(view.extras)

    def _show_extras(self, extras: tuple[tuple[str, str], ...]) -> None:
        self._extras.set_visibility(bool(extras))
        if extras == self._shown_extras:
            return
        self._shown_extras = extras
        self._extras.clear()
        with self._extras:
            for name, text in extras:
                _figure(name, name).show(text)


class ProgressBar:
    """How far the run is: a bar and a line of words, in the breakdown's place while it runs."""

    def __init__(self, name: str, key: str) -> None:
        self._box = box("progress")
        with self._box:
            self._bar = box(
                "bar",
                role="progressbar",
                aria_label=f"{name} progress",
                aria_valuemin="0",
                aria_valuemax="100",
            )
            with self._bar:
                self._fill = box("bar-fill")
            self._text = Text(classes="bar-text").mark(f"progress-{key}")

    def show(self, progress: Progress | None) -> None:
        """Show how far; None hides the bar."""
        self._box.set_visibility(progress is not None)
        if progress is None:
            return
        self._text.show(progress.text)
        attribute(
            self._bar,
            aria_valuenow=None if progress.percent is None else f"{progress.percent:.0f}",
            aria_valuetext=progress.text,
        )
        self._fill.style(f"width:{progress.percent or 0.0:.1f}%")


class BreakdownBar:
    """Where a mean call's time went, on the scale that all cards share."""

    def __init__(self) -> None:
        self._box = box("breakdown")
        with self._box:
            with box("bar", aria_hidden="true"):
                self._fills = [box(f"bar-part part-{name}") for name in PARTS]
            with box("legend", tag="ul", aria_label="Mean time per call"):
                self._entries = [_legend(name) for name in PARTS]

    def show(self, view: CardView) -> None:
        """Show the parts; hidden while the run is going on."""
        self._box.set_visibility(view.progress is None)
        for fill, (entry, text), segment in zip(
            self._fills, self._entries, view.segments, strict=True
        ):
            fill.style(f"width:{segment.percent:.2f}%")
            entry.set_visibility(bool(segment.text))
            text.show(segment.text)


def _legend(name: str) -> tuple[ui.element, Text]:
    with box("legend-entry", tag="li") as entry:
        box(f"square part-{name}", tag="span", aria_hidden="true")
        return entry, Text()


def _figure(name: str, marker: str) -> Text:
    with box("figure"):
        Text(name, tag="dt")
        return Text(tag="dd").mark(marker.replace(" ", "-"))
