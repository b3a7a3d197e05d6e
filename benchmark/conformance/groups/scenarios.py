"""The scenarios beside chat: what an iteration consists of, and what its sample tells."""

import re
from collections.abc import Sequence
from typing import Any

from benchmark.conformance.block import Block
from benchmark.conformance.check import Group, expect, shown
from benchmark.conformance.stage import Stage
from shared_models.agent_protocol import Sample
from shared_models.configuration import TestMode
from shared_models.trace_ids import trace_ids

GROUP = Group("scenarios")

TOOLS = {
    "add_numbers": (
        "Add two whole numbers.",
        {
            "a": {"type": "integer", "description": "The first number."},
            "b": {"type": "integer", "description": "The second number."},
        },
    ),
    "count_words": (
        "Count the words of a text.",
        {"text": {"type": "string", "description": "The text."}},
    ),
}
ANSWER = {"city": "string", "country": "string", "population": "integer"}
CALLS_ASKED_FOR = 2
"""The simulator answers an offer of tools with so many calls, then with a text."""
TURNS = 3


async def _tools(stage: Stage, mode: TestMode = "standard") -> Block:
    agent = await stage.agent(scenario="tools")
    return (await agent.run(mode, iterations=3)).all_succeeded()


@GROUP.check(scenario="tools")
async def the_two_tools_are_offered(stage: Stage) -> None:
    """Each request offers `add_numbers` and `count_words` as functions, with the documented texts,
    parameters and required lists."""
    for request in (await _tools(stage)).requests:
        offered = {}
        for tool in request.body.get("tools") or []:
            function = tool["function"]
            parameters = function["parameters"]
            expect(tool["type"] == "function", f"a tool has the type {tool['type']}")
            required = sorted(parameters.get("required") or [])
            properties = parameters.get("properties") or {}
            expect(required == sorted(properties), f"{function['name']} requires {required}")
            offered[function["name"]] = (function["description"], properties)
        expect(offered == TOOLS, f"the tools were {shown(offered)}")


@GROUP.check(scenario="tools")
async def each_call_is_done_and_its_result_sent_back(stage: Stage) -> None:
    """An iteration asks the model twice: the second request holds one message of the role tool for
    each call, with its result in the text (some client libraries wrap it)."""
    block = await _tools(stage)
    asked = len(block.requests)
    expect(asked == 2 * len(block.samples), f"{len(block.samples)} iterations, {asked} requests")
    for request in block.requests[1::2]:
        messages = request.body["messages"]
        calls = next(m["tool_calls"] for m in reversed(messages) if m.get("tool_calls"))
        expected = [_result(call["function"]) for call in calls]
        came = [message["content"] for message in messages if message["role"] == "tool"]
        told = f"the results were {came}, not {expected}"
        expect(len(came) == len(expected), told)
        for text, result in zip(came, expected, strict=True):
            expect(re.search(rf"(?<![\w-]){result}(?!\w)", text) is not None, told)


def _result(function: dict[str, Any]) -> str:
    arguments = function["arguments"]
    if function["name"] == "add_numbers":
        return str(arguments["a"] + arguments["b"])
    return str(len(arguments["text"].split()))


@GROUP.check(scenario="tools")
async def tool_calls_are_counted_and_timed(stage: Stage) -> None:
    """A sample has `toolCalls` 2, `toolNs` and two entries in `calls`; its sums are over both, and
    durationNs ≥ transportNs + toolNs."""
    await stage.server.set_latency(latency_ms=2)
    for sample in (await _tools(stage)).samples:
        number = sample.sequence
        expect(sample.tool_calls == CALLS_ASKED_FOR, f"toolCalls is {sample.tool_calls}")
        expect(len(sample.calls) == 2, f"sample {number} has {len(sample.calls)} calls")
        if sample.tool_ns is None or sample.transport_ns is None:
            expect(False, f"sample {number} lacks toolNs or transportNs")
            continue
        own_ns = sample.duration_ns - sample.transport_ns - sample.tool_ns
        expect(own_ns >= 0, f"sample {number}: transportNs and toolNs exceed it by {-own_ns} ns")
        _expect_sums(sample)


def _expect_sums(sample: Sample) -> None:
    for name in ("transport_ns", "model_ns", "prompt_tokens", "completion_tokens"):
        parts = [getattr(call, name) for call in sample.calls]
        whole, total = getattr(sample, name), None if None in parts else sum(parts)
        expect(whole == total, f"{name} of sample {sample.sequence} is {whole}, not {total}")


