"""What starting, stopping and idling cost, against bare processes that only import.

A bare process imports the frameworks that one service needs, and nothing of ours. The same number
of them is started side by side, so the ratio is what our own code, the health checks and the
launching add. Both are measured in turn, several times, on the same machine.

    python -m benchmarks.footprint [--repetitions N]
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter, sleep  # noqa: TID251 - no event loop runs here

import psutil

START_RATIO = 1.25
STOP_S = 1.0
MEMORY_RATIO = 1.15
MEMORY_MB = 200.0
REPETITIONS = 5
SETTLE_DEADLINE_S = 60.0
SETTLED_S = 1.0
"""So long must the set of processes stay the same before memory is read."""

_BACKEND = (
    "fastapi",
    "httpx",
    "psutil",
    "pydantic_settings",
    "sse_starlette",
    "structlog",
    "uvicorn",
    "uvicorn.protocols.http.h11_impl",
)
FRAMEWORKS: dict[str, tuple[str, ...]] = {
    # NiceGUI brings FastAPI, Starlette, uvicorn and socket.io; the protocols are what serves it.
    "web": (
        "nicegui",
        "httpx",
        "pydantic_settings",
        "structlog",
        "uvicorn.protocols.http.h11_impl",
    ),
    "python-backend": _BACKEND,
    "dotnet-backend": _BACKEND,
    # A bare ASGI application: no Starlette.
    "ollama-simulator": ("orjson", "uvicorn", "uvicorn.protocols.http.httptools_impl"),
    # psutil reads who we are for the lock file; rich is loaded on a terminal only, typer never.
    "orchestrator": ("anyio", "anyio._backends._asyncio", "argparse", "json", "psutil"),
}
"""Each process of the stack and what its bare counterpart imports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One start, idle and stop."""

    start_s: float
    pss_mb: float
    stop_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A promise, the values measured, and how they are to be read."""

    name: str
    values: Sequence[float]
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether the median keeps the promise."""
        return median(self.values) <= self.limit

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        return (
            f"{'met' if self.met else 'MISSED':<7} {self.name:<44} "
            f"{median(self.values):8.2f} {self.unit:<3} ({low:.2f} to {high:.2f}), "
            f"at most {self.limit:.2f}"
        )


@dataclass(slots=True)
class Measured:
    """Both sides, repetition by repetition."""

    stack: list[Cost] = field(default_factory=list)
    bare: list[Cost] = field(default_factory=list)

    def targets(self) -> list[Target]:
        """Return the four promises."""
        pairs = list(zip(self.stack, self.bare, strict=True))
        return [
            Target(
                name="start: until healthy / bare imports",
                values=[ours.start_s / bare.start_s for ours, bare in pairs],
                limit=START_RATIO,
                unit="×",
            ),
            Target(
                name="stop: until the last process has ended",
                values=[ours.stop_s for ours in self.stack],
                limit=STOP_S,
                unit="s",
            ),
            Target(
                name="idle memory (PSS) / bare processes",
                values=[ours.pss_mb / bare.pss_mb for ours, bare in pairs],
                limit=MEMORY_RATIO,
                unit="×",
            ),
            Target(
                name="idle memory (PSS) of everything",
                values=[ours.pss_mb for ours in self.stack],
                limit=MEMORY_MB,
                unit="MB",
            ),
        ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns 1 when a promise is not kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    repetitions = parser.parse_args(arguments).repetitions
    # The first start may build the .NET agent and fills the disk's cache; it is not counted.
    measure_stack()
    measure_bare()
    measured = Measured()
    for _ in range(repetitions):
        measured.stack.append(measure_stack())
        measured.bare.append(measure_bare())
    return report(measured)


def report(measured: Measured) -> int:
    """Print what was measured and which targets are missed."""
    for label, costs in (("perfcompare up", measured.stack), ("bare imports", measured.bare)):
        print(
            f"{label:<15} start {_spread([cost.start_s for cost in costs])} s, "
            f"idle {_spread([cost.pss_mb for cost in costs])} MB"
        )
    targets = measured.targets()
    print("\n".join(map(str, targets)))
    missed = [target.name for target in targets if not target.met]
    if missed:
        print("missed: " + "; ".join(missed))
    return 1 if missed else 0


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def measure_stack() -> Cost:
    """Start the product as `make up` does, let it settle, and stop it."""
    with tempfile.TemporaryDirectory(prefix="footprint-") as directory:
        environment = {**_environment(), "PERFCOMPARE_DATA_DIR": directory}
        command = [sys.executable, "-m", "orchestrator", "up", "--isolated", "--simulate", "--json"]
        began = perf_counter()
        with _process(command, environment) as process:
            _ready(process)
            start_s = perf_counter() - began
            pss_mb = _settled_pss_mb(process)
            began = perf_counter()
            process.send_signal(signal.SIGTERM)
            process.wait()
            return Cost(start_s=start_s, pss_mb=pss_mb, stop_s=perf_counter() - began)


def measure_bare() -> Cost:
    """Start one bare process for each of ours, all at once."""
    with ExitStack() as stack:
        began = perf_counter()
        processes = [
            stack.enter_context(_process(_bare_command(names), _environment()))
            for names in FRAMEWORKS.values()
        ]
        for process in processes:
            _ready(process)
        start_s = perf_counter() - began
        sleep(SETTLED_S)
        pss_mb = sum(_pss_mb(psutil.Process(process.pid)) for process in processes)
        return Cost(start_s=start_s, pss_mb=pss_mb)


def _bare_command(names: Sequence[str]) -> list[str]:
    script = f"import {', '.join(names)}, sys\nprint('ready', flush=True)\nsys.stdin.read()"
    return [sys.executable, "-P", "-c", script]


@contextmanager
def _process(
    command: Sequence[str], environment: dict[str, str]
) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _ready(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    if not process.stdout.readline():
        raise SystemExit(f"{process.args!r} ended with {process.wait()} before it was ready")


def _settled_pss_mb(leader: "subprocess.Popen[str]") -> float:
    """Return the memory of the stack once no agent is at work any more."""
    deadline = perf_counter() + SETTLE_DEADLINE_S
    before: set[int] = set()
    while perf_counter() < deadline:
        processes = [psutil.Process(leader.pid), *psutil.Process(leader.pid).children(True)]
        pids = {process.pid for process in processes}
        if pids == before and len(pids) == len(FRAMEWORKS):
            return sum(map(_pss_mb, processes))
        before = pids
        sleep(SETTLED_S)
    raise SystemExit(f"{len(before)} processes run in an idle stack, {len(FRAMEWORKS)} expected")


def _pss_mb(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / 2**20


def _environment() -> dict[str, str]:
    inherited = dict(os.environ)  # noqa: TID251 - a child's is made from this process's
    return {**inherited, "PYTHONPATH": str(Path(__file__).parents[1])}


if __name__ == "__main__":
    sys.exit(main())
