"""Does every mode see the model's time as it is?

The simulator answers after exactly 5 ms and has more slots than calls in flight; in each mode both
agents must report a median model time of 5 ms ± 0.2. Run: `python -m benchmarks.modes`.
"""

import sys

import anyio

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
from shared_models.configuration import TestMode

from .agents import initialised_agent, launchers
from .intervals import verdict
from .model_server import simulator_process

LATENCY_MS = 5.0
TOLERANCE_MS = 0.2
CALLS = 400
DEADLINE_S = 60.0
CONCURRENCY: dict[TestMode, int] = {
    "standard": 1,
    "batch": 10,
    "concurrent": 5,
    "streaming": 1,
    "rate": 1_000,
}


async def model_times_ms(launcher: AgentLauncher, url: str, mode: TestMode) -> list[float]:
    """Return the model time of each call of one block (ms, ascending)."""
    samples: list[Sample] = []

    def keep(params: SamplesParams) -> None:
        samples.extend(params.samples)

    async with initialised_agent(launcher, url, keep) as bridge:
        warm_up = WarmupParams(run_id="modes", iterations=100)
        await bridge.call("warmup", warm_up, WarmupResult, silence_s=DEADLINE_S)
        params = RunParams(
            run_id="modes",
            first_sequence=1,
            iterations=CALLS,
            mode=mode,
            concurrency=CONCURRENCY[mode],
            rate_per_second=100.0 if mode == "rate" else None,
            arrivals="constant" if mode == "rate" else None,
        )
        await bridge.call("run", params, RunResult, silence_s=DEADLINE_S)
    failed = [sample.error_message for sample in samples if sample.outcome != "ok"]
    if failed or len(samples) != CALLS:
        raise RuntimeError(f"{mode}: {len(samples)} samples, failures: {failed[:3]}")
    return sorted(sample.model_ns / 1e6 for sample in samples if sample.model_ns is not None)


async def main() -> int:
    """Measure every mode of every agent; 1 when a median is off."""
    print(f"model time: {CALLS} calls a mode, simulator at a fixed {LATENCY_MS:g} ms")
    flags = ("--latency-ms", str(LATENCY_MS), "--distribution", "fixed", "--load-ms", "0")
    met = True
    async with simulator_process(*flags, "--slots", "64") as url:
        for language, launcher in (await launchers()).items():
            for mode in CONCURRENCY:
                times_ms = await model_times_ms(launcher, url, mode)
                median_ms = quantile(times_ms, 0.5)
                good = abs(median_ms - LATENCY_MS) <= TOLERANCE_MS
                met &= good
                print(
                    f"{language:7} {mode:10} median {median_ms:.3f} ms, p95 "
                    f"{quantile(times_ms, 0.95):.3f} ms, target {LATENCY_MS:g} ± {TOLERANCE_MS}: "
                    f"{verdict(good)}"
                )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(anyio.run(main))
