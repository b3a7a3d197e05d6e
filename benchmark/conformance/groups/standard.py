"""The mode standard: one call after the other."""

from itertools import pairwise

from benchmark.conformance.block import block_params
from benchmark.conformance.check import Group, expect, expect_refusal
from benchmark.conformance.stage import Stage
from shared_models.agent_protocol import INVALID_PARAMS

GROUP = Group("standard")


@GROUP.check(mode="standard")
async def one_call_follows_the_other(stage: Stage) -> None:
    """No call starts before the one before it has ended; the worker is 0 and there is no batch."""
    block = (await (await stage.agent()).run()).all_succeeded()
    for one, other in pairwise(block.samples):
        gap_ns = other.start_ns - (one.start_ns + one.duration_ns)
        expect(gap_ns >= 0, f"call {other.sequence} starts {-gap_ns} ns before the end of the last")
    places = {(sample.worker, sample.batch) for sample in block.samples}
    expect(places == {(0, None)}, f"workers and batches were {places}")


@GROUP.check(mode="standard")
async def its_concurrency_is_1(stage: Stage) -> None:
    """Another concurrency is answered with −32602."""
    agent = await stage.agent()
    reply = await agent.peer.ask("run", runId="r", **block_params("standard", concurrency=2))
    expect_refusal(reply, INVALID_PARAMS, asked="concurrency 2 in the mode standard")
