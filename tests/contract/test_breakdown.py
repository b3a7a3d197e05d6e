"""Three milliseconds put into one layer turn up in that layer's figure, and in no other."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import product
from typing import Any

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
TOLERANCE_MS = INJECTED_MS / 4
MOST_ROUNDS = 12
BLOCK = 10
WARM_UP = 60
LAYERS = ("framework", "transport", "model", "tool")

WITHOUT_AND_WITH_STREAM: dict[str, dict[str, Any]] = {"standard": {}, "streaming": {}}
ALL_MODES: dict[str, dict[str, Any]] = {
    **WITHOUT_AND_WITH_STREAM,
    # One call at a time everywhere: calls side by side lengthen each other.
    "batch": {},
    "concurrent": {},
    "rate": {"rate_per_second": 60.0},
}


class Variant:
    """One agent process and the samples that it has sent, by mode."""

    def __init__(self) -> None:
        self.samples: dict[str, list[Sample]] = {}
        self.bridge: AgentBridge | None = None
        self._mode = ""

    def take(self, params: SamplesParams) -> None:
        self.samples.setdefault(self._mode, []).extend(params.samples)

    async def warm_up(self) -> None:
        assert self.bridge is not None
        for mode in ("standard", "streaming"):
            params = WarmupParams.model_validate(
                {"runId": "w", "iterations": WARM_UP // 2, "mode": mode}
            )
            await self.bridge.call("warmup", params, WarmupResult, silence_s=60)

    async def block(self, mode: str, params: dict[str, Any]) -> None:
        assert self.bridge is not None
        self._mode = mode
        first = len(self.samples.get(mode, ())) + 1
        wanted = {"run_id": mode, "first_sequence": first, "iterations": BLOCK, "mode": mode}
        block = RunParams.model_validate(wanted | {"concurrency": 50 if params else 1} | params)
        await self.bridge.call("run", block, RunResult, silence_s=30)

    def parts_ms(self, mode: str, layer: str) -> list[float]:
        return [part_ms(sample, layer) for sample in self.samples[mode]]

    def undisturbed_ms(self, mode: str, layer: str) -> float:
        """The least: a busy machine lengthens the others, and the more there are the less that."""
        return min(self.parts_ms(mode, layer))


def part_ms(sample: Sample, layer: str) -> float:
    """Return a layer's share of a call, for each of its model calls."""
    assert sample.outcome == "ok"
    assert sample.transport_ns is not None
    assert sample.model_ns is not None
    tool_ns = sample.tool_ns or 0
    parts = {
        "framework": sample.duration_ns - sample.transport_ns - tool_ns,
        "transport": sample.transport_ns - sample.model_ns,
        "model": sample.model_ns,
        "tool": tool_ns,
    }
    return parts[layer] / 1e6 / len(sample.calls)


@asynccontextmanager
async def four_variants(
    launcher: AgentLauncher, scenario: str
) -> AsyncIterator[dict[str, Variant]]:
    """Yield the undisturbed agent, and one for each layer that is held back."""
    # Merged lines arrive at once, so that no call has more pieces to read than another one.
    steady = ("--distribution", "fixed", "--load-ms", "0", "--fault", "merge-lines")
    fixed = (*steady, "--reply-tokens", "4", "--latency-ms")
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
                initialised_agent(
                    launcher, endpoint, variant.take, delayMs=delay_ms, scenario=scenario
                )
            )
            await variant.warm_up()
        yield variants


@pytest.mark.quiet
@pytest.mark.timeout(120)
@pytest.mark.parametrize("language", ["Python", pytest.param("C#", marks=pytest.mark.dotnet)])
@pytest.mark.parametrize(
    ("scenario", "modes"),
    [
        ("chat", ALL_MODES),
        ("tools", WITHOUT_AND_WITH_STREAM),
        ("conversation", WITHOUT_AND_WITH_STREAM),
        ("structured", WITHOUT_AND_WITH_STREAM),
    ],
    ids=["chat", "tools", "conversation", "structured"],
)
async def test_a_delay_shows_only_in_its_own_layer(
    language: str, scenario: str, modes: dict[str, dict[str, Any]]
) -> None:
    """framework, transport, model and tool separate what each costs; none is negative."""
    launcher = (await launchers())[language]
    async with four_variants(launcher, scenario) as variants:
        for _ in range(MOST_ROUNDS):
            for mode, params in modes.items():
                for variant in variants.values():
                    await variant.block(mode, params)
            if not misplaced(variants, modes):
                break

    assert [] == misplaced(variants, modes)
    for mode in modes:
        for variant in variants.values():
            assert min(variant.undisturbed_ms(mode, layer) for layer in LAYERS) >= 0, mode


def misplaced(variants: dict[str, Variant], modes: Iterable[str]) -> list[tuple[Any, ...]]:
    """Return each figure that a delay has moved too far: mode, held back layer, layer, by what."""
    found: list[tuple[Any, ...]] = []
    for mode, held_back, layer in product(modes, ("framework", "transport", "model"), LAYERS):
        with_it = variants[held_back].undisturbed_ms(mode, layer)
        added_ms = with_it - variants["none"].undisturbed_ms(mode, layer)
        expected_ms = INJECTED_MS if layer == held_back else 0.0
        if abs(added_ms - expected_ms) > TOLERANCE_MS:
            found.append((mode, held_back, layer, added_ms))
    return found
