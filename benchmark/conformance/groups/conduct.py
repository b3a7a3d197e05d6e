"""What held over the whole conversation with every agent that was started."""

from typing import Any

from pydantic import ValidationError

from benchmark.conformance.block import first_fault
from benchmark.conformance.check import Group, expect, shown
from benchmark.conformance.errors import Unjudgeable
from benchmark.conformance.peer import AgentPeer
from benchmark.conformance.stage import Stage
from shared_models.agent_protocol import (
    CancelResult,
    InitializeResult,
    RpcResponse,
    RunResult,
    RuntimeStatistics,
    SamplesParams,
    WarmupResult,
)
from shared_models.wire import WireModel

GROUP = Group("conduct")

RESULTS: dict[str, type[WireModel]] = {
    "initialize": InitializeResult,
    "warmup": WarmupResult,
    "run": RunResult,
    "cancel": CancelResult,
    "runtimeStatistics": RuntimeStatistics,
}


@GROUP.check()
async def stdout_holds_nothing_but_the_protocol(stage: Stage) -> str:
    """Every line is a JSON-RPC 2.0 object: one reply to each request, errors with id null, and
    `samples` notifications; logs go to stderr."""
    for peer in stage.peers:
        expect(not peer.stray, f"the agent also wrote {shown(peer.stray)}")
    return f"{sum(len(peer.heard) for peer in stage.peers)} messages"


@GROUP.check()
async def every_message_has_its_form(stage: Stage) -> None:
    """Samples, results and errors have the documented fields and types, no others, and no negative
    number; what is unknown is absent or null."""
    if not any(peer.heard for peer in stage.peers):
        raise Unjudgeable("no message came")
    for peer in stage.peers:
        for heard in peer.heard:
            try:
                _validate(peer, heard.message)
            except ValidationError as error:
                expect(False, f"{first_fault(error)} in {shown(heard.message)}")


def _validate(peer: AgentPeer, message: dict[str, Any]) -> None:
    if "method" in message:
        SamplesParams.model_validate(message.get("params"))
        return
    RpcResponse.model_validate(message)
    method = peer.asked.get(message.get("id") or 0)
    if "result" in message and method in RESULTS:
        RESULTS[method].model_validate(message["result"])


@GROUP.check()
async def samples_belong_to_the_run_under_way(stage: Stage) -> None:
    """A `samples` notification names the run that was asked for and comes before its result."""
    if not any("method" in heard.message for peer in stage.peers for heard in peer.heard):
        raise Unjudgeable("no samples came")
    for peer in stage.peers:
        answered = {heard.message.get("id"): at for at, heard in enumerate(peer.heard)}
        for at, heard in enumerate(peer.heard):
            if "method" in heard.message:
                run_id = heard.message.get("params", {}).get("runId")
                under_way = any(
                    run.run_id == run_id
                    and run.heard_before <= at < answered.get(number, len(peer.heard))
                    for number, run in peer.runs.items()
                )
                expect(under_way, f"samples of {run_id} came while it was not under way")
