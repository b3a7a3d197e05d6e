"""Does measuring change what is measured?

Inside one agent process, blocks of 50 calls as the whole stack times them (protocol, timed loop,
recorded transport, samples through the bridge into the figures) alternate with blocks of 50 calls
of the same agent in a bare loop on a plain HTTP client. The ratio of the medians must be
1 ± 0.02. Run: `python -m benchmarks.harness_overhead`.
"""

import statistics
import sys

import anyio

from benchmark.bridge import AgentBridge
from benchmark.launcher import AgentLauncher
from benchmark.percentiles import quantile
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
from .intervals import RatioInterval, paired_ratio
from .model_server import simulator_process

BLOCK = 50
PAIRS = 200
WARM_UP = 2_000
TARGET = 0.02
DEADLINE_S = 120.0


class BareLoopParams(WireModel):
    """The request of the yardstick, which is off the public protocol."""

    iterations: int


class BareLoopResult(WireModel):
    """The durations of the yardstick's calls, and from their first start to their last end."""

    durations_ns: list[int]
    wall_ns: int | None = None


class Comparison:
    """The blocks of one agent."""

    def __init__(self, bridge: AgentBridge, log: SampleLog) -> None:
        self._bridge = bridge
        self._log = log
        self.stack_ms: list[float] = []
        self.bare_ms: list[float] = []

    async def pair(self, number: int) -> None:
        """Run one block of each; which goes first alternates."""
        blocks = [self._stack_block, self._bare_block]
        for block in blocks if number % 2 else reversed(blocks):
            await block()

    async def _stack_block(self) -> None:
        first = len(self._log) + 1
        params = RunParams(
            run_id="overhead",
            first_sequence=first,
            iterations=BLOCK,
            mode="standard",
            concurrency=1,
        )
        await self._bridge.call("run", params, RunResult, silence_s=DEADLINE_S)
        self.stack_ms.append(statistics.median(self._log.durations_ns[first - 1 :]) / 1e6)

    async def _bare_block(self) -> None:
        params = BareLoopParams(iterations=BLOCK)
        reply = await self._bridge.call("bareLoop", params, BareLoopResult, silence_s=DEADLINE_S)
        self.bare_ms.append(statistics.median(reply.durations_ns) / 1e6)


async def measure(launcher: AgentLauncher, url: str) -> tuple[RatioInterval, float, float]:
    """Return the ratio, the stack's median and the bare loop's (both ms) for one agent."""
    log = SampleLog()

    def keep(params: SamplesParams) -> None:
        log.extend(params.samples)

    async with initialised_agent(launcher, url, keep) as bridge:
        warm_up = WarmupParams(run_id="overhead", iterations=WARM_UP)
        await bridge.call("warmup", warm_up, WarmupResult, silence_s=DEADLINE_S)
        bare = BareLoopParams(iterations=WARM_UP)
        await bridge.call("bareLoop", bare, BareLoopResult, silence_s=DEADLINE_S)
        comparison = Comparison(bridge, log)
        for number in range(PAIRS):
            await comparison.pair(number)
    if log.failure_count:
        raise RuntimeError(f"{log.failure_count} calls failed: {log.last_error}")
    interval = paired_ratio(comparison.stack_ms, comparison.bare_ms)
    reported_ms = quantile(sorted(log.durations_ns), 0.5) / 1e6
    return interval, reported_ms, statistics.median(comparison.bare_ms)


async def main() -> int:
    """Measure every agent; 1 when a target is missed."""
    missed = []
    print(f"harness overhead: {PAIRS} pairs of blocks of {BLOCK} calls, simulator without latency")
    async with simulator_process("--latency-ms", "0", "--load-ms", "0") as url:
        for language, launcher in (await launchers()).items():
            ratio, stack_ms, bare_ms = await measure(launcher, url)
            verdict = "ok" if abs(ratio.ratio - 1) <= TARGET else "MISSED"
            print(
                f"{language:7} stack {stack_ms:.4f} ms, bare loop {bare_ms:.4f} ms, "
                f"ratio {ratio}, target 1 ± {TARGET}: {verdict}"
            )
            if verdict != "ok":
                missed.append(language)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(anyio.run(main))
