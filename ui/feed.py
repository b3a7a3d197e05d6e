"""What all pages share, collected once per process and handed out by events."""

import asyncio

import structlog
from nicegui import Event, background_tasks

from comparison import BackendError, ComparisonRun
from shared_models import BackendState, Capabilities

from .api.registry import Comparisons
from .clients import Deps
from .state.board import Board
from .state.form import common_modes, common_scenarios, side_choices

HEALTH_PERIOD_S = 2.0

_log = structlog.get_logger()


class Feed:
    """The states of the services and the shared comparison.

    Pages subscribe to the events; a page is updated at most four times a second.
    """

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self.states: dict[str, BackendState] = {}
        self.capabilities: dict[str, Capabilities] = {}
        self.health_changed = Event[[]]()
        self.run_changed = Event[[]]()
        self.comparisons = Comparisons(deps.backends, on_start=self.follow)
        self.board = Board(deps.backends)

    @property
    def simulated(self) -> bool:
        """Whether the model server is the simulator."""
        state = self.states.get("ollama")
        return bool(state and state.simulated)

    @property
    def choices(self) -> dict[str, dict[str, str]]:
        """What the form offers, as far as the backends decide it, by field: value → words."""
        known = [self.capabilities.get(backend.name) for backend in self.deps.backends]
        return {
            "testMode": {mode: mode for mode in common_modes(known)},
            "scenario": {scenario: scenario for scenario in common_scenarios(known)},
            "sides": side_choices(self.board.backend_labels, self.capabilities),
        }

    async def collect(self) -> None:
        """Refresh the states every two seconds until cancelled."""
        while True:
            try:
                await self.refresh()
            except Exception:  # the collector outlives whatever one round meets
                _log.exception("health_collection_failed")
            await asyncio.sleep(HEALTH_PERIOD_S)

    async def refresh(self) -> None:
        """Probe every service now and tell the pages."""
        states = {state.name: state for state in await self.deps.states()}
        for backend in self.deps.backends:
            if states[backend.name].state != "healthy":
                self.capabilities.pop(backend.name, None)
            elif backend.name not in self.capabilities:
                await self._ask_capabilities(backend.name)
        self.states = states
        self.health_changed.emit()

    def follow(self, comparison: ComparisonRun) -> None:
        """Show this comparison on every page, and what becomes of it."""
        self.board.show(comparison)
        background_tasks.create(self._follow(comparison), name="comparison updates")

    async def _follow(self, comparison: ComparisonRun) -> None:
        async for report in comparison.reports():
            self.board.refresh(report)
            self.run_changed.emit()

    async def _ask_capabilities(self, name: str) -> None:
        backend = next(b for b in self.deps.backends if b.name == name)
        try:
            self.capabilities[name] = await backend.capabilities()
        except BackendError:
            # Asked again at the next round; until then the form offers the seed's modes.
            _log.info("capabilities_unknown", backend=name)
