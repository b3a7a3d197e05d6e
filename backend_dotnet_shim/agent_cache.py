"""The cache of built and unpacked agents: one builder at a time, and old agents go.

One directory for each compilation, in it one for each agent, named after what it was made from.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from .errors import AgentUnavailable

KEPT = 3
DAY_S = 86_400.0
WEEK_S = 7 * DAY_S
UNFINISHED = "building-"
"""How the names of directories begin that only the holder of the lock has business with."""

_REMOVED = f"{UNFINISHED}removed-"


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the lock that only one process at a time has; waits for the other's build.

    Raises AgentUnavailable when the directory cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / ".lock").open("w")
    except OSError as error:
        raise AgentUnavailable(f"{directory} is not writable: {error.strerror}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def mark_used(agent: Path) -> None:
    """Remember by the directory's time of change that an agent was wanted now."""
    with suppress(OSError):  # a read-only cache is as good
        os.utime(agent)


def remove_old(directory: Path, *, keep: Path) -> None:
    """Remove the agents that are no longer wanted; the caller holds the lock.

    That is what was last used a week ago, and all but the KEPT last used ones that were not used
    within a day: who works on several checkouts goes back and forth. `keep` stays in any case,
    and so does an agent that a process runs. What a killed builder left behind goes as well.
    """
    for unfinished in directory.glob(f"{UNFINISHED}*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    others = [path for path in directory.iterdir() if path.is_dir() and path != keep]
    others.sort(key=_last_used, reverse=True)
    now = time.time()
    for rank, agent in enumerate(others, start=2 if keep.is_dir() else 1):
        unused_s = now - _last_used(agent)
        is_old = unused_s > WEEK_S or (rank > KEPT and unused_s > DAY_S)
        if is_old and not _is_running(agent):
            _remove(agent)


def _last_used(agent: Path) -> float:
    return agent.stat().st_mtime


def _remove(agent: Path) -> None:
    """Rename before deleting, so that nobody finds an agent with half of its files."""
    condemned = agent.with_name(_REMOVED + agent.name)
    with suppress(OSError):
        agent.replace(condemned)
        shutil.rmtree(condemned, ignore_errors=True)


def _is_running(agent: Path) -> bool:
    inside = f"{agent}{os.sep}"
    return any(
        argument.startswith(inside)
        for process in psutil.process_iter(["cmdline"])
        for argument in process.info["cmdline"] or ()
    )
