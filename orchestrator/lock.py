"""One stack per data directory: a locked file that says who runs and where.

The kernel drops the lock with its owner, however it dies, so a stale file is simply taken over.
The file itself is never removed: removing a lock file races with the next owner.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .errors import AlreadyRunning, DataDirectoryError

LOCK_NAME = "orchestrator.lock"
DASHBOARD = "dashboard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Who holds the lock."""

    pid: int
    startTime: float | None
    urls: Mapping[str, str] = field(default_factory=dict)


class Lock:
    """A held lock."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def publish(self, record: Record) -> None:
        """Write who we are and where, for `down` and for a second `up`."""
        data = json.dumps(asdict(record)).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, data, 0)


@contextmanager
def locked(directory: Path) -> Iterator[Lock]:
    """Hold the lock of a data directory, which is created as 0700.

    Raises AlreadyRunning or DataDirectoryError.
    """
    try:
        prepare(directory)
        descriptor = os.open(
            directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
    except OSError as error:
        raise DataDirectoryError(
            f"the data directory {directory} cannot be used: {error.strerror}"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            record = read(directory)
            raise AlreadyRunning(
                pid=record.pid if record else None,
                dashboard_url=record.urls.get(DASHBOARD) if record else None,
            ) from error
        try:
            yield Lock(descriptor)
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def prepare(directory: Path) -> None:
    """Create a directory that only its owner can open; raises OSError."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)


def is_held(directory: Path) -> bool:
    """Return whether a live stack holds the directory's lock."""
    try:
        descriptor = os.open(directory / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def read(directory: Path) -> Record | None:
    """Return what the holder published; None while there is nothing readable."""
    try:
        data = json.loads((directory / LOCK_NAME).read_bytes())
        return Record(pid=data["pid"], startTime=data["startTime"], urls=dict(data["urls"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
