"""The one comparison that this process is running or ran last; every page shows the same."""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import anyio
import structlog

from comparison import BackendClient, BackendError, compared_side, follow, observed
from comparison.following import ENDED
from shared_models import Comparison, RunStatus, TestConfiguration, TestResult, TestStatus

_log = structlog.get_logger()


class AlreadyRunning(Exception):
    """A comparison is running; it has to end or be stopped first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideRun:
    """One side of the comparison, at one moment; `cause` says why it did not go well."""

    backend: str
    label: str
    phase: RunStatus = "Idle"
    session_id: str | None = None
    status: TestStatus | None = None
    result: TestResult | None = None
    cause: str | None = None


class Board:
    """Starts both sides, follows them to their end and keeps what came of it."""

    def __init__(self, backends: Sequence[BackendClient], changed: Callable[[], None]) -> None:
        """`changed` is called after every change and must not take long."""
        self.configuration: TestConfiguration | None = None
        self._backends = {backend.name: backend for backend in backends}
        self._sides = {b.name: SideRun(backend=b.name, label=b.label) for b in backends}
        self._changed = changed
        self._running = False
        self._stopping = False

    @property
    def sides(self) -> tuple[SideRun, ...]:
        """The sides in their order."""
        return tuple(self._sides.values())

    @property
    def running(self) -> bool:
        """Whether a comparison is going on."""
        return self._running

    @property
    def stopping(self) -> bool:
        """Whether the running comparison was asked to stop."""
        return self._running and self._stopping

    @property
    def comparison(self) -> Comparison | None:
        """What the two sides show, once both have ended."""
        if self._running or self.configuration is None:
            return None
        return observed(
            "parallel",
            [compared_side(side.backend, side.label, side.result) for side in self.sides],
        )

    def begin(self, configuration: TestConfiguration) -> None:
        """Claim the board for a new comparison; raises AlreadyRunning."""
        if self._running:
            raise AlreadyRunning("A comparison is already running; stop it first.")
        self._running, self._stopping = True, False
        self.configuration = configuration
        for name, side in self._sides.items():
            self._sides[name] = SideRun(backend=name, label=side.label, phase="Running")
        self._changed()

    async def run(self) -> None:
        """Run the comparison that was begun, both sides at once, to its end."""
        try:
            async with anyio.create_task_group() as group:
                for name in self._backends:
                    group.start_soon(self._run_side, name)
        finally:
            self._running = False
            self._changed()

    async def stop(self) -> None:
        """Ask every running side to stop; a side that is still starting stops right after."""
        if not self._running:
            return
        self._stopping = True
        self._changed()
        async with anyio.create_task_group() as group:
            for side in self.sides:
                if side.phase == "Running" and side.session_id is not None:
                    group.start_soon(self._stop_side, side.backend, side.session_id)

    async def _run_side(self, name: str) -> None:
        try:
            await self._start_and_follow(name)
        except BackendError as error:
            self._set(name, phase="Failed", cause=str(error))
        except Exception:  # one side's surprise must not take the other side with it
            _log.exception("side_failed", backend=name)
            self._set(name, phase="Failed", cause="The dashboard failed; its log says why")

    async def _start_and_follow(self, name: str) -> None:
        assert self.configuration is not None  # noqa: S101 - begin() has set it
        backend = self._backends[name]
        session_id = (await backend.start(self.configuration)).session_id
        self._set(name, session_id=session_id)
        if self._stopping:
            await self._stop_side(name, session_id)
        async with aclosing(follow(backend, session_id)) as payloads:
            async for payload in payloads:
                if isinstance(payload, TestResult):
                    await self._finish(name, session_id, payload)
                else:
                    self._set(name, status=payload)

    async def _finish(self, name: str, session_id: str, result: TestResult) -> None:
        status = self._sides[name].status
        if status is None or status.status not in ENDED:
            # The stream's last status may be older than its result.
            status = await self._backends[name].status(session_id)
        phase = status.status if status.status in ENDED else "Failed"
        cause = None if result.success else status.error_message or result.message
        self._set(name, phase=phase, status=status, result=result, cause=cause)

    async def _stop_side(self, name: str, session_id: str) -> None:
        try:
            await self._backends[name].stop(session_id)
        except BackendError as error:
            # The run may go on over there; following it will show its true end.
            self._set(name, cause=f"Could not be stopped: {error}")

    def _set(self, name: str, **changes: object) -> None:
        self._sides[name] = replace(self._sides[name], **changes)  # type: ignore[arg-type] # ours
        self._changed()
