"""How an agent says who it is, and what it refuses."""

from typing import Any, get_args

from pydantic import ValidationError

from benchmark.conformance.block import block_params, first_fault
from benchmark.conformance.check import Group, expect, expect_refusal, shown
from benchmark.conformance.errors import Breach
from benchmark.conformance.peer import AgentPeer
from benchmark.conformance.stage import Stage
from shared_models.agent_protocol import (
    BUSY,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    NOT_INITIALISED,
    UNSUPPORTED_MODE,
    InitializeResult,
    RuntimeStatistics,
)
from shared_models.configuration import DEFAULT_MODEL, Scenario, TestMode

GROUP = Group("introduction")


@GROUP.check()
async def nothing_works_before_the_introduction(stage: Stage) -> None:
    """`run`, `warmup`, `cancel` and `runtimeStatistics` are answered with −32001."""
    peer = await stage.newcomer()
    for method, params in {
        "run": {"runId": "r", **block_params("standard")},
        "warmup": {"runId": "r", "iterations": 1},
        "cancel": {"runId": "r"},
        "runtimeStatistics": {},
    }.items():
        expect_refusal(await peer.ask(method, **params), NOT_INITIALISED, asked=method)


@GROUP.check()
async def another_protocol_version_is_refused(stage: Stage) -> None:
    """`initialize` with protocolVersion 2 is answered with −32602."""
    peer = await stage.newcomer()
    params = stage.introduction() | {"protocolVersion": 2}
    reply = await _introduced(stage, peer, params)
    expect_refusal(reply, INVALID_PARAMS, asked="protocolVersion 2")


WRONG_CONFIGURATIONS: tuple[dict[str, Any], ...] = (
    {"model": 7},
    {"temperature": "warm"},
    {"seed": True},
    {"prompts": "a"},
)
UNKNOWN_WORDS: tuple[dict[str, Any], ...] = ({"testMode": "sideways"}, {"scenario": "surprise"})
FOR_THE_BACKEND: tuple[dict[str, Any], ...] = ({"batchSize": "10"}, {"surprise": 1})


@GROUP.check()
async def a_wrong_configuration_is_refused(stage: Stage) -> str:
    """A wrong type in a field that is the agent's is answered with −32602, an unknown mode or
    scenario with −32602 or −32005. The other fields are the backend's, which has checked them: the
    agent may refuse what is wrong there (−32602) or take it."""
    for wrong in WRONG_CONFIGURATIONS:
        expect_refusal(await _configured(stage, wrong), INVALID_PARAMS, asked=_asked(wrong))
    for wrong in UNKNOWN_WORDS:
        reply = await _configured(stage, wrong)
        expect_refusal(reply, INVALID_PARAMS, UNSUPPORTED_MODE, asked=_asked(wrong))
    taken = []
    for wrong in FOR_THE_BACKEND:
        reply = await _configured(stage, wrong)
        if "result" in reply:
            taken.append(shown(wrong))
        else:
            expect_refusal(reply, INVALID_PARAMS, asked=_asked(wrong))
    return f"of the backend's fields it takes {' and '.join(taken) or 'good ones only'}"


def _asked(configuration: dict[str, Any]) -> str:
    return f"the configuration {shown(configuration)}"


async def _configured(stage: Stage, changes: dict[str, Any]) -> dict[str, Any]:
    """Return a newcomer's reply to a configuration with `changes`."""
    peer = await stage.newcomer()
    params = stage.introduction()
    params["configuration"] |= changes
    return await _introduced(stage, peer, params)


@GROUP.check()
async def the_introduction_is_complete(stage: Stage) -> str:
    """The result of `initialize` has every field with its type; the process that was started is
    the agent itself; it claims at least the mode standard and the scenario chat."""
    peer = await stage.newcomer()
    reply = await stage.introduce()
    try:
        told = InitializeResult.model_validate(reply.get("result"))
    except ValidationError as error:
        raise Breach(f"{first_fault(error)} in {shown(reply)}") from None
    expect(told.process_id == peer.pid, f"processId is {told.process_id}, started was {peer.pid}")
    for name, value in told.model_dump().items():
        expect(value not in ("", []), f"{name} is empty")
    expect("standard" in told.modes, f"the modes are {told.modes}")
    expect("chat" in told.scenarios, f"the scenarios are {told.scenarios}")
    for names in (told.modes, told.scenarios):
        expect(len(set(names)) == len(names), f"{names} has a name twice")
    expect(told.flavour == "agent", f"asked for the flavour agent, it says {told.flavour}")
    return (
        f"{told.framework} {told.framework_version} with {told.client} {told.client_version} "
        f"on {told.runtime} {told.runtime_version}"
    )


@GROUP.check()
async def it_is_introduced_once(stage: Stage) -> None:
    """A second `initialize` is answered with −32600 and changes nothing."""
    agent = await stage.agent()
    again = stage.introduction(model="another")
    expect_refusal(
        await agent.peer.ask("initialize", **again), INVALID_REQUEST, asked="the second initialize"
    )
    block = (await agent.run(iterations=1)).all_succeeded()
    asked = block.requests[0].body.get("model")
    expect(asked == DEFAULT_MODEL, f"after it the model {asked} was asked")


