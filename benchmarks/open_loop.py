"""Does the open loop keep its rate, and show what a closed loop hides?

200 arrivals a second for 10 s on a simulator of 5 ms with 64 slots: achieved 200 ± 1 %. The same
while the simulator answers nothing for one second: the p99, counted from the intended start, must
show it (≥ 800 ms), while a closed loop with 5 workers must not, since it sends nothing meanwhile
(coordinated omission). Run: `python -m benchmarks.open_loop`.
"""

import sys
from collections.abc import Callable

import anyio
import httpx

from benchmark.launcher import AgentLauncher
from benchmark.percentiles import quantile
from shared_models.agent_protocol import (
    RunParams,
    RunResult,
    Sample,
    SamplesParams,
    WarmupParams,
    WarmupResult,
)

from .agents import initialised_agent, launchers
from .intervals import verdict
from .model_server import simulator_process

RATE = 200.0
SECONDS = 10.0
TOLERANCE = 0.01
PAUSE_AT_S = 5.0
PAUSE_S = 1.0
MIN_P99_MS = 800.0
WORKERS = 5
DEADLINE_S = 60.0

OPEN = RunParams(
    run_id="open",
    first_sequence=1,
    duration_seconds=SECONDS,
    mode="rate",
    concurrency=1_000,
    rate_per_second=RATE,
    arrivals="constant",
)
CLOSED = RunParams(
    run_id="closed",
    first_sequence=1,
    duration_seconds=SECONDS,
    mode="concurrent",
    concurrency=WORKERS,
)


async def block(
    launcher: AgentLauncher, url: str, params: RunParams, *, paused: bool
) -> tuple[list[Sample], RunResult]:
    """Run one block on a fresh, warm agent; the simulator pauses in its middle when asked to."""
    samples: list[Sample] = []

    def keep(found: SamplesParams) -> None:
        samples.extend(found.samples)

    async with initialised_agent(launcher, url, keep) as bridge:
        warm_up = WarmupParams(run_id=params.run_id, iterations=200)
        await bridge.call("warmup", warm_up, WarmupResult, silence_s=DEADLINE_S)
        async with anyio.create_task_group() as group:
            if paused:
                group.start_soon(_pause, url)
            reply = await bridge.call("run", params, RunResult, silence_s=DEADLINE_S)
    failed = [sample.error_message for sample in samples if sample.outcome != "ok"]
    if failed:
        raise RuntimeError(f"{len(failed)} calls failed: {failed[0]}")
    return samples, reply


async def _pause(url: str) -> None:
    await anyio.sleep(PAUSE_AT_S)
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        reply = await client.post("/__simulator/pause", json={"seconds": PAUSE_S})
        reply.raise_for_status()


def latency_ms(sample: Sample) -> float:
    """Return a call's latency from its intended start."""
    intended_ns = sample.start_ns if sample.intended_start_ns is None else sample.intended_start_ns
    return (sample.start_ns + sample.duration_ns - intended_ns) / 1e6


def percentile_99_ms(samples: list[Sample], of: Callable[[Sample], float]) -> float:
    """Return the p99 in ms."""
    return quantile(sorted(of(sample) for sample in samples), 0.99)


async def measure(launcher: AgentLauncher, language: str, url: str) -> bool:
    """Measure one agent and print its lines; returns whether every target was met."""
    samples, reply = await block(launcher, url, OPEN, paused=False)
    achieved = len(samples) / SECONDS
    kept = abs(achieved / RATE - 1) <= TOLERANCE and reply.dropped == 0
    lags = sorted(
        (sample.start_ns - sample.intended_start_ns) / 1e6
        for sample in samples
        if sample.intended_start_ns is not None
    )
    print(
        f"{language:7} {achieved:.1f}/s of {RATE:.0f}/s, {reply.dropped} dropped, lag p50 "
        f"{quantile(lags, 0.5):.3f} ms, p99 {quantile(lags, 0.99):.3f} ms, latency p99 "
        f"{percentile_99_ms(samples, latency_ms):.1f} ms, target ± {TOLERANCE:.0%}: {verdict(kept)}"
    )
    samples, _ = await block(launcher, url, OPEN, paused=True)
    open_ms = percentile_99_ms(samples, latency_ms)
    samples, _ = await block(launcher, url, CLOSED, paused=True)
    closed_ms = percentile_99_ms(samples, latency_ms)
    shown = open_ms >= MIN_P99_MS > closed_ms
    print(
        f"{language:7} with a pause of {PAUSE_S:g} s: p99 {open_ms:.0f} ms in the open loop, "
        f"{closed_ms:.1f} ms in the closed one, target ≥ {MIN_P99_MS:.0f} and below: "
        f"{verdict(shown)}"
    )
    return kept and shown


async def main() -> int:
    """Measure every agent; 1 when a target is missed."""
    print(f"open loop: {RATE:.0f}/s for {SECONDS:g} s, simulator at 5 ms with 64 slots")
    flags = ("--latency-ms", "5", "--distribution", "fixed", "--load-ms", "0", "--slots", "64")
    async with simulator_process(*flags, "--control") as url:
        met = [
            await measure(launcher, language, url)
            for language, launcher in (await launchers()).items()
        ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(anyio.run(main))
