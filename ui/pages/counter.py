"""`/counter`: the sample page that counts clicks."""

from nicegui import ui

from ..components.elements import Text, attribute, box
from ..feed import Feed
from ..theme import frame, page_title


def register(feed: Feed) -> None:
    """Register the page."""

    @ui.page("/counter", title=page_title("Counter"))
    def counter() -> None:
        with frame("Counter", feed, path="/counter"), box("prose"):
            Text(
                "A sample page: the count lives on the server, for this view of the page only.",
                tag="p",
                classes="lead",
            )
            _counter()


def _counter() -> None:
    count = 0

    def add() -> None:
        nonlocal count
        count += 1
        shown.show(f"Current count: {count}")

    with box("sample-panel"):
        shown = Text("Current count: 0", tag="p", classes="count").mark("count")
        attribute(shown, role="status")
        ui.button("Click me", on_click=add, color=None).props("unelevated no-caps").classes(
            "button-main"
        ).mark("count-up")
