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


# The machine may be busy: what holds is asked of the quickest call, the medians are only told.


@GROUP.check()
async def a_call_takes_what_the_model_takes_and_little_more(stage: Stage) -> str:
    """With a model that takes 5 ms, the smallest modelNs is 5 to 10 ms and the smallest durationNs
    at least as long and at most 60 ms longer."""
    block = await _block(stage, FAST_MS)
    model_ms = min(_model_ms(block))
    call_ms = min(_call_ms(block))
    told = f"at least: model {model_ms:.2f} ms, call {call_ms:.2f} ms"
    expect(FAST_MS <= model_ms <= 2 * FAST_MS, told)
    expect(model_ms <= call_ms <= model_ms + MOST_OVERHEAD_MS, told)
    return (
        f"medians: model {median(_model_ms(block)):.2f} ms, call {median(_call_ms(block)):.2f} ms"
    )


@GROUP.check()
async def a_slower_model_is_seen_as_slower(stage: Stage) -> str:
    """Between a model of 5 ms and one of 20 ms the smallest durationNs grows by 7.5 to 30 ms."""
    fast, slow = _call_ms(await _block(stage, FAST_MS)), _call_ms(await _block(stage, SLOW_MS))
    expected = SLOW_MS - FAST_MS
    seen = min(slow) - min(fast)
    expect(expected / 2 <= seen <= expected * 2, f"at least {min(fast):.2f} and {min(slow):.2f} ms")
    return f"medians: {median(fast):.2f} ms and {median(slow):.2f} ms"


@GROUP.check()
async def a_delay_in_the_agent_is_the_agents_own_time(stage: Stage) -> str:
    """With `delayMs` 30 every durationNs − transportNs is 30 ms or more, and the model's time is
    not touched."""
    block = await _block(stage, FAST_MS, delayMs=DELAY_MS)
    own_ms = [(s.duration_ns - (s.transport_ns or 0)) / 1e6 for s in block.samples]
    model_ms = min(_model_ms(block))
    told = f"at least: the agent's own {min(own_ms):.2f} ms, model {model_ms:.2f} ms"
    expect(DELAY_MS <= min(own_ms) <= DELAY_MS + MOST_OVERHEAD_MS, told)
    expect(FAST_MS <= model_ms <= 2 * FAST_MS, told)
    return f"median of the agent's own: {median(own_ms):.2f} ms"


def _call_ms(block: Block) -> list[float]:
    return [sample.duration_ns / 1e6 for sample in block.samples]


def _model_ms(block: Block) -> list[float]:
    return [(sample.model_ns or 0) / 1e6 for sample in block.samples]
