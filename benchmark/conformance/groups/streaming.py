"""The mode streaming: one call after the other, read as it is made."""

from statistics import median

from benchmark.conformance.block import block_params
from benchmark.conformance.check import Group, expect, expect_refusal
from benchmark.conformance.stage import Stage
from shared_models.agent_protocol import INVALID_PARAMS

GROUP = Group("streaming")
LATENCY_MS = 40
"""The simulator says the first token after 0.3 of it and the last at its end."""


@GROUP.check(mode="streaming")
async def the_reply_is_streamed_on_the_wire(stage: Stage) -> None:
    """The model is asked with `stream` true."""
    block = (await (await stage.agent()).run("streaming", iterations=1)).all_succeeded()
    stream = block.requests[0].body.get("stream", True)
    expect(stream is True, f"stream was {stream}")


@GROUP.check(mode="streaming")
async def tokens_are_stamped_as_they_come(stage: Stage) -> str:
    """0 < firstTokenNs ≤ lastTokenNs ≤ durationNs and chunks ≥ 2 for a reply of eight tokens spread
    over 28 of 40 ms; the first text is there before three quarters of the call have passed."""
    await stage.server.set_latency(latency_ms=LATENCY_MS)
    block = (await (await stage.agent()).run("streaming")).all_succeeded()
    shares = []
    for sample in block.samples:
        first, last, chunks = sample.first_token_ns, sample.last_token_ns, sample.chunks
        if first is None or last is None or chunks is None:
            expect(False, f"sample {sample.sequence} lacks firstTokenNs, lastTokenNs or chunks")
            continue
        told = f"firstTokenNs {first}, lastTokenNs {last}, durationNs {sample.duration_ns}"
        expect(0 < first <= last <= sample.duration_ns, told)
        expect(chunks >= 2, f"sample {sample.sequence} has {chunks} chunks")
        shares.append(first / sample.duration_ns)
    share = median(shares)
    expect(share < 0.75, f"the first text came after {share:.0%} of the call")
    return f"first text after {share:.0%} of the call"


@GROUP.check(mode="streaming")
async def its_concurrency_is_1(stage: Stage) -> None:
    """Another concurrency is answered with −32602."""
    agent = await stage.agent()
    reply = await agent.peer.ask("run", runId="r", **block_params("streaming", concurrency=2))
    expect_refusal(reply, INVALID_PARAMS, asked="concurrency 2 in the mode streaming")
