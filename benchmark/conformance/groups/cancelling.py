"""Cancelling: at once, down to the model server, and without harm to the agent."""

from benchmark.conformance.block import ALL_MODES, SIDE_BY_SIDE
from benchmark.conformance.check import Group, expect
from benchmark.conformance.stage import Stage
from shared_models.configuration import TestMode

GROUP = Group("cancel")


@GROUP.check_in(ALL_MODES)
async def a_cancelled_block_ends_at_once(stage: Stage, mode: TestMode) -> None:
    """While the model does not answer, `cancel` is answered with true and the run with `cancelled`
    true and no completed call; the calls in flight are samples with the outcome cancelled."""
    agent = await stage.agent()
    await stage.server.get_stuck()
    in_flight = 1 if mode in ("standard", "streaming") else SIDE_BY_SIDE
    running = await agent.begin(mode, concurrency=in_flight, iterations=50)
    await running.has_requests(in_flight)
    told = await agent.cancel(running.run_id)
    block = await running.finish()
    expect(told, "cancel says that the run was not in progress")
    ended = (block.result.cancelled, block.result.completed)
    expect(ended == (True, 0), f"the run ended with cancelled {ended[0]}, completed {ended[1]}")
    outcomes = [sample.outcome for sample in block.samples]
    expect(outcomes == ["cancelled"] * in_flight, f"the calls in flight ended as {outcomes}")


@GROUP.check_in(ALL_MODES)
async def the_model_server_is_released(stage: Stage, mode: TestMode) -> None:
    """Cancelling aborts the requests, so that the server's only slot is free for others, and the
    agent can run again at once."""
    agent = await stage.agent()
    await stage.server.get_stuck()
    running = await agent.begin(mode, iterations=50)
    await running.has_requests(1)
    await agent.cancel(running.run_id)
    await running.finish()
    await stage.server.set_latency(latency_ms=0)
    free = await stage.server.answers(timeout_s=stage.patience_s)
    expect(free, "the model server is still busy with the aborted request")
    again = (await agent.run(mode, iterations=3)).all_succeeded()
    expect(again.result.completed == 3, f"the next run counts {again.result.completed} calls")


@GROUP.check()
async def only_the_named_run_is_cancelled(stage: Stage) -> None:
    """`cancel` of another run, or when nothing runs, is answered with false and changes nothing."""
    agent = await stage.agent()
    idle = await agent.cancel("nothing")
    await stage.server.pause(0.3)
    running = await agent.begin(iterations=2)
    await running.has_requests(1)
    other = await agent.cancel("another")
    block = (await running.finish()).all_succeeded()
    expect((idle, other) == (False, False), f"it was answered with {idle} and {other}")
    expect(block.result.completed == 2 and not block.result.cancelled, "the run was disturbed")


@GROUP.check()
async def a_warm_up_can_be_cancelled(stage: Stage) -> None:
    """`cancel` with its run id ends it at once; no sample of it is ok."""
    agent = await stage.agent()
    await stage.server.get_stuck()
    run_id = agent.new_run_id()
    number = await agent.peer.request("warmup", runId=run_id, iterations=5)
    await agent.has_requests(1)
    told = await agent.cancel(run_id)
    samples = agent.warm_up_samples(await agent.peer.reply_to(number))
    expect(told, "cancel says that nothing was in progress")
    good = [sample.sequence for sample in samples if sample.outcome == "ok"]
    expect(not good, f"the calls {good} are ok")
