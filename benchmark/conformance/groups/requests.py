"""What reaches the model server: every agent asks for the same work."""

from typing import Any

from benchmark.conformance.check import Group, expect
from benchmark.conformance.stage import Stage
from shared_models.trace_ids import trace_ids, warm_up_run_id

GROUP = Group("requests")


BEYOND_ASCII = "Grüße, 你好, 🙂, \u2028 and \\n {n}"
PROMPTS = ["a {n}", "b", "c {n}{n}", BEYOND_ASCII]
FULL: dict[str, Any] = {
    "instructions": "Be brief.",
    "temperature": 0.5,
    "seed": 7,
    "maxTokens": 9,
    "model": "llama2",
    "prompts": PROMPTS,
}


@GROUP.check()
async def each_iteration_has_its_own_prompt(stage: Stage) -> None:
    """Iteration n uses prompt (n − 1) modulo the list's length with n in the place of {n}; numbers
    go on where `firstSequence` tells."""
    agent = await stage.agent(**FULL)
    await agent.run(firstSequence=1, iterations=3)
    block = (await agent.run(firstSequence=5, iterations=3)).all_succeeded()
    sent = [request.prompt for request in block.requests]
    expect(sent == ["a 1", "b", "c 33", "a 5", "b", "c 77"], f"the prompts were {sent}")


@GROUP.check()
async def characters_beyond_ascii_pass_unharmed(stage: Stage) -> None:
    """A prompt is UTF-8 on its way in, and reaches the model as it was."""
    block = (await (await stage.agent(**FULL)).run(firstSequence=4, iterations=1)).all_succeeded()
    expected, came = BEYOND_ASCII.replace("{n}", "4"), block.requests[0].prompt
    expect(came == expected, f"the model was asked {came!r}, not {expected!r}")


@GROUP.check()
async def the_configuration_reaches_the_model_server(stage: Stage) -> None:
    """Model, instructions (the first message, role system), temperature, seed and maxTokens
    (num_predict) are sent; there is no thinking (`think` false), no streaming in the mode standard,
    and no option that would reload the model."""
    block = (await (await stage.agent(**FULL)).run(firstSequence=2, iterations=1)).all_succeeded()
    body = block.requests[0].body
    messages = [(message["role"], message["content"]) for message in body["messages"]]
    expect(messages == [("system", "Be brief."), ("user", "b")], f"the messages were {messages}")
    fields = {name: body.get(name) for name in ("model", "think", "stream")}
    expected_fields = {"model": "llama2", "think": False, "stream": False}
    expect(fields == expected_fields, f"the request had {fields}, not {expected_fields}")
    options = body.get("options") or {}
    expected_options = {"temperature": 0.5, "seed": 7, "num_predict": 9}
    expect(options == expected_options, f"the options were {options}, not {expected_options}")


@GROUP.check()
async def each_iteration_starts_afresh(stage: Stage) -> None:
    """In the scenario chat a request holds nothing of the calls before it, and there is one request
    for each iteration."""
    block = (await (await stage.agent()).run(iterations=3)).all_succeeded()
    sizes = [len(request.body["messages"]) for request in block.requests]
    expect(sizes == [1, 1, 1], f"the requests held {sizes} messages")


@GROUP.check()
async def the_connection_goes_to_the_checked_address(stage: Stage) -> None:
    """The agent dials `connectTo` and keeps the endpoint's own name in the header Host."""
    agent = await stage.agent(endpoint="http://localhost:9")
    block = (await agent.run(iterations=1)).all_succeeded()
    host = block.requests[0].headers.get("host")
    expect(host == "localhost:9", f"Host was {host}, not localhost:9")


@GROUP.check()
async def each_model_call_carries_its_trace(stage: Stage) -> None:
    """The header `traceparent` is 00-T-S-01 with T = the first 16 bytes of SHA-256("runId:n") and
    S = the first 8 of SHA-256("runId:n:1"), in hex; n is the iteration's number."""
    agent = await stage.agent()
    block = (await agent.run(firstSequence=7, iterations=2)).all_succeeded()
    for number, request in enumerate(block.requests, start=7):
        expected = trace_ids(block.asked.run_id, number, call=1).traceparent
        came = request.headers.get("traceparent")
        expect(came == expected, f"iteration {number} sent {came}, not {expected}")


@GROUP.check()
async def the_calls_of_a_warm_up_have_traces_of_their_own(stage: Stage) -> None:
    """Their ids are derived alike from the run id with ":warmup" behind it."""
    agent = await stage.agent()
    run_id = agent.new_run_id()
    await agent.warm_up(runId=run_id, iterations=2)
    for number, request in enumerate(await stage.server.requests(), start=1):
        expected = trace_ids(warm_up_run_id(run_id), number, call=1).traceparent
        came = request.headers.get("traceparent")
        expect(came == expected, f"call {number} sent {came}, not {expected}")
