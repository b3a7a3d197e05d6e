"""What holds for a block of calls in every mode."""

from time import time_ns

from benchmark.conformance.block import ALL_MODES, Block
from benchmark.conformance.check import Group, expect
from benchmark.conformance.stage import Stage
from shared_models.agent_protocol import ModelCall, Sample
from shared_models.configuration import TestMode

GROUP = Group("blocks")

ITERATIONS = 10
FIRST = 41
DURATION_S = 0.8
LATE_START_NS = 400_000_000
"""A machine may stall between the look at the clock and the start of the call."""
CLOCKS_APART_NS = 1_000_000_000
SUMMED = (
    "transport_ns",
    "model_ns",
    "load_ns",
    "prompt_eval_ns",
    "eval_ns",
    "prompt_tokens",
    "completion_tokens",
)


@GROUP.check_in(ALL_MODES)
async def samples_are_numbered_without_a_gap(stage: Stage, mode: TestMode) -> None:
    """`iterations` calls from `firstSequence` on give as many samples, each number once;
    `completed` counts them, and the model was asked as often."""
    agent = await stage.agent()
    block = await agent.run(mode, firstSequence=FIRST, iterations=ITERATIONS)
    numbers = [sample.sequence for sample in block.all_succeeded().samples]
    expected = list(range(FIRST, FIRST + ITERATIONS))
    expect(numbers == expected, f"the numbers were {numbers}, not {expected}")
    counts = (block.result.completed, block.result.dropped, len(block.requests))
    expect(
        counts == (ITERATIONS, 0, ITERATIONS),
        f"completed {counts[0]}, dropped {counts[1]}, {counts[2]} requests for {ITERATIONS} calls",
    )
    expect(not block.result.cancelled, "the block says that it was cancelled")


@GROUP.check_in(ALL_MODES)
async def samples_lie_inside_their_block(stage: Stage, mode: TestMode) -> None:
    """startNs counts from the block's start and no sample ends after wallNs; the model calls lie
    inside their sample; startUnixNs is the wall clock at the block's start."""
    await stage.server.set_latency(latency_ms=2)
    agent = await stage.agent()
    before_ns = time_ns()
    block = (await agent.run(mode)).all_succeeded()
    for sample in block.samples:
        end_ns = sample.start_ns + sample.duration_ns
        expect(
            end_ns <= block.result.wall_ns,
            f"sample {sample.sequence} ends at {end_ns} ns, the block at {block.result.wall_ns} ns",
        )
        _expect_calls_inside(sample)
    started = block.result.start_unix_ns
    apart_ms = (started - before_ns) / 1e6
    expect(
        before_ns - CLOCKS_APART_NS <= started <= time_ns() + CLOCKS_APART_NS,
        f"startUnixNs is {apart_ms:.0f} ms from when the block was asked for",
    )


def _expect_calls_inside(sample: Sample) -> None:
    expect(len(sample.calls) == 1, f"sample {sample.sequence} has {len(sample.calls)} calls, not 1")
    for call in sample.calls:
        before = call.start_ns - sample.start_ns
        behind = (sample.start_ns + sample.duration_ns) - (call.start_ns + call.duration_ns)
        expect(
            before >= 0 and behind >= 0,
            f"a call of sample {sample.sequence} starts {before} ns after it "
            f"and ends {behind} ns before it",
        )


@GROUP.check_in(ALL_MODES)
async def each_layer_of_a_call_holds_the_next(stage: Stage, mode: TestMode) -> None:
    """durationNs ≥ transportNs ≥ modelNs, in the sample and in each call; a sample's times and
    tokens are the sums over its calls."""
    await stage.server.set_latency(latency_ms=2)
    block = (await (await stage.agent()).run(mode)).all_succeeded()
    for sample in block.samples:
        _expect_layers(sample, sample.sequence)
        for call in sample.calls:
            _expect_layers(call, sample.sequence)
        for name in SUMMED:
            parts = [getattr(call, name) for call in sample.calls]
            total = None if None in parts else sum(parts)
            whole = getattr(sample, name)
            expect(whole == total, f"{name} of sample {sample.sequence} is {whole}, not {total}")


