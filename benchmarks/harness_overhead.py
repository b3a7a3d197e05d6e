"""Does measuring change what is measured?

Inside one agent process, blocks of calls as the whole stack times them (protocol, timed loop,
recorded transport, samples through the bridge into the figures) alternate with blocks of calls of
the same agent in a bare loop on a plain HTTP client. One after another the ratio of the medians
must be 1 ± 0.02; with 8 and 32 workers the throughput must reach 0.98 of that of as many bare
loops. Run: `python -m benchmarks.harness_overhead`.
"""

import statistics
import sys

import anyio

from benchmark.bridge import AgentBridge
from benchmark.launcher import AgentLauncher
from benchmark.sample_log import SampleLog
from shared_models.agent_protocol import (
    RunParams,
    RunResult,
    SamplesParams,
    WarmupParams,
    WarmupResult,
)
from shared_models.wire import WireModel

from .agents import initialised_agent, launchers
from .intervals import paired_ratio, verdict
from .model_server import simulator_process

BLOCK = 50
PAIRS = 200
WARM_UP = 2_000
TARGET = 0.02
WORKERS = (8, 32)
LOAD_BLOCK = 1_000
"""Long enough that samples are made and handed on within the block, not only after it."""
LOAD_PAIRS = 30
MIN_THROUGHPUT = 0.98
DEADLINE_S = 120.0


class BareLoopParams(WireModel):
    """The request of the yardstick, which is off the public protocol."""

    iterations: int
    concurrency: int = 1


class BareLoopResult(WireModel):
    """The durations of the yardstick's calls, and the time from its first start to its last end."""

    durations_ns: list[int]
    wall_ns: int


class Blocks:
    """Pairs of blocks of one agent, through the stack and bare; which goes first alternates."""

    def __init__(self, bridge: AgentBridge, log: SampleLog, *, size: int, workers: int) -> None:
        self._bridge = bridge
        self._log = log
        self._size = size
        self._workers = workers
        self.stack_medians_ms: list[float] = []
        self.bare_medians_ms: list[float] = []
        self.stack_walls_s: list[float] = []
        self.bare_walls_s: list[float] = []

    async def run(self, pairs: int) -> None:
        """Run the pairs."""
        blocks = [self._stack_block, self._bare_block]
        for number in range(pairs):
            for block in blocks if number % 2 else reversed(blocks):
                await block()

    async def _stack_block(self) -> None:
        done = self._log.success_count
        params = RunParams(
            run_id="overhead",
            first_sequence=len(self._log) + 1,
            iterations=self._size,
            mode="concurrent" if self._workers > 1 else "standard",
            concurrency=self._workers,
        )
        reply = await self._bridge.call("run", params, RunResult, silence_s=DEADLINE_S)
        self.stack_medians_ms.append(statistics.median(self._log.durations_ns[done:]) / 1e6)
        self.stack_walls_s.append(reply.wall_ns / 1e9)

    async def _bare_block(self) -> None:
        params = BareLoopParams(iterations=self._size, concurrency=self._workers)
        reply = await self._bridge.call("bareLoop", params, BareLoopResult, silence_s=DEADLINE_S)
        self.bare_medians_ms.append(statistics.median(reply.durations_ns) / 1e6)
        self.bare_walls_s.append(reply.wall_ns / 1e9)


async def measure(launcher: AgentLauncher, language: str, url: str) -> bool:
    """Measure one agent and print its lines; returns whether every target was met."""
    log = SampleLog()

    def keep(params: SamplesParams) -> None:
        log.extend(params.samples)

    # The agent keeps as many idle connections as its configuration has workers.
    widest = {"testMode": "concurrent", "concurrentRequests": max(WORKERS)}
    async with initialised_agent(launcher, url, keep, **widest) as bridge:
        warm_up = WarmupParams(run_id="overhead", iterations=WARM_UP)
        await bridge.call("warmup", warm_up, WarmupResult, silence_s=DEADLINE_S)
        bare = BareLoopParams(iterations=WARM_UP)
        await bridge.call("bareLoop", bare, BareLoopResult, silence_s=DEADLINE_S)
        single = Blocks(bridge, log, size=BLOCK, workers=1)
        await single.run(PAIRS)
        met = [_report_latency(language, single)]
        for workers in WORKERS:
            load = Blocks(bridge, log, size=LOAD_BLOCK, workers=workers)
            await load.run(LOAD_PAIRS)
            met.append(_report_throughput(language, workers, load))
    if log.failure_count:
        raise RuntimeError(f"{log.failure_count} calls failed: {log.last_error}")
    return all(met)


def _report_latency(language: str, blocks: Blocks) -> bool:
    ratio = paired_ratio(blocks.stack_medians_ms, blocks.bare_medians_ms)
    met = abs(ratio.ratio - 1) <= TARGET
    print(
        f"{language:7} median {statistics.median(blocks.stack_medians_ms):.4f} ms, bare loop "
        f"{statistics.median(blocks.bare_medians_ms):.4f} ms, ratio {ratio}, target 1 ± {TARGET}: "
        f"{verdict(met)}"
    )
    return met


def _report_throughput(language: str, workers: int, blocks: Blocks) -> bool:
    # Both sides make the same number of calls, so the ratio of throughputs is bare / stack time.
    ratio = paired_ratio(blocks.bare_walls_s, blocks.stack_walls_s)
    met = ratio.ratio >= MIN_THROUGHPUT
    stack, bare = (
        LOAD_BLOCK / statistics.median(walls_s)
        for walls_s in (blocks.stack_walls_s, blocks.bare_walls_s)
    )
    print(
        f"{language:7} {workers:2} workers {stack:.0f} calls/s, bare loops {bare:.0f} calls/s, "
        f"ratio {ratio}, target ≥ {MIN_THROUGHPUT}: {verdict(met)}"
    )
    return met


async def main() -> int:
    """Measure every agent; 1 when a target is missed."""
    print(f"harness overhead: {PAIRS} pairs of blocks of {BLOCK} calls one after another, ", end="")
    print(f"{LOAD_PAIRS} of {LOAD_BLOCK} with workers, simulator without latency")
    flags = ("--latency-ms", "0", "--load-ms", "0", "--slots", "64")
    async with simulator_process(*flags) as url:
        met = [
            await measure(launcher, language, url)
            for language, launcher in (await launchers()).items()
        ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(anyio.run(main))
