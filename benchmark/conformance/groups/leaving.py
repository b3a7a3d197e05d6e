"""How an agent ends."""

from benchmark.conformance.check import Group, expect, shown
from benchmark.conformance.stage import Stage

GROUP = Group("leaving")


@GROUP.check()
async def shutdown_is_answered_and_ends_the_agent(stage: Stage) -> None:
    """The answer is an empty object, then the process exits with status 0."""
    peer = await stage.newcomer()
    reply = await peer.ask("shutdown")
    expect(reply.get("result") == {}, f"the answer is {shown(reply)}")
    status = await peer.exit_status()
    expect(status == 0, f"the status is {status}")


@GROUP.check()
async def the_end_of_its_input_ends_the_agent(stage: Stage) -> None:
    """Even in the middle of a call: nothing of a backend that has gone is worth finishing."""
    agent = await stage.agent()
    await stage.server.get_stuck()
    await (await agent.begin()).has_requests(1)
    await agent.peer.close_input()
    await agent.peer.exit_status()
    await stage.retire(agent.peer)