def _expect_layers(part: Sample | ModelCall, sequence: int) -> None:
    if part.transport_ns is None or part.model_ns is None:
        expect(False, f"sample {sequence} is ok and lacks transportNs or modelNs")
        return
    expect(
        part.duration_ns >= part.transport_ns >= part.model_ns,
        f"sample {sequence}: durationNs {part.duration_ns}, transportNs {part.transport_ns}, "
        f"modelNs {part.model_ns}",
    )


@GROUP.check_in(ALL_MODES)
async def a_block_ends_after_its_duration(stage: Stage, mode: TestMode) -> str:
    """With `durationSeconds` no call starts after it, those in flight are finished, and calls go on
    until then; `iterations` is set as well and far away."""
    block = await _timed(stage, mode)
    duration_ns = DURATION_S * 1e9
    last_ns = max(sample.start_ns for sample in block.samples)
    expect(
        last_ns <= duration_ns + LATE_START_NS,
        f"a call started {last_ns / 1e9:.3f} s after the start of a block of {DURATION_S} s",
    )
    end_ns = max(sample.start_ns + sample.duration_ns for sample in block.samples)
    expect(end_ns >= duration_ns / 2, f"the last call ended {end_ns / 1e9:.3f} s after the start")
    return f"{len(block.samples)} calls in {block.result.wall_ns / 1e9:.2f} s"


@GROUP.check_in(ALL_MODES)
async def samples_come_while_the_block_runs(stage: Stage, mode: TestMode) -> str:
    """The first `samples` notification of a block of 0.8 s comes in its first three quarters, and
    they come in batches rather than after the end."""
    block = await _timed(stage, mode)
    expect(bool(block.heard_at_ns), "no samples came")
    first_s = (block.heard_at_ns[0] - block.began_at_ns) / 1e9
    whole_s = (block.ended_at_ns - block.began_at_ns) / 1e9
    expect(
        first_s <= whole_s * 0.75,
        f"the first samples came after {first_s:.2f} s of {whole_s:.2f} s",
    )
    return f"{len(block.heard_at_ns)} notifications, the first after {first_s:.2f} s"


async def _timed(stage: Stage, mode: TestMode) -> Block:
    if mode not in stage.timed_blocks:
        await stage.server.set_latency(latency_ms=15)
        rate = {"ratePerSecond": 50.0} if mode == "rate" else {}
        agent = await stage.agent()
        block = await agent.run(mode, durationSeconds=DURATION_S, iterations=1_000_000, **rate)
        stage.timed_blocks[mode] = block.all_succeeded()
    return stage.timed_blocks[mode]


@GROUP.check_in(ALL_MODES)
async def iterations_end_a_block_before_its_duration(stage: Stage, mode: TestMode) -> None:
    """With `iterations` and `durationSeconds`, what comes first ends the block."""
    agent = await stage.agent()
    block = (await agent.run(mode, iterations=3, durationSeconds=60.0)).all_succeeded()
    expect(block.result.completed == 3, f"the block counts {block.result.completed} calls, not 3")


@GROUP.check_in(ALL_MODES)
async def as_many_calls_as_asked_for_are_in_flight(stage: Stage, mode: TestMode) -> None:
    """While the model server does not answer, exactly `concurrency` calls reach it."""
    agent = await stage.agent()
    await stage.server.get_stuck()
    expected = 1 if mode in ("standard", "streaming") else 4
    running = await agent.begin(mode, concurrency=expected, iterations=20)
    await running.has_requests(expected)
    await stage.settle()
    came = len(await stage.server.requests())
    await agent.cancel(running.run_id)
    await running.finish()
    expect(came == expected, f"{came} calls reached the model server, not {expected}")
