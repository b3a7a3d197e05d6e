"""Three milliseconds put into one layer turn up in that layer's figure, and in no other."""

import statistics
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from benchmark.bridge import AgentBridge
from benchmark.launcher import AgentLauncher
from benchmarks.agents import initialised_agent, launchers
from benchmarks.model_server import simulator_process
from shared_models import (
    RunParams,
    RunResult,
    Sample,
    SamplesParams,
    WarmupParams,
    WarmupResult,
)
from tests.support.slow_proxy import slow_proxy

INJECTED_MS = 3.0
BASE_MS = 2.0
ROUNDS = 8
BLOCK = 20
WARM_UP = 150
LAYERS = ("framework", "transport", "model")


@dataclass
class Variant:
    """One agent process and the samples that it has sent."""

    samples: list[Sample] = field(default_factory=list)
    bridge: AgentBridge | None = None

    def take(self, params: SamplesParams) -> None:
        self.samples.extend(params.samples)

    async def block(self) -> None:
        assert self.bridge is not None
        params = RunParams(
            run_id="r",
            first_sequence=len(self.samples) + 1,
            iterations=BLOCK,
            mode="standard",
            concurrency=1,
        )
        await self.bridge.call("run", params, RunResult, silence_s=30)

    def parts(self, layer: str) -> list[float]:
        return [part_ms(sample, layer) for sample in self.samples]

    def undisturbed(self, layer: str) -> float:
        """The first quartile: a busy machine lengthens the others."""
        return statistics.quantiles(self.parts(layer), n=4)[0]


def part_ms(sample: Sample, layer: str) -> float:
    assert sample.outcome == "ok"
    assert sample.transport_ns is not None
    assert sample.model_ns is not None
    parts = {
        "framework": sample.duration_ns - sample.transport_ns,
        "transport": sample.transport_ns - sample.model_ns,
        "model": sample.model_ns,
    }
    return parts[layer] / 1e6


@asynccontextmanager
async def four_variants(launcher: AgentLauncher) -> AsyncIterator[dict[str, Variant]]:
    """Yield the undisturbed agent, and one for each layer that is held back."""
    fixed = ("--distribution", "fixed", "--load-ms", "0", "--reply-tokens", "4", "--latency-ms")
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        quick = await enter(simulator_process(*fixed, str(BASE_MS)))
        slow = await enter(simulator_process(*fixed, str(BASE_MS + INJECTED_MS)))
        # Every variant goes through a proxy, since forwarding alone takes a part of a millisecond.
        direct = await enter(slow_proxy(quick, delay_s=0))
        variants: dict[str, Variant] = {}
        for name, endpoint in {
            "none": direct,
            "framework": direct,
            "transport": await enter(slow_proxy(quick, delay_s=INJECTED_MS / 1e3)),
            "model": await enter(slow_proxy(slow, delay_s=0)),
        }.items():
            variant = variants[name] = Variant()
            delay_ms = INJECTED_MS if name == "framework" else 0.0
            variant.bridge = await enter(
                initialised_agent(launcher, endpoint, variant.take, delayMs=delay_ms)
            )
            warm_up = WarmupParams(run_id="w", iterations=WARM_UP)
            await variant.bridge.call("warmup", warm_up, WarmupResult, silence_s=60)
        yield variants


@pytest.mark.quiet
@pytest.mark.parametrize("language", ["Python", pytest.param("C#", marks=pytest.mark.dotnet)])
async def test_a_delay_shows_only_in_its_own_layer(language: str) -> None:
    """framework, transport and model separate what the three layers cost; none is negative."""
    launcher = (await launchers())[language]
    async with four_variants(launcher) as variants:
        for _ in range(ROUNDS):
            for variant in variants.values():
                await variant.block()

    for variant in variants.values():
        assert min(min(variant.parts(layer)) for layer in LAYERS) >= 0
    for held_back in LAYERS:
        for layer in LAYERS:
            added_ms = variants[held_back].undisturbed(layer) - variants["none"].undisturbed(layer)
            expected_ms = INJECTED_MS if layer == held_back else 0.0
            assert added_ms == pytest.approx(expected_ms, abs=INJECTED_MS / 4), (held_back, layer)
