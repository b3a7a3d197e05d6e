"""The warm-up: calls like the run's, which enter no run."""

from benchmark.conformance.block import ALL_MODES, SIDE_BY_SIDE
from benchmark.conformance.check import Group, expect
from benchmark.conformance.stage import Stage
from shared_models.configuration import TestMode

GROUP = Group("warm-up")
CALLS = 5
CLOSED_MODES = tuple(mode for mode in ALL_MODES if mode != "rate")


@GROUP.check()
async def a_warm_up_of_no_calls_asks_nothing(stage: Stage) -> None:
    """`iterations` 0 is answered with no samples, and the model is not asked."""
    samples = await (await stage.agent()).warm_up(iterations=0)
    asked = len(await stage.server.requests())
    expect((len(samples), asked) == (0, 0), f"{len(samples)} samples came, {asked} requests")


@GROUP.check_in(CLOSED_MODES)
async def its_samples_are_in_its_result(stage: Stage, mode: TestMode) -> None:
    """A warm-up gives `iterations` samples, numbered from `firstSequence`, in its result, and sends
    no notification."""
    agent = await stage.agent()
    before = len(agent.peer.heard)
    concurrency = SIDE_BY_SIDE if mode in ("batch", "concurrent") else 1
    samples = await agent.warm_up(
        iterations=CALLS, firstSequence=11, mode=mode, concurrency=concurrency
    )
    numbers = sorted(sample.sequence for sample in samples)
    expect(numbers == list(range(11, 11 + CALLS)), f"the numbers were {numbers}")
    bad = [sample.outcome for sample in samples if sample.outcome != "ok"]
    expect(not bad, f"calls ended as {bad}")
    asked = len(await stage.server.requests())
    expect(asked == CALLS, f"the model was asked {asked} times, not {CALLS}")
    said = [h for h in agent.peer.heard[before:] if "method" in h.message]
    expect(not said, f"{len(said)} notifications came")


@GROUP.check_in(CLOSED_MODES)
async def its_calls_are_made_as_the_runs(stage: Stage, mode: TestMode) -> None:
    """As many calls are in flight as `concurrency` says; they are streamed in streaming only."""
    agent = await stage.agent()
    concurrency = SIDE_BY_SIDE if mode in ("batch", "concurrent") else 1
    run_id = agent.new_run_id()
    await stage.server.get_stuck()
    params = {"runId": run_id, "iterations": 9, "mode": mode, "concurrency": concurrency}
    number = await agent.peer.request("warmup", **params)
    await agent.has_requests(concurrency)
    await stage.settle()
    requests = await stage.server.requests()
    await agent.cancel(run_id)
    await agent.peer.reply_to(number)
    expect(len(requests) == concurrency, f"{len(requests)} calls in flight, not {concurrency}")
    streams = {request.body.get("stream", True) for request in requests}
    expect(streams == {mode == "streaming"}, f"stream was {streams}")


@GROUP.check()
async def it_enters_no_run(stage: Stage) -> None:
    """The run after it begins at its own `firstSequence` and counts its own calls."""
    agent = await stage.agent()
    run_id = agent.new_run_id()
    await agent.warm_up(runId=run_id, iterations=2)
    block = (await agent.run(runId=run_id, iterations=3)).all_succeeded()
    numbers = [sample.sequence for sample in block.samples]
    expect(numbers == [1, 2, 3], f"the numbers of the run were {numbers}")
    expect(block.result.completed == 3, f"the run counts {block.result.completed} calls, not 3")
