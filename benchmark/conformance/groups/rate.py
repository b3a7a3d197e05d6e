"""The mode rate: calls begin when they are due, whether or not the earlier ones have ended."""

from collections.abc import Sequence
from itertools import accumulate
from statistics import median

from benchmark.conformance.block import Block, block_params
from benchmark.conformance.check import Group, expect, expect_refusal
from benchmark.conformance.stage import Stage
from shared_models.agent_protocol import INVALID_PARAMS
from shared_models.arrivals import arrival_gap_s

GROUP = Group("rate")
RATE = 100.0
ARRIVALS = 15
SEED = 42
ROUNDING_NS = 1_000
EARLY_NS = 100_000
LATE_NS = 50_000_000
"""A median beyond it is no schedule; single calls may be late on a busy machine."""


@GROUP.check(mode="rate")
async def arrivals_are_due_at_a_constant_distance(stage: Stage) -> str:
    """Arrival k (from 0) has intendedStartNs k / ratePerSecond; no call starts before it is due,
    and the median call starts less than 50 ms late."""
    agent = await stage.agent()
    block = await agent.run("rate", ratePerSecond=RATE, iterations=ARRIVALS)
    return _on_schedule(block, [number / RATE for number in range(ARRIVALS)])


@GROUP.check(mode="rate")
async def poisson_arrivals_are_derived_from_the_seed(stage: Stage) -> str:
    """With `arrivals` poisson, arrival k has intendedStartNs = the sum of the gaps 1 to k with
    gap i = −ln(1 − u) / rate, u = the first 53 bits of SHA-256("arrivals:seed:i") / 2⁵³."""
    agent = await stage.agent()
    block = await agent.run(
        "rate", ratePerSecond=RATE, iterations=ARRIVALS, arrivals="poisson", arrivalSeed=SEED
    )
    gaps = [arrival_gap_s(SEED, i, rate_per_second=RATE) for i in range(1, ARRIVALS)]
    return _on_schedule(block, list(accumulate(gaps, initial=0.0)))


def _on_schedule(block: Block, due_s: Sequence[float]) -> str:
    samples = block.all_succeeded().samples
    expect(len(samples) == len(due_s), f"{len(samples)} samples came for {len(due_s)} arrivals")
    late_ns = []
    for sample, due in zip(samples, due_s, strict=True):
        intended = sample.intended_start_ns
        if intended is None or abs(intended - due * 1e9) > ROUNDING_NS:
            expect(
                False, f"intendedStartNs of {sample.sequence} is {intended}, not {due * 1e9:.0f}"
            )
            continue
        late_ns.append(sample.start_ns - intended)
    expect(min(late_ns) >= -EARLY_NS, f"a call started {-min(late_ns) / 1e6:.3f} ms early")
    lag_ns = median(late_ns)
    expect(lag_ns <= LATE_NS, f"the median call started {lag_ns / 1e6:.1f} ms late")
    return f"lag: median {lag_ns / 1e6:.2f} ms, largest {max(late_ns) / 1e6:.2f} ms"


@GROUP.check(mode="rate")
async def arrivals_do_not_wait_for_replies(stage: Stage) -> None:
    """While the model server holds its replies back, every arrival starts its call all the same."""
    agent = await stage.agent()
    await stage.server.pause(1.0)
    running = await agent.begin("rate", ratePerSecond=RATE, iterations=ARRIVALS)
    await running.has_requests(ARRIVALS)
    block = (await running.finish()).all_succeeded()
    first_end = min(sample.start_ns + sample.duration_ns for sample in block.samples)
    late = [sample.sequence for sample in block.samples if sample.start_ns >= first_end]
    expect(not late, f"the calls {late} started after the first reply")


@GROUP.check(mode="rate")
async def an_arrival_beyond_the_cap_is_dropped(stage: Stage) -> None:
    """With `concurrency` calls in flight an arrival is counted in `dropped`, takes no number and is
    never sent; `iterations` counts it."""
    agent = await stage.agent()
    await stage.server.pause(1.5)
    block = await agent.run("rate", ratePerSecond=RATE, iterations=ARRIVALS, concurrency=3)
    told = (block.result.completed, block.result.dropped, len(block.requests))
    numbers = [sample.sequence for sample in block.all_succeeded().samples]
    expect(
        told == (3, ARRIVALS - 3, 3),
        f"completed {told[0]}, dropped {told[1]}, {told[2]} requests for {ARRIVALS} arrivals",
    )
    expect(numbers == [1, 2, 3], f"the numbers were {numbers}")


@GROUP.check(mode="rate")
async def a_rate_must_be_given(stage: Stage) -> None:
    """A run in the mode rate without `ratePerSecond` is answered with −32602."""
    agent = await stage.agent()
    params = block_params("rate", ratePerSecond=None)
    reply = await agent.peer.ask("run", runId="r", **params)
    expect_refusal(reply, INVALID_PARAMS, asked="a run without ratePerSecond")


@GROUP.check(mode="rate")
async def a_warm_up_has_no_rate(stage: Stage) -> None:
    """A warm-up in the mode rate is answered with −32602: a rate run warms up in standard."""
    agent = await stage.agent()
    reply = await agent.peer.ask("warmup", runId="r", iterations=1, mode="rate")
    expect_refusal(reply, INVALID_PARAMS, asked="a warm-up in the mode rate")
