"""What the statistics of a finished comparison cost, in time and in memory.

Each size is analysed in a process of its own, so that its peak memory is the whole process's:
interpreter, libraries, observations and analysis. Importing the libraries is not in the time.

    python -m benchmarks.analysis [--repetitions N]
"""

import argparse
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from comparison.statistics import Design, SideObservations, analyse

REPETITIONS = 3
LAUNCHES = 10
CALLS_PER_BLOCK = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """How long the analysis of two sides may take, and how much memory; `calls` is per side."""

    calls: int
    seconds: float
    memory_mb: float | None


PROMISES = (
    Promise(calls=10_000, seconds=1.0, memory_mb=None),
    Promise(calls=1_000_000, seconds=15.0, memory_mb=600.0),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns 1 when a promise is not kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    parser.add_argument("--calls", type=int, help="analyse one such run here and print its cost")
    options = parser.parse_args(arguments)
    if options.calls:
        print(*analysis_cost(options.calls))
        return 0
    missed = 0
    for promise in PROMISES:
        costs = [_cost_in_a_process(promise.calls) for _ in range(options.repetitions)]
        # Other work on the machine only ever adds to what the analysis itself takes.
        seconds, memory_mb = min(costs)[0], max(mb for _, mb in costs)
        kept = seconds <= promise.seconds and memory_mb <= (promise.memory_mb or memory_mb)
        missed += not kept
        memory = f", at most {promise.memory_mb:.0f}" if promise.memory_mb else ""
        print(
            f"{'met' if kept else 'MISSED':<7} 2 × {promise.calls:>9,} calls "
            f"{seconds:6.2f} s (up to {max(costs)[0]:.2f}), "
            f"at most {promise.seconds:.2f}; peak {memory_mb:.0f} MB{memory}"
        )
    return 1 if missed else 0


def _cost_in_a_process(calls: int) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.analysis", "--calls", str(calls)]
    seconds, memory_mb = subprocess.check_output(command, text=True).split()
    return float(seconds), float(memory_mb)


def analysis_cost(calls: int) -> tuple[float, float]:
    """Return the seconds of one analysis, and the process's peak memory in MiB."""
    sides = [made_up_side(number, calls) for number in (0, 1)]
    began = perf_counter()
    analyse(sides, Design())
    seconds = perf_counter() - began
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def made_up_side(number: int, calls: int) -> SideObservations:
    """Return a side with every column that a run of the scenario `chat` has."""
    random = np.random.default_rng(number)
    row = np.arange(calls)
    block = row // CALLS_PER_BLOCK
    latency = 0.02 * np.exp(random.normal(0, 0.3, calls))
    return SideObservations(
        label=f"side {number}",
        launch=block % LAUNCHES,
        super_block=block // LAUNCHES,
        window=row // (CALLS_PER_BLOCK // 2),
        start_s=np.cumsum(latency * 2),
        latency_s=latency,
        ok=np.ones(calls, dtype=np.bool_),
        completion_tokens=np.full(calls, 20.0),
        prompt_tokens=np.full(calls, 10.0),
        eval_s=latency * 0.7,
        transport_s=latency * 0.9,
        model_s=latency * 0.8,
        launch_position=tuple((launch + number) % 2 for launch in range(LAUNCHES)),
    )


if __name__ == "__main__":
    sys.exit(main())
