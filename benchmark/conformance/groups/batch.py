"""The mode batch: `concurrency` calls at once, and the next batch when all have ended."""

from benchmark.conformance.check import Group, expect
from benchmark.conformance.stage import Stage

GROUP = Group("batch")


@GROUP.check(mode="batch")
async def batches_are_numbered_from_1_and_full(stage: Stage) -> None:
    """Ten calls in batches of four are the batches 1, 2 and 3 of 4, 4 and 2 calls, with the workers
    0, 1, 2, 3 in the order of the numbers."""
    block = (await (await stage.agent()).run("batch", concurrency=4, iterations=10)).all_succeeded()
    batches = [sample.batch for sample in block.samples]
    expect(batches == [1] * 4 + [2] * 4 + [3] * 2, f"the batches were {batches}")
    workers = [sample.worker for sample in block.samples]
    expect(workers == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1], f"the workers were {workers}")


@GROUP.check(mode="batch")
async def a_batch_begins_when_the_last_has_ended(stage: Stage) -> None:
    """No call of a batch starts before every call of the batch before it has ended."""
    await stage.server.set_latency(latency_ms=3)
    block = (await (await stage.agent()).run("batch", concurrency=3, iterations=9)).all_succeeded()
    samples = block.samples
    for first in range(3, 9, 3):
        ended = max(one.start_ns + one.duration_ns for one in samples[first - 3 : first])
        begun = min(one.start_ns for one in samples[first : first + 3])
        expect(begun >= ended, f"batch {first // 3 + 1} starts {ended - begun} ns too early")
