"""What a check works with: agents of the command under test, and the model server they ask."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from time import monotonic_ns
from typing import Any

import anyio
from anyio.abc import TaskGroup
from pydantic import ValidationError

from shared_models.agent_protocol import (
    InitializeResult,
    RunParams,
    Sample,
    WarmupResult,
)
from shared_models.configuration import TestConfiguration, TestMode

from .block import Block, block_params, first_fault, result_of, samples_of
from .errors import Breach, Unjudgeable
from .model_server import ModelServer
from .peer import AgentPeer, start_peer

SETTLE_S = 0.15


class Agent:
    """An agent that has been introduced to the model server."""

    def __init__(self, peer: AgentPeer, server: ModelServer, told: InitializeResult) -> None:
        self.peer = peer
        self.server = server
        self.told = told
        self._blocks = 0

    def new_run_id(self) -> str:
        """Return a run id that this agent has not seen."""
        self._blocks += 1
        return f"check-{self.peer.pid}-{self._blocks}"

    async def run(self, mode: TestMode = "standard", **changes: Any) -> Block:
        """Run a block to its end."""
        return await (await self.begin(mode, **changes)).finish()

    async def begin(self, mode: TestMode = "standard", **changes: Any) -> "RunningBlock":
        """Start a block; `changes` are parameters of `run` under their wire names."""
        params = {"runId": self.new_run_id(), **block_params(mode, **changes)}
        began = RunningBlock(self, params, heard_before=len(self.peer.heard))
        began.request = await self.peer.request("run", **params)
        return began

    async def warm_up(self, **params: Any) -> list[Sample]:
        """Return the samples of a warm-up; raises Breach when it is refused."""
        return self.warm_up_samples(
            await self.peer.ask("warmup", **{"runId": self.new_run_id(), **params})
        )

    def warm_up_samples(self, reply: dict[str, Any]) -> list[Sample]:
        """Return the samples in the reply to a warm-up; raises Breach when it is a refusal."""
        if "result" not in reply:
            raise Breach(f"warmup was refused: {reply['error']}")
        try:
            return list(WarmupResult.model_validate(reply["result"]).samples)
        except ValidationError as error:
            raise Unjudgeable(f"the result of warmup is malformed: {first_fault(error)}") from None

    async def cancel(self, run_id: str) -> bool:
        """Return whether the agent says that it has cancelled the run."""
        reply = await self.peer.ask("cancel", runId=run_id)
        if not isinstance(reply.get("result"), dict):
            raise Breach(f"cancel was refused: {reply.get('error')}")
        return bool(reply["result"].get("cancelled"))

    async def has_requests(self, count: int) -> None:
        """Return once `count` calls have reached the model server; raises Breach if they do not."""
        with anyio.move_on_after(self.peer.patience_s):
            await self.server.has_requests(count)
            return
        came = len(await self.server.requests())
        raise Breach(f"{came} calls reached the model server, not {count}")


class RunningBlock:
    """A block under way."""

    def __init__(self, agent: Agent, params: dict[str, Any], *, heard_before: int) -> None:
        self.run_id: str = params["runId"]
        self.request = 0
        self._agent = agent
        self._params = params
        self._heard_before = heard_before
        self._began_at_ns = monotonic_ns()

    async def finish(self) -> Block:
        """Return the block once the agent has answered."""
        peer = self._agent.peer
        reply = await peer.reply_to(self.request)
        ended_at_ns = monotonic_ns()
        heard = peer.heard[self._heard_before :]
        result = result_of(reply)
        samples, came_ns = samples_of(self.run_id, heard)
        return Block(
            asked=RunParams.model_validate(self._params),
            result=result,
            samples=samples,
            requests=await self._agent.server.requests(),
            began_at_ns=self._began_at_ns,
            heard_at_ns=came_ns,
            ended_at_ns=ended_at_ns,
        )

    async def has_requests(self, count: int) -> None:
        """Return once `count` calls have reached the model server; raises Breach if they do not."""
        await self._agent.has_requests(count)


class Stage:
    """Starts agents when a check asks for one, and keeps those that are still good for the next."""

    def __init__(
        self, command: Sequence[str], server: ModelServer, group: TaskGroup, *, patience_s: float
    ) -> None:
        """`group` runs the agents' readers."""
        self.server = server
        self.peers: list[AgentPeer] = []
        """Every agent that was started, for the checks of the whole conversation."""
        self.identity: InitializeResult | None = None
        """What the first agent told about itself."""
        self.timed_blocks: dict[TestMode, Block] = {}
        """Blocks that ran for a time, for the checks that look at the same one."""
        self._command = command
        self._group = group
        self.patience_s = patience_s
        self._newcomer: AgentPeer | None = None
        self._agents: dict[str, Agent] = {}

    async def newcomer(self, *, fresh: bool = False) -> AgentPeer:
        """Return an agent that nobody has introduced yet; a `fresh` one has not been spoken to."""
        if fresh and self._newcomer is not None and self._newcomer.heard:
            await self.retire(self._newcomer)
        if self._newcomer is None or self._newcomer.ended:
            self._newcomer = await self._start()
        return self._newcomer

    async def agent(self, *, connect_to: str | None = None, **configuration: Any) -> Agent:
        """Return an agent that was introduced with `configuration` (wire names).

        Unless told otherwise its endpoint and its address are the model server's. Raises Breach
        when it refuses this configuration, Unjudgeable when it refuses the default one.
        """
        key = _key(connect_to, configuration)
        if key not in self._agents or self._agents[key].peer.ended:
            self._agents.pop(key, None)
            reply = await self.introduce(connect_to=connect_to, **configuration)
            if key not in self._agents:
                kind = Breach if configuration else Unjudgeable
                raise kind(f"initialize with {configuration} was answered with {reply}")
        return self._agents[key]

    async def introduce(
        self, *, connect_to: str | None = None, **configuration: Any
    ) -> dict[str, Any]:
        """Introduce a newcomer and return its reply; it is kept when the reply is a good one."""
        peer = await self.newcomer()
        params = self.introduction(connect_to=connect_to, **configuration)
        reply = await peer.ask("initialize", **params)
        if "result" in reply:
            self._newcomer = None
            with suppress(ValidationError):
                told = InitializeResult.model_validate(reply["result"])
                self.identity = self.identity or told
                key = _key(connect_to, configuration)
                self._agents[key] = Agent(peer, self.server, told)
        return reply

    def introduction(
        self, *, connect_to: str | None = None, **configuration: Any
    ) -> dict[str, Any]:
        """Return the parameters of an `initialize` as a backend would send it."""
        wanted = TestConfiguration.model_validate({"endpoint": self.server.url, **configuration})
        return {
            "protocolVersion": 1,
            "configuration": wanted.model_dump(exclude_none=True),
            "connectTo": connect_to or self.server.address,
        }

    async def settle(self) -> None:
        """Wait a moment for what should not happen."""
        await anyio.sleep(SETTLE_S)

    async def retire(self, peer: AgentPeer) -> None:
        """End an agent; the next check that needs such a one gets a new one."""
        await peer.kill()
        self._newcomer = None if self._newcomer is peer else self._newcomer
        self._agents = {k: agent for k, agent in self._agents.items() if agent.peer is not peer}

    async def retire_all(self) -> None:
        """End all agents."""
        for peer in self.peers:
            await self.retire(peer)

    async def _start(self) -> AgentPeer:
        peer = await start_peer(self._command, patience_s=self.patience_s)
        self.peers.append(peer)
        self._group.start_soon(peer.read_protocol)
        self._group.start_soon(peer.drain_log)
        return peer


def _key(connect_to: str | None, configuration: dict[str, Any]) -> str:
    return repr((connect_to, sorted(configuration.items())))


@asynccontextmanager
async def open_stage(
    command: Sequence[str], server: ModelServer, *, patience_s: float
) -> AsyncIterator[Stage]:
    """Yield a stage; all its agents are gone afterwards."""
    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        stage = Stage(command, server, group, patience_s=patience_s)
        try:
            yield stage
        except Exception as error:  # kept out of the task group, which would wrap it
            failure = error
        finally:
            with anyio.CancelScope(shield=True):
                await stage.retire_all()
            group.cancel_scope.cancel()
    for peer in stage.peers:
        await peer.let_go()
    if failure is not None:
        raise failure
