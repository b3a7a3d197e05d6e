"""Following one run to its end: the event stream, resumed after a drop, else polling."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from shared_models import TestResult, TestStatus

from .backends import BackendClient
from .errors import BackendError, BackendRefused, BackendReplyInvalid, BackendUnreachable

POLL_S = 0.5
RETRY_DELAYS_S = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Waits before each attempt to reach a backend again; a served event starts them anew."""

ENDED = frozenset({"Completed", "Stopped", "Failed"})


async def follow(
    backend: BackendClient, session_id: str, *, delays_s: tuple[float, ...] = RETRY_DELAYS_S
) -> AsyncGenerator[TestStatus | TestResult, None]:
    """Yield the statuses of a run and, last, its result.

    Raises BackendError when the backend stays away, or knows the run no longer.
    """
    last_id: str | None = None
    attempt = 0
    while True:
        try:
            async with aclosing(backend.events(session_id, last_event_id=last_id)) as events:
                async for event in events:
                    last_id, attempt = event.id or last_id, 0
                    yield event.payload
                    if isinstance(event.payload, TestResult):
                        return
        except BackendUnreachable:
            if attempt == len(delays_s):
                raise
        except (BackendRefused, BackendReplyInvalid):
            break  # no event stream to be had: ask for the status instead
        if attempt == len(delays_s):
            break  # streams that end without an event, time after time
        await asyncio.sleep(delays_s[attempt])
        attempt += 1
    async for payload in _poll(backend, session_id):
        yield payload


async def _poll(
    backend: BackendClient, session_id: str
) -> AsyncGenerator[TestStatus | TestResult, None]:
    while True:
        status = await backend.status(session_id)
        yield status
        if status.status in ENDED:
            yield await _result(backend, session_id, status)
            return
        await asyncio.sleep(POLL_S)


async def _result(backend: BackendClient, session_id: str, status: TestStatus) -> TestResult:
    try:
        return await backend.results(session_id)
    except BackendError:
        # The run's end is known even where its figures are not; that must not be lost.
        message = status.error_message or "The run ended, but its figures could not be read"
        return TestResult(success=False, message=message, metrics=None)
