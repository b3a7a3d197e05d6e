"""The real stack for a test: `perfcompare up --isolated`, ready or failed, always taken down."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep  # noqa: TID251 - no event loop runs in these tests
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "orchestrator")
READY_DEADLINE_S = 360.0
"""Long, because a first start may have to build the .NET agent."""
END_DEADLINE_S = 30.0


def stack_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a `perfcompare` of a test; it works without an installation."""

    environment = dict(os.environ)  # noqa: TID251
    for name in list(environment):
        if name.startswith(("services__", "OTEL_")):
            del environment[name]
    return environment | {"PYTHONPATH": str(ROOT)} | dict(extra or {})


def perfcompare(*arguments: str, data_dir: Path) -> "subprocess.CompletedProcess[str]":
    """Run one command to its end."""
    return subprocess.run(  # noqa: TID251 - a test's own child
        [*COMMAND, *arguments],
        env=stack_environment({"PERFCOMPARE_DATA_DIR": str(data_dir)}),
        capture_output=True,
        text=True,
        timeout=READY_DEADLINE_S,
        check=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A running stack."""

    process: "subprocess.Popen[str]"
    ready: Mapping[str, Any]
    errors: Path
    """What it wrote to stderr."""

    @property
    def urls(self) -> Mapping[str, str]:
        """Each resource's URL."""
        return dict(self.ready["urls"])

    @property
    def dashboard_url(self) -> str:
        """The dashboard's first page."""
        return str(self.ready["dashboardUrl"])

    def descendants(self) -> list[psutil.Process]:
        """Return every process of the stack, the orchestrator included."""
        leader = psutil.Process(self.process.pid)
        return [leader, *leader.children(recursive=True)]


@contextmanager
def started(
    arguments: Sequence[str],
    *,
    data_dir: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator["tuple[subprocess.Popen[str], Path]"]:
    """Start `perfcompare` and make sure that nothing of it is left afterwards."""
    errors = data_dir / "stderr.log"
    given = stack_environment({"PERFCOMPARE_DATA_DIR": str(data_dir), **(environment or {})})
    with open(errors, "w", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=given,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
    try:
        yield process, errors
    finally:
        _end(process)


@contextmanager
def running_stack(*arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """Yield a stack of its own on free ports, with the simulator; then stop it and check."""
    with (
        tempfile.TemporaryDirectory(prefix="perfcompare-") as directory,
        started(
            ["up", "--isolated", "--simulate", "--json", *arguments],
            data_dir=Path(directory),
            environment=environment,
        ) as (process, errors),
    ):
        stack = Stack(process=process, ready=json.loads(ready_line(process, errors)), errors=errors)
        processes = stack.descendants()
        yield stack
        if process.poll() is None:
            processes += [p for p in stack.descendants() if p not in processes]
            process.send_signal(signal.SIGTERM)
            code = process.wait(END_DEADLINE_S)
            assert code == 0, f"the stack ended with {code}:\n{errors.read_text()}"
        assert not living(processes)


def ready_line(process: "subprocess.Popen[str]", errors: Path) -> str:
    """Return the line that tells the stack is ready; fails with its stderr when there is none."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"the stack is not ready:\n{errors.read_text()}"
    return line


def living(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Return those that still run after a moment; a zombie runs nothing."""
    eventually(lambda: not any(map(_runs, processes)))
    return [process for process in processes if _runs(process)]


def eventually(condition: Callable[[], bool], *, deadline_s: float = END_DEADLINE_S) -> bool:
    """Poll until `condition` holds; returns whether it did before the deadline."""
    ends = monotonic() + deadline_s
    while not condition():
        if monotonic() > ends:
            return False
        sleep(0.02)
    return True


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _end(process: "subprocess.Popen[str]") -> None:
    left = []
    with suppress(psutil.NoSuchProcess):
        left = psutil.Process(process.pid).children(recursive=True)
    if process.poll() is None:
        process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
    for child in left:
        with suppress(psutil.NoSuchProcess):
            child.kill()
