"""The agent processes of one run: one as a rule, `agentProcesses` of them at once on request.

They live and end together: what fails on one of them fails the run, and the others are ended.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import NoReturn, TypeVar

import anyio

from shared_models.agent_protocol import (
    CancelParams,
    CancelResult,
    InitializeParams,
    InitializeResult,
    RunParams,
    RunResult,
    RuntimeStatistics,
    Sample,
    SamplesParams,
    WarmupParams,
    WarmupResult,
)

from .bridge import AgentBridge, open_bridge
from .errors import BridgeError

INITIALIZE_DEADLINE_S = 30.0
CALL_DEADLINE_S = 5.0

OnSamples = Callable[[int, SamplesParams], None]
"""Called with the place of the process among its kind, from 0, and what it sent."""
Answer = TypeVar("Answer")


class Agents:
    """All agent processes of a run, asked as one. Made by `open_agents`.

    Every request raises what the first of them to fail raised (BridgeError).
    """

    def __init__(self, bridges: Sequence[AgentBridge]) -> None:
        self._bridges = bridges

    @property
    def pids(self) -> list[int]:
        """The process ids."""
        return [bridge.pid for bridge in self._bridges]

    async def initialize(self, params: InitializeParams) -> InitializeResult:
        """Introduce the run to each; they are all the same agent."""
        answers = await self._each(
            lambda _, bridge: bridge.call(
                "initialize", params, InitializeResult, silence_s=INITIALIZE_DEADLINE_S
            )
        )
        return answers[0]

    async def warm_up(self, params: WarmupParams, *, silence_s: float) -> list[list[Sample]]:
        """Make untimed calls on each; return the samples of each process."""
        answers = await self._each(
            lambda _, bridge: bridge.call("warmup", params, WarmupResult, silence_s=silence_s)
        )
        return [answer.samples for answer in answers]

    async def run(
        self, shares: Sequence[RunParams | None], *, silence_s: float
    ) -> list[RunResult | None]:
        """Run one block, each process its share; a process without one sits it out."""

        async def run(process: int, bridge: AgentBridge) -> RunResult | None:
            share = shares[process]
            if share is None:
                return None
            return await bridge.call("run", share, RunResult, silence_s=silence_s)

        return await self._each(run)

    async def cancel(self, run_id: str) -> None:
        """Ask each to abort its calls in flight."""
        params = CancelParams(run_id=run_id)
        await self._each(
            lambda _, bridge: bridge.call("cancel", params, CancelResult, silence_s=CALL_DEADLINE_S)
        )

    async def statistics(self) -> list[RuntimeStatistics]:
        """Return the runtime's own counters of each process."""
        return await self._each(
            lambda _, bridge: bridge.call(
                "runtimeStatistics", None, RuntimeStatistics, silence_s=CALL_DEADLINE_S
            )
        )

    async def watch(self) -> NoReturn:
        """Wait until one of them fails, and raise that; for times when none is asked anything."""
        await self._each(lambda _, bridge: bridge.watch())
        raise AssertionError("a watch ends by raising only")

    async def _each(self, ask: Callable[[int, AgentBridge], Awaitable[Answer]]) -> list[Answer]:
        if len(self._bridges) == 1:  # the usual case needs no tasks
            return [await ask(0, self._bridges[0])]
        answers: dict[int, Answer] = {}
        failures: list[BridgeError] = []

        async def one(process: int, bridge: AgentBridge) -> None:
            try:
                answers[process] = await ask(process, bridge)
            except BridgeError as error:
                failures.append(error)
                group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            for process, bridge in enumerate(self._bridges):
                group.start_soon(one, process, bridge)
        if failures:
            raise failures[0]
        return [answers[process] for process in range(len(self._bridges))]


@asynccontextmanager
async def open_agents(
    command: Sequence[str], count: int, on_samples: OnSamples
) -> AsyncIterator[Agents]:
    """Start `count` agents and talk to them inside the block; afterwards all of them are gone.

    Raises AgentUnavailable when the command cannot be started.
    """
    async with AsyncExitStack() as stack:
        bridges = [
            await stack.enter_async_context(open_bridge(command, partial(on_samples, process)))
            for process in range(count)
        ]
        try:
            yield Agents(bridges)
        finally:
            # All are told to go before the first one is waited for.
            with anyio.CancelScope(shield=True):
                for bridge in bridges:
                    await bridge.hang_up()
