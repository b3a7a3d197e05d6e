"""Children, signals, descriptors and process groups: the only file that touches them.

A child leads its own session, so that one signal reaches everything it started. Children are
started from the main thread alone: the kernel's death signal follows the thread that forked.
"""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

import anyio
from anyio.abc import ByteReceiveStream, Process

from .errors import SpawnFailed

_PR_SET_CHILD_SUBREAPER = 36
_EMPTY_CHECK_S = 0.01
_EMPTY_DEADLINE_S = 1.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Child:
    """A process group that we started."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._gone = False

    @property
    def pid(self) -> int:
        """The leader's pid, which is also the group's id."""
        return self._process.pid

    @property
    def outputs(self) -> tuple[ByteReceiveStream, ByteReceiveStream]:
        """Its stdout and stderr."""
        stdout, stderr = self._process.stdout, self._process.stderr
        assert stdout is not None  # noqa: S101 - `spawn` asked for both
        assert stderr is not None  # noqa: S101
        return stdout, stderr

    async def wait(self) -> int:
        """Return the leader's exit code (negative: the signal), even if a pipe is still held."""
        return await self._process.wait()

    def ask_to_stop(self) -> None:
        """Send TERM to the group, and CONT so that a stopped process can obey."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill the whole group."""
        self._signal(signal.SIGKILL)

    async def clear_group(self) -> bool:
        """Kill what the leader left behind; returns whether the group is proved empty."""
        self.kill()
        with anyio.move_on_after(_EMPTY_DEADLINE_S, shield=True):
            while self._signal(0):
                self._reap_adopted()
                await anyio.sleep(_EMPTY_CHECK_S)
        return self._gone

    async def close(self) -> None:
        """Close our ends of its pipes."""
        with anyio.move_on_after(_EMPTY_DEADLINE_S, shield=True):
            await self._process.aclose()

    def _reap_adopted(self) -> None:
        # The leader is reaped already; its orphans became our children (`adopt_orphans`).
        with suppress(ChildProcessError):
            while os.waitpid(-self._process.pid, os.WNOHANG)[0]:
                pass

    def _signal(self, number: int) -> bool:
        if self._gone:  # the id may name a stranger's group by now
            return False
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            # macOS answers with the second for a group of zombies.
            self._gone = self._process.returncode is not None
            return False
        return True


async def spawn(
    command: Sequence[str], *, environment: Mapping[str, str], descriptors: Sequence[int] = ()
) -> Child:
    """Start a child in a new session; raises SpawnFailed."""
    try:
        process = await anyio.open_process(
            command,
            # Never written to: its end tells a child that we are gone.
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment,
            pass_fds=descriptors,
            start_new_session=True,
        )
    except OSError as error:
        raise SpawnFailed(f"{command[0]} could not be started: {error.strerror}") from error
    return Child(process)


@asynccontextmanager
async def stop_signals() -> AsyncIterator[AsyncIterator[signal.Signals]]:
    """Receive INT, TERM and HUP instead of dying of them."""
    with anyio.open_signal_receiver(*STOP_SIGNALS) as received:
        yield received


class Background:
    """A process that outlives us, and the pipe on which it says that it is ready."""

    def __init__(self, process: Popen[bytes], ready: int) -> None:
        self._process = process
        self._ready = ready

    def first_line(self) -> str:
        """Wait for the line; empty when the process ended without one."""
        try:
            with open(self._ready, encoding="utf-8") as pipe:
                return pipe.readline()
        except KeyboardInterrupt:
            self._process.terminate()
            self._process.wait()
            raise

    def exit_code(self) -> int:
        """Wait for the end and return the exit code."""
        return self._process.wait()


def start_background(command: Sequence[str], *, log: Path) -> Background:
    """Start a process in a session of its own that writes to `log`; raises OSError."""
    ready, told = os.pipe()
    try:
        with open(log, "wb", opener=_private) as output:
            process = Popen(
                [*command, "--ready-fd", str(told)],
                stdin=DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(told,),
                start_new_session=True,
            )
    except OSError:
        os.close(ready)
        raise
    finally:
        os.close(told)
    return Background(process, ready)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def watch_by_descriptor() -> None:
    """Let Python 3.11 wait for children by pidfd, as later versions do, not by a thread each."""
    if sys.version_info < (3, 12) and sys.platform == "linux":
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent dies (Linux), so `sweep` finds them."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def sweep() -> int:
    """Kill and reap every descendant that escaped its group; returns how many there were."""
    import psutil  # only needed when everything else has ended

    escaped = psutil.Process().children(recursive=True)
    for process in escaped:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(escaped, timeout=_EMPTY_DEADLINE_S)
    return len(escaped)


def ask_process_to_stop(pid: int) -> None:
    """Send TERM to one process that is not our child."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


def signal_name(number: int) -> str:
    """Return a signal's name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def keep_files_private() -> None:
    """Let nobody else read what we and the children create."""
    os.umask(0o077)


def own_pid() -> int:
    """Return this process's id."""
    return os.getpid()


def start_time(pid: int) -> float | None:
    """Return when a process started (seconds since the epoch), None if there is none."""
    import psutil  # 30 ms, and most commands do not need it

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None
