"""Whether what the agent measures makes sense against a model server of known speed."""

from statistics import median
from typing import Any

from benchmark.conformance.block import Block
from benchmark.conformance.check import Group, expect
from benchmark.conformance.stage import Stage

GROUP = Group("timing")
CALLS = 15
FAST_MS, SLOW_MS = 5.0, 20.0
MOST_OVERHEAD_MS = 60.0
DELAY_MS = 30.0


async def _block(stage: Stage, latency_ms: float, **configuration: Any) -> Block:
    await stage.server.set_latency(latency_ms=latency_ms)
    agent = await stage.agent(**configuration)
    await agent.warm_up(iterations=3)
    return (await agent.run(iterations=CALLS)).all_succeeded()


def _median_ms(block: Block) -> float:
    return median(sample.duration_ns for sample in block.samples) / 1e6


@GROUP.check()
async def a_call_takes_what_the_model_takes_and_little_more(stage: Stage) -> str:
    """With a model that takes 5 ms, the median modelNs is 5 to 10 ms and the median durationNs at
    least as long and at most 60 ms longer."""
    block = await _block(stage, FAST_MS)
    model_ms = median(sample.model_ns or 0 for sample in block.samples) / 1e6
    call_ms = _median_ms(block)
    told = f"medians: model {model_ms:.2f} ms, call {call_ms:.2f} ms"
    expect(FAST_MS <= model_ms <= 2 * FAST_MS, told)
    expect(model_ms <= call_ms <= model_ms + MOST_OVERHEAD_MS, told)
    return told


@GROUP.check()
async def a_slower_model_is_seen_as_slower(stage: Stage) -> str:
    """Between a model of 5 ms and one of 20 ms the median durationNs grows by 15 ms, give or take
    half of it."""
    fast, slow = _median_ms(await _block(stage, FAST_MS)), _median_ms(await _block(stage, SLOW_MS))
    told = f"medians {fast:.2f} ms and {slow:.2f} ms"
    expected = SLOW_MS - FAST_MS
    expect(expected / 2 <= slow - fast <= expected * 1.5, told)
    return told


@GROUP.check()
async def a_delay_in_the_agent_is_the_agents_own_time(stage: Stage) -> str:
    """With `delayMs` 30 the median durationNs − transportNs is 30 ms or more; the model's time is
    not touched."""
    block = await _block(stage, FAST_MS, delayMs=DELAY_MS)
    own_ms = median(s.duration_ns - (s.transport_ns or 0) for s in block.samples) / 1e6
    model_ms = median(sample.model_ns or 0 for sample in block.samples) / 1e6
    told = f"medians: the agent's own {own_ms:.2f} ms, model {model_ms:.2f} ms"
    expect(DELAY_MS <= own_ms <= DELAY_MS + MOST_OVERHEAD_MS and model_ms <= 2 * FAST_MS, told)
    return told
