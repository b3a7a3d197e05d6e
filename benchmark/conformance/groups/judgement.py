"""What counts as a success: HTTP 200 with `done: true` and no error, nothing less."""

from typing import Any

from benchmark.conformance.check import Group, expect
from benchmark.conformance.stage import Stage
from shared_models.agent_protocol import ErrorKind
from shared_models.configuration import TestMode

GROUP = Group("judgement")
SINGLE_MODES: tuple[TestMode, ...] = ("standard", "streaming")
NO_MODEL = "model 'no-such-model' not found"
TIME_LIMIT_S = 0.5
NOWHERE = "127.0.0.1:9"


async def _fails(stage: Stage, mode: TestMode, error_kind: ErrorKind, **fault: Any) -> None:
    """Run three calls with a fault in the second; it must fail with `error_kind`, and it alone."""
    agent = await stage.agent()
    await stage.server.plan_fault(after=1, count=1, **fault)
    block = await agent.run(mode, iterations=3)
    came = [(sample.outcome, sample.error_kind) for sample in block.samples]
    expected = [("ok", None), ("error", error_kind), ("ok", None)]
    expect(came == expected, f"the three calls ended as {came}, not {expected}")
    expect(block.result.completed == 3, f"completed is {block.result.completed}, not 3")


@GROUP.check_in(SINGLE_MODES)
async def a_reply_without_done_is_incomplete(stage: Stage, mode: TestMode) -> None:
    """A reply that ends in good order but without `done: true` is an error, incomplete."""
    await _fails(stage, mode, "incomplete", kind="missing-done")


@GROUP.check_in(SINGLE_MODES)
async def an_error_in_a_good_reply_is_a_stream_error(stage: Stage, mode: TestMode) -> None:
    """HTTP 200 with `error` in the body, in a stream after the first line, is an error,
    stream-error."""
    fault = {"kind": "error-line"} if mode == "streaming" else {"kind": "status"}
    await _fails(stage, mode, "stream-error", status=200, text="out of memory", **fault)


@GROUP.check_in(SINGLE_MODES)
async def a_cut_reply_is_incomplete(stage: Stage, mode: TestMode) -> None:
    """A connection that closes in the middle of the body is an error, incomplete."""
    await _fails(stage, mode, "incomplete", kind="cut-mid-body")


@GROUP.check()
async def a_connection_cut_before_the_reply_is_incomplete(stage: Stage) -> None:
    """A connection that closes without a reply is an error, incomplete."""
    await _fails(stage, "standard", "incomplete", kind="cut-before-headers")


@GROUP.check_in(SINGLE_MODES)
async def a_refusal_of_the_server_is_an_http_error(stage: Stage, mode: TestMode) -> None:
    """HTTP 500 is an error, http."""
    await _fails(stage, mode, "http", kind="status", status=500, text="out of memory")


@GROUP.check()
async def a_redirect_is_not_followed(stage: Stage) -> None:
    """HTTP 302 is an error, http: only the checked address may be dialled."""
    await _fails(stage, "standard", "http", kind="redirect", location=stage.server.url)


@GROUP.check_in(SINGLE_MODES)
async def a_missing_model_is_told_apart(stage: Stage, mode: TestMode) -> None:
    """HTTP 404 with "model … not found" is an error, model-not-found: it ends a run at once."""
    await _fails(stage, mode, "model-not-found", kind="status", status=404, text=NO_MODEL)


@GROUP.check()
async def what_is_not_json_is_an_invalid_reply(stage: Stage) -> None:
    """HTTP 200 with a page of HTML is an error, invalid-reply."""
    await _fails(stage, "standard", "invalid-reply", kind="not-json")


@GROUP.check()
async def a_failed_call_says_why(stage: Stage) -> None:
    """errorMessage is a text of at most 500 characters, however long the server's is."""
    agent = await stage.agent()
    await stage.server.plan_fault(kind="status", status=500, text="long " * 500)
    block = await agent.run(iterations=1)
    message = block.samples[0].error_message if block.samples else None
    expect(bool(message), f"errorMessage is {message!r}")


@GROUP.check()
async def a_call_past_its_time_limit_is_a_timeout(stage: Stage) -> None:
    """A call that takes longer than `requestTimeoutSeconds` is given up with the outcome and the
    errorKind timeout, and the block goes on."""
    agent = await stage.agent(requestTimeoutSeconds=TIME_LIMIT_S)
    await stage.server.get_stuck()
    block = await agent.run(iterations=2)
    came = [(sample.outcome, sample.error_kind) for sample in block.samples]
    expect(came == [("timeout", "timeout")] * 2, f"the calls ended as {came}")
    shortest_s = min(sample.duration_ns for sample in block.samples) / 1e9
    expect(shortest_s >= TIME_LIMIT_S * 0.9, f"a call was given up after {shortest_s:.2f} s")


@GROUP.check()
async def the_time_limit_is_for_the_whole_call(stage: Stage) -> None:
    """A reply that trickles, never silent for long, is given up all the same."""
    agent = await stage.agent(requestTimeoutSeconds=TIME_LIMIT_S)
    await stage.server.plan_fault(kind="slow-header", seconds=30.0)
    block = await agent.run(iterations=1)
    came = [(sample.outcome, sample.error_kind) for sample in block.samples]
    expect(came == [("timeout", "timeout")], f"the call ended as {came}")


@GROUP.check()
async def a_server_that_is_not_there_is_a_connect_error(stage: Stage) -> None:
    """A refused connection is an error, connect."""
    agent = await stage.agent(connect_to=NOWHERE)
    block = await agent.run(iterations=2)
    came = [(sample.outcome, sample.error_kind) for sample in block.samples]
    expect(came == [("error", "connect")] * 2, f"the calls ended as {came}")
