"""The mode concurrent: `concurrency` workers, each making one call after the other."""

from itertools import pairwise

from benchmark.conformance.check import Group, expect
from benchmark.conformance.stage import Stage

GROUP = Group("concurrent")
WORKERS = 4


@GROUP.check(mode="concurrent")
async def each_worker_makes_one_call_after_the_other(stage: Stage) -> None:
    """Workers are numbered from 0, all of them work, and no worker's calls overlap; there is no
    batch."""
    await stage.server.set_latency(latency_ms=3)
    agent = await stage.agent()
    block = (await agent.run("concurrent", concurrency=WORKERS, iterations=24)).all_succeeded()
    workers = sorted({sample.worker for sample in block.samples})
    expect(workers == list(range(WORKERS)), f"the workers were {workers}")
    for worker in workers:
        own = sorted((s for s in block.samples if s.worker == worker), key=lambda s: s.start_ns)
        for one, other in pairwise(own):
            gap_ns = other.start_ns - (one.start_ns + one.duration_ns)
            expect(gap_ns >= 0, f"worker {worker} starts call {other.sequence} {-gap_ns} ns early")
    expect({s.batch for s in block.samples} == {None}, "the samples have a batch")


@GROUP.check(mode="concurrent")
async def workers_do_not_wait_for_each_other(stage: Stage) -> None:
    """Calls of different workers overlap."""
    await stage.server.set_latency(latency_ms=3)
    agent = await stage.agent()
    block = (await agent.run("concurrent", concurrency=WORKERS, iterations=24)).all_succeeded()
    ordered = sorted(block.samples, key=lambda sample: sample.start_ns)
    overlaps = sum(
        other.start_ns < one.start_ns + one.duration_ns for one, other in pairwise(ordered)
    )
    expect(overlaps >= len(ordered) // 2, f"{overlaps} of {len(ordered)} calls overlap the next")
