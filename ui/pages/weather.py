"""`/weather`: the sample page that shows a table of made-up weather."""

from datetime import UTC, datetime

from nicegui import ui

from ..components.elements import Text, box
from ..feed import Feed
from ..state.weather import forecast
from ..theme import frame, page_title

COLUMNS = ("Date", "Temp. (°C)", "Temp. (°F)", "Summary")


def register(feed: Feed) -> None:
    """Register the page."""

    @ui.page("/weather", title=page_title("Weather"))
    def weather() -> None:
        with frame("Weather", feed, path="/weather"), box("prose"):
            Text(
                "A sample page: these five days are generated sample data, not a forecast.",
                tag="p",
                classes="lead",
            )
            _table()


def _table() -> None:
    today = datetime.now(UTC).date()
    with box("table-scroll"), box("table numbers", tag="table"):
        Text("Sample data", tag="caption")
        with box(tag="thead"), box(tag="tr"):
            for name in COLUMNS:
                Text(name, tag="th")
        with box(tag="tbody"):
            for day in forecast(today):
                with box(tag="tr"):
                    Text(f"{day.date:%a %d %b %Y}", tag="td", classes="strong")
                    Text(str(day.celsius), tag="td")
                    Text(str(day.fahrenheit), tag="td")
                    Text(day.summary, tag="td")
