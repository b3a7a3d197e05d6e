"""`perfcompare up`: in the foreground, or detached."""

import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator import lock, processes, stack
from orchestrator.errors import EXIT_FAILED, EXIT_OK, AlreadyRunning, DataDirectoryError
from orchestrator.model_server import Simulate
from orchestrator.surroundings import Settings, load

ISOLATED = "isolated"
LOG_NAME = "orchestrator.log"
LOG_TAIL_LINES = 40
_POLICIES = {None: Simulate.IF_NEEDED, True: Simulate.ALWAYS, False: Simulate.NEVER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The options of `up` as they were typed."""

    ports: Mapping[str, int]
    simulate: bool | None
    isolated: bool
    detach: bool
    verbose: bool
    as_json: bool
    directory: Path | None
    """The data directory that the detaching parent chose."""
    ready_descriptor: int | None
    """Where a detaching parent waits for the ready line."""
    arguments: tuple[str, ...] = ()
    """The words that ask for the same in the foreground."""


def start(request: Request) -> int:
    """Run `up`; returns its exit code."""
    settings = load()
    processes.keep_files_private()
    directory = request.directory or _directory(request, settings)
    if request.detach:
        return _detached(request, directory)
    options = stack.Options(
        directory=directory,
        ports=request.ports,
        free_ports=request.isolated,
        simulate=_POLICIES[request.simulate],
        verbose=request.verbose,
        as_json=request.as_json,
    )
    try:
        return stack.run(options, settings, ready=_announcer(request))
    finally:
        if request.isolated:
            _remove_if_unused(directory)


def _directory(request: Request, settings: Settings) -> Path:
    if not request.isolated:
        return settings.data_dir
    return settings.data_dir / ISOLATED / secrets.token_hex(4)


def _announcer(request: Request) -> Callable[[str], None]:
    descriptor = request.ready_descriptor
    if descriptor is not None:
        return lambda line: _write_and_close(descriptor, line)
    if request.as_json:
        return _print
    return lambda line: None


def _write_and_close(descriptor: int, line: str) -> None:
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _detached(request: Request, directory: Path) -> int:
    if lock.is_held(directory):
        # Looked at first, because the new log would replace the running stack's.
        record = lock.read(directory)
        raise AlreadyRunning(
            pid=record.pid if record else None,
            dashboard_url=record.urls.get(lock.DASHBOARD) if record else None,
        )
    log = directory / LOG_NAME
    try:
        lock.prepare(directory)
        background = processes.start_background(_command(request, directory), log=log)
    except OSError as error:
        raise DataDirectoryError(f"{directory} cannot be used: {error.strerror}") from error
    line = background.first_line()
    if not line:
        sys.stderr.write("\n".join(_tail(log)) + "\n")
        return background.exit_code() or EXIT_FAILED
    _show_detached(json.loads(line) | {"logFile": str(log)}, as_json=request.as_json)
    return EXIT_OK


def _command(request: Request, directory: Path) -> list[str]:
    command = [sys.executable, "-P", "-m", "orchestrator", "up", *request.arguments]
    return [*command, "--directory", str(directory)]


def _tail(log: Path) -> list[str]:
    return log.read_text("utf-8", "replace").splitlines()[-LOG_TAIL_LINES:]


def _show_detached(ready: Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        _print(json.dumps(ready))
        return
    _print(f"running as pid {ready['pid']}; `perfcompare down` stops it")
    urls = ready["urls"]
    if isinstance(urls, dict):
        for name, url in urls.items():
            _print(f"  {name}: {url}")
    _print(f"dashboard: {ready['dashboardUrl']}")
    _print(f"log: {ready['logFile']}")


def _remove_if_unused(directory: Path) -> None:
    # What was measured is kept; a stack that stored nothing leaves nothing.
    files = {entry.name for entry in directory.iterdir()} if directory.is_dir() else None
    if files == {lock.LOCK_NAME}:
        (directory / lock.LOCK_NAME).unlink()
        directory.rmdir()
