"""The runs that a comparison has started on its backends: driven, watched and always ended."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import structlog

from shared_models import (
    AdvanceReply,
    AdvanceRequest,
    Metrics,
    TestConfiguration,
    TestStatus,
    WarmUpFigures,
)

from .errors import BackendError, BackendUnreachable, SideFailed
from .following import ENDED
from .plan import Segment
from .sides import Side

POLL_S = 0.1
START_LIMIT_S = 10.0
"""A start is answered before its agent is launched, so this is ample."""
STOP_LIMIT_S = 1.5
SUMMARY_LIMIT_S = 10.0

_log = structlog.get_logger()


class Session:
    """One run of one side; a gated one goes on block by block. Made by `Sessions`."""

    def __init__(self, side: Side, session_id: str) -> None:
        self.side = side
        self.id = session_id

    async def status(self) -> TestStatus:
        """Return how far it is; raises SideFailed when it has ended."""
        return self._alive(await self.side.backend.status(self.id))

    async def warm_up(self) -> WarmUpFigures | None:
        """Return what is known of the warm-up, once it is over."""
        metrics = (await self.side.backend.results(self.id)).metrics
        return metrics.warm_up if metrics else None

    async def grant(self, segment: Segment) -> AdvanceReply:
        """Let the side have its turn and return what came of it, failed or not."""
        amount: dict[str, Any] = (
            {"durationSeconds": segment.seconds}
            if segment.seconds is not None
            else {"iterations": segment.calls}
        )
        block = AdvanceRequest.model_validate({"sessionId": self.id, **amount})
        return await self.side.backend.advance(block)

    def check(self, status: TestStatus) -> None:
        """Raise SideFailed unless the session goes on, or has done all that it was asked for."""
        if status.status != "Completed":
            self._alive(status)

    async def metrics(self) -> Metrics | None:
        """Return the figures of a session that has ended; None when they cannot be had."""
        with anyio.move_on_after(SUMMARY_LIMIT_S), suppress(BackendError):
            return (await self.side.backend.summary(self.id)).metrics
        return None

    def _alive(self, status: TestStatus) -> TestStatus:
        if status.status in ENDED:
            cause = status.error_message or f"its run was {status.status.lower()} from elsewhere"
            raise SideFailed(self.side.label, cause, kind=status.failure_kind)
        return status


class Sessions:
    """The sessions that are open; made by `open_sessions`, which ends them."""

    def __init__(self) -> None:
        self._open: list[Session] = []

    async def start(self, side: Side, configuration: TestConfiguration) -> Session:
        """Start a run; raises BackendError."""
        # A cancelled request may have been accepted all the same, so its answer is waited for.
        with anyio.move_on_after(START_LIMIT_S, shield=True):
            reply = await side.backend.start(configuration)
            session = Session(side, reply.session_id)
            self._open.append(session)
            return session
        raise BackendUnreachable(side.backend.name, "did not answer in time")

    async def end(self) -> None:
        """Stop all of them at the same time."""
        async with anyio.create_task_group() as group:
            for session in self._open:
                group.start_soon(end_run, session.side, session.id)


@asynccontextmanager
async def open_sessions() -> AsyncIterator[Sessions]:
    """Sessions that are stopped however the block is left, also when it is cancelled."""
    sessions = Sessions()
    try:
        yield sessions
    finally:
        with anyio.CancelScope(shield=True):
            await sessions.end()


async def end_run(side: Side, session_id: str) -> None:
    """Stop a run; a backend that does not answer gets no second chance and ends it by itself."""
    with anyio.move_on_after(STOP_LIMIT_S) as limit:
        try:
            await side.backend.stop(session_id)
        except BackendError as error:
            _log.warning("session_not_stopped", session=session_id, reason=str(error))
    if limit.cancelled_caught:
        _log.warning("session_not_stopped", session=session_id, reason="no answer in time")
