"""A run as server-sent events: samples without a gap, the status at most four times a second."""

from collections.abc import AsyncGenerator

import anyio
from sse_starlette import ServerSentEvent

from .session import RunSession
from .states import is_terminal
from .views import composed_result, status_of

INTERVAL_S = 0.25


async def run_events(session: RunSession, *, after: int) -> AsyncGenerator[ServerSentEvent, None]:
    """Yield the events of a run from sample position `after` on, until its `done`.

    The id of each event is the number of samples delivered so far, so that a client that comes
    back with `Last-Event-ID` misses none.
    """
    position = after
    while True:
        changed = session.next_change
        ended = is_terminal(session.state)
        for end, rows in session.record.samples.json_batches(after=position):
            position = end
            data = f'{{"sessionId":"{session.id}","samples":{rows.decode()}}}'
            yield ServerSentEvent(data, event="samples", id=str(position))
        yield ServerSentEvent(
            status_of(session).model_dump_json(), event="status", id=str(position)
        )
        if ended:
            result = await composed_result(session)
            yield ServerSentEvent(result.model_dump_json(), event="done", id=str(position))
            return
        await changed.wait()
        with anyio.move_on_after(INTERVAL_S):
            await session.finished.wait()
