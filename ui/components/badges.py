"""The header's badges: one per service, and the standing warning about a simulated model."""

from nicegui import ui

from shared_models import BackendState

from ..state.figures import round_trip
from .elements import Text, attribute, box, swap_class


class ServiceBadge:
    """A pill with a dot, the service's name, and its round trip or what is wrong with it."""

    def __init__(self, name: str) -> None:
        self._pill = box("badge state-unknown", tag="li")
        with self._pill:
            box("dot", tag="span", aria_hidden="true")
            Text(name, classes="badge-name")
            self._detail = Text("checking", classes="badge-detail").mark(f"badge-{name}")

    def show(self, state: BackendState | None) -> None:
        """Show a state; None is one that is not known yet."""
        if state is None:
            return
        swap_class(self._pill, "state", state.state)
        well = state.state == "healthy" and state.latency_ms is not None
        self._detail.show(round_trip(state.latency_ms or 0.0) if well else state.state)
        attribute(self._pill, title=state.reason or state.url or None)


class SimulatedBadge:
    """Says that the model is simulated for as long as it is."""

    def __init__(self) -> None:
        self._badge = Text("simulated model", tag="li", classes="badge badge-amber")
        self._badge.set_visibility(False)
        attribute(self._badge, title="The simulator answers here, not a real model")

    def show(self, simulated: bool) -> None:
        """Show or hide the badge."""
        self._badge.set_visibility(simulated)


def badge_list() -> ui.element:
    """Return the list that holds the badges."""
    return box("badges", tag="ul", aria_label="Services")
