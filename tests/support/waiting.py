"""Waiting for what happens elsewhere; the limits are only there so that a failure ends."""

from collections.abc import Callable

import anyio
import psutil

PATIENCE_S = 20.0


async def eventually(condition: Callable[[], object], *, within_s: float = PATIENCE_S) -> None:
    """Return once `condition()` is true; raises TimeoutError when it never is."""
    with anyio.fail_after(within_s):
        while not condition():  # noqa: ASYNC110 - other processes set no event
            await anyio.sleep(0.01)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that only its parent has yet to reap counts as ended."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