@GROUP.check()
async def an_unknown_method_is_refused(stage: Stage) -> None:
    """It is answered with −32601."""
    agent = await stage.agent()
    expect_refusal(await agent.peer.ask("surprise"), METHOD_NOT_FOUND, asked="the method surprise")


WRONG_PARAMS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("run", {}),
    ("run", {"runId": 1}),
    ("run", {"iterations": 0}),
    ("run", {"iterations": "3"}),
    ("run", {"iterations": 1.5}),
    ("run", {"iterations": None, "durationSeconds": None}),
    ("run", {"durationSeconds": -1}),
    ("run", {"firstSequence": 0}),
    ("run", {"concurrency": 0}),
    ("run", {"surprise": 1}),
    ("warmup", {"iterations": -1}),
    ("warmup", {"surprise": 1}),
    ("cancel", {"runId": None}),
    ("cancel", {"surprise": 1}),
)


@GROUP.check()
async def wrong_parameters_are_refused(stage: Stage) -> None:
    """A wrong type, a value out of range, a missing and an unknown field are answered with −32602,
    an unknown mode with −32602 or −32005, and no call is made."""
    agent = await stage.agent()
    for method, wrong in WRONG_PARAMS:
        good = {
            "run": {"runId": "r", **block_params("standard")},
            "warmup": {"runId": "r", "iterations": 1},
            "cancel": {"runId": "r"},
        }[method]
        merged = (good | wrong) if wrong else {}
        params = {name: value for name, value in merged.items() if value is not None}
        reply = await agent.peer.ask(method, **params)
        expect_refusal(reply, INVALID_PARAMS, asked=f"{method} with {shown(params)}")
    unknown_mode = block_params("standard") | {"mode": "sideways"}
    sideways = await agent.peer.ask("run", runId="r", **unknown_mode)
    expect_refusal(sideways, INVALID_PARAMS, UNSUPPORTED_MODE, asked="a run in mode sideways")
    expect(not await stage.server.requests(), "a refused run has asked the model")


@GROUP.check()
async def what_it_does_not_claim_is_refused(stage: Stage) -> None:
    """A mode or a scenario of the protocol that the agent does not claim is answered with
    −32005."""
    agent = await stage.agent()
    for mode in set(get_args(TestMode)) - set(agent.told.modes):
        reply = await agent.peer.ask("run", runId="r", **block_params(mode))
        expect_refusal(reply, UNSUPPORTED_MODE, asked=f"a run in mode {mode}")
    for name, all_names, claimed in (
        ("scenario", get_args(Scenario), agent.told.scenarios),
        ("testMode", get_args(TestMode), agent.told.modes),
    ):
        for value in set(all_names) - set(claimed):
            peer = await stage.newcomer()
            # A rate is part of what makes a configuration of the mode rate a good one.
            params = stage.introduction(**{name: value, "ratePerSecond": 1.0})
            reply = await _introduced(stage, peer, params)
            expect_refusal(reply, UNSUPPORTED_MODE, asked=f"{name} {value}")


@GROUP.check()
async def a_flavour_is_had_or_refused(stage: Stage) -> str:
    """Asked for the flavour client, http or aot, the agent says that it is this one and can make a
    call, or answers with −32005."""
    had = []
    for flavour in ("client", "http", "aot"):
        reply = await stage.introduce(flavour=flavour)
        if "result" not in reply:
            expect_refusal(reply, UNSUPPORTED_MODE, asked=f"the flavour {flavour}")
            continue
        agent = await stage.agent(flavour=flavour)
        told = agent.told.flavour
        expect(told == flavour, f"asked for the flavour {flavour}, it says {told}")
        (await agent.run(iterations=1)).all_succeeded()
        await stage.retire(agent.peer)
        had.append(flavour)
    return f"has {', '.join(had) or 'none of them'}"


@GROUP.check()
async def only_one_block_runs_at_a_time(stage: Stage) -> None:
    """A `run` and a `warmup` during a run are answered with −32002 and do not disturb it."""
    agent = await stage.agent()
    await stage.server.pause(0.3)
    running = await agent.begin(iterations=2)
    await running.has_requests(1)
    second = await agent.peer.ask("run", runId="second", **block_params("standard"))
    warm_up = await agent.peer.ask("warmup", runId="second", iterations=1)
    block = await running.finish()
    expect_refusal(second, BUSY, asked="a second run")
    expect_refusal(warm_up, BUSY, asked="a warm-up during a run")
    block.all_succeeded()
    expect(block.result.completed == 2, f"the first run counts {block.result.completed} of 2 calls")
    expect(len(block.requests) == 2, f"the model was asked {len(block.requests)} times, not twice")


@GROUP.check()
async def the_runtimes_own_counters_can_be_read(stage: Stage) -> None:
    """`runtimeStatistics` is answered with whole numbers; what the runtime lacks is left out."""
    reply = await (await stage.agent()).peer.ask("runtimeStatistics")
    try:
        RuntimeStatistics.model_validate(reply.get("result"))
    except ValidationError as error:
        raise Breach(f"{first_fault(error)} in {shown(reply)}") from None


async def _introduced(stage: Stage, peer: AgentPeer, params: dict[str, Any]) -> dict[str, Any]:
    """Return the reply to an `initialize`; an agent that accepts it is a newcomer no longer."""
    reply = await peer.ask("initialize", **params)
    if "result" in reply:
        await stage.retire(peer)
    return reply
