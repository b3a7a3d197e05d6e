"""The agent's process: started in a session of its own, ended with everything it started."""

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress

import anyio
from anyio.abc import Process

from service_defaults.settings import process_environment

from .errors import AgentUnavailable

_PASSED = frozenset(
    {"PATH", "HOME", "LANG", "TMPDIR", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "USER"}
)
_PASSED_PREFIXES = ("LC_", "DOTNET_", "PYTHON", "SSL_", "XDG_")

DISCARD_S = 0.2


def agent_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what an agent may know of our environment: no keys, no endpoints, no OTEL headers."""
    source = process_environment() if environment is None else environment
    return {
        name: value
        for name, value in source.items()
        if name in _PASSED or name.startswith(_PASSED_PREFIXES)
    }


async def start_agent(command: Sequence[str]) -> Process:
    """Start the agent with three pipes; raises AgentUnavailable when it cannot be executed."""
    try:
        return await anyio.open_process(
            list(command), start_new_session=True, env=agent_environment()
        )
    except OSError as error:
        raise AgentUnavailable(f"cannot start {command[0]}: {error.strerror}") from error


async def end_agent(process: Process, *, grace_s: float) -> None:
    """Give the process `grace_s` to exit, then kill its whole group and reap it."""
    with anyio.move_on_after(grace_s):
        await process.wait()
    # The group may outlive its leader: a grandchild that holds our pipes must go as well.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with anyio.move_on_after(5.0):
        await process.wait()


async def discard_output(process: Process) -> None:
    """Read what an ended agent left in its pipes: only their end lets go of the descriptors."""
    for stream in (process.stdout, process.stderr):
        ended = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)
        with anyio.move_on_after(DISCARD_S), suppress(*ended):
            while stream is not None:
                await stream.receive()


def describe_exit(returncode: int | None) -> str:
    """Return an exit status in words."""
    if returncode is None:
        return "is still running"
    if returncode < 0:
        with suppress(ValueError):
            return f"was killed by {signal.Signals(-returncode).name}"
    return f"exited with status {returncode}"