@GROUP.check(scenario="tools")
async def each_call_of_an_iteration_has_its_own_span(stage: Stage) -> None:
    """The model calls 1 and 2 of iteration n share its trace; the span of call k is from
    SHA-256("runId:n:k")."""
    block = await _tools(stage)
    for index, request in enumerate(block.requests):
        expected = trace_ids(block.asked.run_id, index // 2 + 1, call=index % 2 + 1).traceparent
        came = request.headers.get("traceparent")
        expect(came == expected, f"request {index + 1} sent {came}, not {expected}")


# Sessions outlive a block, so each check of the conversation ends at the end of a session.


@GROUP.check(scenario="conversation")
async def turns_are_counted_and_sessions_end(stage: Stage) -> None:
    """With `turns` 3, iteration n is turn ((n − 1) mod 3) + 1; each request holds the session so
    far, and the first of a new session nothing."""
    agent = await stage.agent(scenario="conversation", turns=TURNS)
    block = (await agent.run(iterations=6)).all_succeeded()
    _expect_turns(block.samples, [1, 2, 3, 1, 2, 3])
    sizes = [len(request.body["messages"]) for request in block.requests]
    expect(sizes == [1, 3, 5, 1, 3, 5], f"the requests held {sizes} messages")
    second = [message["content"] for message in block.requests[1].body["messages"]]
    expect(second[0] == block.requests[0].prompt, f"the second turn held {shown(second)}")


@GROUP.check(scenario="conversation")
async def sessions_outlive_a_block_but_not_a_warm_up(stage: Stage) -> None:
    """A block goes on where the last one stopped; the sessions of a warm-up are its own."""
    agent = await stage.agent(scenario="conversation", turns=TURNS)
    run_id = agent.new_run_id()
    await agent.warm_up(runId=run_id, iterations=1)
    first = (await agent.run(runId=run_id, iterations=2)).all_succeeded()
    second = (await agent.run(runId=run_id, iterations=4, firstSequence=3)).all_succeeded()
    _expect_turns([*first.samples, *second.samples], [1, 2, 3, 1, 2, 3])


@GROUP.check(scenario="conversation")
async def a_failed_turn_ends_its_session(stage: Stage) -> None:
    """The iteration after a failed one is turn 1 of a new session."""
    agent = await stage.agent(scenario="conversation", turns=TURNS)
    await stage.server.plan_fault(kind="status", status=500, after=1, count=1)
    block = await agent.run(iterations=5)
    outcomes = [sample.outcome for sample in block.samples]
    expect(outcomes == ["ok", "error", "ok", "ok", "ok"], f"the turns ended as {outcomes}")
    _expect_turns(block.samples, [1, 2, 1, 2, 3])


def _expect_turns(samples: Sequence[Sample], expected: list[int]) -> None:
    turns = [sample.turn for sample in samples]
    expect(turns == expected, f"the turns were {turns}, not {expected}")


@GROUP.check(scenario="structured")
async def the_format_is_asked_for(stage: Stage) -> None:
    """`format` is the JSON schema of {city: string, country: string, population: integer}, all of
    them required."""
    agent = await stage.agent(scenario="structured")
    block = await agent.run(iterations=1)
    schema = block.requests[0].body.get("format")
    expect(isinstance(schema, dict), f"format was {shown(schema)}")
    assert isinstance(schema, dict)  # noqa: S101 - just checked
    types = {name: part.get("type") for name, part in (schema.get("properties") or {}).items()}
    expect(types == ANSWER, f"the properties were {types}, not {ANSWER}")
    required = sorted(schema.get("required") or [])
    expect(required == sorted(ANSWER), f"required were {required}")


@GROUP.check(scenario="structured")
async def a_good_answer_is_parsed(stage: Stage) -> None:
    """A sample whose answer became a typed object has `parsed` true."""
    block = (await (await stage.agent(scenario="structured")).run(iterations=3)).all_succeeded()
    parsed = [sample.parsed for sample in block.samples]
    expect(parsed == [True] * 3, f"parsed was {parsed}")


@GROUP.check(scenario="structured")
async def an_answer_of_another_form_is_an_invalid_reply(stage: Stage) -> None:
    """An answer that is no such object is an error, invalid-reply, with `parsed` false."""
    agent = await stage.agent(scenario="structured")
    await stage.server.plan_fault(kind="invalid-structured", after=1, count=1)
    block = await agent.run(iterations=3)
    came = [(sample.outcome, sample.error_kind, sample.parsed) for sample in block.samples]
    expected = [("ok", None, True), ("error", "invalid-reply", False), ("ok", None, True)]
    expect(came == expected, f"the calls ended as {came}, not {expected}")


@GROUP.check(scenario="tools", mode="streaming")
async def tools_work_in_a_stream(stage: Stage) -> None:
    """In the mode streaming, samples tell toolCalls, both model calls and the chunks."""
    for sample in (await _tools(stage, "streaming")).samples:
        came = (sample.tool_calls, len(sample.calls), bool(sample.chunks))
        told = f"sample {sample.sequence}: toolCalls {came[0]}, {came[1]} calls, chunks {came[2]}"
        expect(came == (CALLS_ASKED_FOR, 2, True), told)


@GROUP.check(scenario="conversation", mode="streaming")
async def a_conversation_works_in_a_stream(stage: Stage) -> None:
    """In the mode streaming, turns are counted and the session so far is sent."""
    agent = await stage.agent(scenario="conversation", turns=TURNS)
    block = (await agent.run("streaming", iterations=3)).all_succeeded()
    _expect_turns(block.samples, [1, 2, 3])
    sizes = [len(request.body["messages"]) for request in block.requests]
    expect(sizes == [1, 3, 5], f"the requests held {sizes} messages")


@GROUP.check(scenario="structured", mode="streaming")
async def a_structured_answer_works_in_a_stream(stage: Stage) -> None:
    """In the mode streaming, the answer is parsed at its end."""
    agent = await stage.agent(scenario="structured")
    block = (await agent.run("streaming", iterations=2)).all_succeeded()
    came = [(sample.parsed, bool(sample.chunks)) for sample in block.samples]
    expect(came == [(True, True)] * 2, f"parsed and chunks were {came}")
