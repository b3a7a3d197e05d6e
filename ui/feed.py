"""What all pages share, collected once per process and handed out by events."""

import asyncio
from collections.abc import Sequence

import structlog
from nicegui import Event, background_tasks

from comparison import BackendError
from shared_models import BackendState, Capabilities, TestConfiguration, TestMode

from .clients import Deps
from .state.board import Board
from .state.form import common_modes

HEALTH_PERIOD_S = 2.0
UPDATE_PERIOD_S = 0.25

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
        self.board = Board(deps.backends, self._on_run_change)
        self._update_is_due = False

    @property
    def simulated(self) -> bool:
        """Whether the model server is the simulator."""
        state = self.states.get("ollama")
        return bool(state and state.simulated)

    @property
    def modes(self) -> Sequence[TestMode]:
        """The test modes that both backends support."""
        return common_modes([self.capabilities.get(b.name) for b in self.deps.backends])

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

    def start(self, configuration: TestConfiguration) -> None:
        """Start the shared comparison; raises AlreadyRunning."""
        self.board.begin(configuration)
        background_tasks.create(self.board.run(), name="comparison")

    async def _ask_capabilities(self, name: str) -> None:
        backend = next(b for b in self.deps.backends if b.name == name)
        try:
            self.capabilities[name] = await backend.capabilities()
        except BackendError:
            # Asked again at the next round; until then the form offers the seed's modes.
            _log.info("capabilities_unknown", backend=name)

    def _on_run_change(self) -> None:
        if not self._update_is_due:
            self._update_is_due = True
            background_tasks.create(self._emit_soon(), name="comparison update")

    async def _emit_soon(self) -> None:
        await asyncio.sleep(UPDATE_PERIOD_S)
        self._update_is_due = False
        self.run_changed.emit()
