"""The services with their addresses and states, as a table."""

from collections.abc import Sequence

from shared_models import BackendState

from ..state.figures import round_trip
from .elements import Text, box

COLUMNS = ("Service", "Address", "State", "Round trip")


class ServiceList:
    """A table of services; drawn anew when something other than a round trip changed."""

    def __init__(self) -> None:
        with box("table-scroll"), box("table", tag="table", aria_label="Services"):
            with box(tag="thead"), box(tag="tr"):
                for name in COLUMNS:
                    Text(name, tag="th")
            self._body = box(tag="tbody")
        self._shown: object = None
        self._trips: dict[str, Text] = {}

    def show(self, states: Sequence[BackendState]) -> None:
        """Show the states."""
        key = [(state.name, state.state, state.reason) for state in states]
        if key != self._shown:
            self._shown = key
            self._draw(states)
        for state in states:
            trip = "–" if state.latency_ms is None else round_trip(state.latency_ms)
            self._trips[state.name].show(trip)

    def _draw(self, states: Sequence[BackendState]) -> None:
        self._body.clear()
        with self._body:
            if not states:
                with box(tag="tr"):
                    Text("Checking the services …", tag="td")
            for state in states:
                with box(f"state-{state.state}", tag="tr"):
                    Text(state.name, tag="td", classes="strong")
                    Text(state.url or "–", tag="td")
                    with box(tag="td"):
                        box("dot", tag="span", aria_hidden="true")
                        Text(f"{state.state}: {state.reason}" if state.reason else state.state)
                    self._trips[state.name] = Text(tag="td")
