"""`perfcompare down`: stops running stacks and waits until they are gone."""

import sys
from collections.abc import Iterable
from pathlib import Path

import anyio

from orchestrator import lock, processes
from orchestrator.errors import EXIT_OK, StopFailed
from orchestrator.surroundings import load

from .launching import ISOLATED

DEADLINE_S = 15.0
POLL_S = 0.05
READABLE_S = 2.0
START_TOLERANCE_S = 2.0


def stop(*, everything: bool) -> int:
    """Stop the stack of the data directory, and the isolated ones if asked."""
    data_dir = load().data_dir
    isolated = [path for path in sorted(data_dir.glob(f"{ISOLATED}/*")) if lock.is_held(path)]
    chosen = [data_dir] if lock.is_held(data_dir) else []
    if everything:
        chosen += isolated
    if not chosen:
        hint = f" ({len(isolated)} isolated: `perfcompare down --all`)" if isolated else ""
        sys.stdout.write(f"no stack is running{hint}\n")
        return EXIT_OK
    anyio.run(_stop_all, chosen)
    return EXIT_OK


async def _stop_all(directories: Iterable[Path]) -> None:
    for directory in directories:
        pid = await _pid_of(directory)
        if pid is not None:
            processes.ask_process_to_stop(pid)
        await _gone(directory, pid)
        sys.stdout.write(f"stopped the stack with pid {pid}\n")


async def _pid_of(directory: Path) -> int | None:
    # Between taking the lock and writing its pid a stack is running but not yet readable.
    with anyio.move_on_after(READABLE_S):
        while lock.is_held(directory):
            record = lock.read(directory)
            if record is not None:
                return record.pid if _same_process(record) else None
            await anyio.sleep(POLL_S)
    return None


def _same_process(record: lock.Record) -> bool:
    started = processes.start_time(record.pid)
    if started is None or record.startTime is None:
        return False
    return abs(started - record.startTime) <= START_TOLERANCE_S


async def _gone(directory: Path, pid: int | None) -> None:
    with anyio.move_on_after(DEADLINE_S):
        while lock.is_held(directory):  # noqa: ASYNC110 - another process holds it
            await anyio.sleep(POLL_S)
        return
    raise StopFailed(f"the stack with pid {pid} is still running after {DEADLINE_S:g} s")
