"""Whether what the agent measures makes sense against a model server of known speed."""

from statistics import median

from benchmark.conformance.check import Group, expect
from benchmark.conformance.errors import Breach
from benchmark.conformance.stage import Stage
from shared_models.agent_protocol import Sample
from shared_models.configuration import TestMode
from shared_models.wire import wire_name

GROUP = Group("timing")
CALLS = 10
ROUNDS = 4
FAST_MS, SLOW_MS = 5.0, 20.0
MOST_OVERHEAD_MS = 60.0
DELAY_MS = 30.0


class Seen:
    """The calls of several blocks against a model of one speed."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    async def more(self, stage: Stage, latency_ms: float, **configuration: float) -> None:
        """Make another block, after a few calls that warm the agent up."""
        await stage.server.set_latency(latency_ms=latency_ms)
        agent = await stage.agent(connect_to=None, **configuration)
        await agent.warm_up(iterations=2)
        self.samples += (await agent.run(iterations=CALLS)).all_succeeded().samples

    @property
    def call_ms(self) -> list[float]:
        """The durations of the calls."""
        return [sample.duration_ns / 1e6 for sample in self.samples]

    @property
    def model_ms(self) -> list[float]:
        """What the model server says that they took."""
        return [(sample.model_ns or 0) / 1e6 for sample in self.samples]

    @property
    def own_ms(self) -> list[float]:
        """What the agent took of them for itself."""
        return [(one.duration_ns - (one.transport_ns or 0)) / 1e6 for one in self.samples]


FIGURES = {
    "total_duration": "model_ns",
    "load_duration": "load_ns",
    "prompt_eval_duration": "prompt_eval_ns",
    "eval_duration": "eval_ns",
    "prompt_eval_count": "prompt_tokens",
    "eval_count": "completion_tokens",
}


@GROUP.check_in(("standard", "streaming"))
async def the_servers_own_figures_are_passed_on(stage: Stage, mode: TestMode) -> None:
    """modelNs, loadNs, promptEvalNs, evalNs, promptTokens and completionTokens are exactly what the
    server's reply says."""
    await stage.server.set_latency(latency_ms=FAST_MS)
    block = (await (await stage.agent()).run(mode)).all_succeeded()
    for sample, request in zip(block.samples, block.requests, strict=True):
        for theirs, ours in FIGURES.items():
            said, told = request.metrics.get(theirs), getattr(sample, ours)
            expect(
                told == said,
                f"{wire_name(ours)} of sample {sample.sequence} is {told}, {theirs} was {said}",
            )


# The machine may be busy. So the quickest call is judged, and only a figure that stays wrong over
# several rounds is a breach; the medians are told.


@GROUP.check()
async def a_call_takes_what_the_model_takes_and_little_more(stage: Stage) -> str:
    """With a model that takes 5 ms, the smallest modelNs is 5 to 10 ms and the smallest durationNs
    at least as long and at most 60 ms longer."""
    fast = Seen()
    for _ in range(ROUNDS):
        await fast.more(stage, FAST_MS)
        model, call = min(fast.model_ms), min(fast.call_ms)
        if model <= 2 * FAST_MS and call <= model + MOST_OVERHEAD_MS:
            break
    told = f"at least: model {model:.2f} ms, call {call:.2f} ms"
    expect(FAST_MS <= model <= 2 * FAST_MS, told)
    expect(model <= call <= model + MOST_OVERHEAD_MS, told)
    return f"medians: model {median(fast.model_ms):.2f} ms, call {median(fast.call_ms):.2f} ms"


@GROUP.check()
async def a_slower_model_is_seen_as_slower(stage: Stage) -> str:
    """Between a model of 5 ms and one of 20 ms the smallest durationNs grows by 7.5 to 30 ms."""
    fast, slow = Seen(), Seen()
    expected = SLOW_MS - FAST_MS
    for _ in range(ROUNDS):
        await fast.more(stage, FAST_MS)
        await slow.more(stage, SLOW_MS)
        seen = min(slow.call_ms) - min(fast.call_ms)
        if expected / 2 <= seen <= expected * 2:
            return f"medians: {median(fast.call_ms):.2f} ms and {median(slow.call_ms):.2f} ms"
    raise Breach(f"at least {min(fast.call_ms):.2f} ms and {min(slow.call_ms):.2f} ms")


@GROUP.check()
async def a_delay_in_the_agent_is_the_agents_own_time(stage: Stage) -> str:
    """With `delayMs` 30 every durationNs − transportNs is 30 ms or more, and the model's time is
    not touched."""
    seen = Seen()
    for _ in range(ROUNDS):
        await seen.more(stage, FAST_MS, delayMs=DELAY_MS)
        own, model = min(seen.own_ms), min(seen.model_ms)
        if own <= DELAY_MS + MOST_OVERHEAD_MS and model <= 2 * FAST_MS:
            break
    told = f"at least: the agent's own {own:.2f} ms, model {model:.2f} ms"
    expect(DELAY_MS <= own <= DELAY_MS + MOST_OVERHEAD_MS, told)
    expect(FAST_MS <= model <= 2 * FAST_MS, told)
    return f"median of the agent's own: {median(seen.own_ms):.2f} ms"
