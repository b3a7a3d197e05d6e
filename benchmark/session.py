"""One run from start to end: fresh agent processes, the warm-up, the timed blocks, the figures."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic, monotonic_ns

import anyio
import structlog
from anyio.abc import TaskGroup

from service_defaults.endpoints import EndpointPolicy
from service_defaults.errors import EndpointError
from shared_models.agent_protocol import (
    InitializeParams,
    SamplesParams,
)
from shared_models.configuration import TestConfiguration
from shared_models.results import TestResult

from .agents import Agents, open_agents
from .blocks import Block, BlockPlan, Grant
from .errors import BridgeError, BridgeProtocol, ModelNotFound, RunError
from .launcher import AgentLauncher
from .machine import load_average
from .metrics import RunRecord, WarmUp, columns_for
from .preflight import load_model, look_at_server
from .resources import ResourceSampler
from .sample_log import SampleLog
from .states import RunState, is_terminal, transition
from .warm_up import MAX_CONSECUTIVE_FAILURES, WarmUpCalls

SILENCE_MARGIN_S = 10.0
STOP_GRACE_S = 1.0
IDLE_LIMIT_S = 120.0
STOPPED = "Stopped on request"

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockEnd:
    """A block that was asked for: where its samples lie in the log, and what it took."""

    first_position: int
    wall_ns: int
    dropped: int


class RunSession:
    """One run. `execute` is its whole life; everything else looks at it or asks it to end."""

    def __init__(self, launcher: AgentLauncher, configuration: TestConfiguration) -> None:
        """`configuration` is complete: its endpoint has been filled in and checked."""
        self.id = uuid.uuid4().hex
        self.configuration = configuration
        self.state = RunState.IDLE
        self.message: str | None = None
        self.failure_kind: str | None = None
        self.result: TestResult | None = None
        """Kept once it has been made of a run that has ended."""
        self.finished = anyio.Event()
        self.started_at = monotonic()
        self.ended_at: float | None = None
        columns = columns_for(configuration)
        self.record = RunRecord(
            configuration=configuration,
            description=launcher.description,
            started_at=datetime.now(UTC),
            load_average=load_average(),
            samples=SampleLog(columns),
            columns=columns,
            warm_up=WarmUp(),
        )
        self._launcher = launcher
        self._plan = BlockPlan(configuration, self.id)
        self._grant = self._plan.whole()
        self._block: Block | None = None
        self._clock_start_ns: int | None = None
        self._block_started_ns = 0
        self._seen_alive = monotonic()
        self._changed = anyio.Event()
        self._scope = anyio.CancelScope()
        self._agents: Agents | None = None
        self._group: TaskGroup | None = None
        self._stop_reason: str | None = None
        self._given_up: RunError | None = None

    @property
    def next_change(self) -> anyio.Event:
        """Set at the next sample or state change; take it before looking, lest one be missed."""
        return self._changed

    async def execute(self, policy: EndpointPolicy) -> None:
        """Run to the end; never raises for what can go wrong in a run."""
        self._enter(RunState.STARTING)
        try:
            with self._scope:
                await self._measure(policy)
        except (RunError, EndpointError) as error:
            self._end(self._given_up or error)
        except Exception as error:
            _log.exception("run_failed", session=self.id)
            self._end(RunError(f"the run failed inside the service: {type(error).__name__}"))
        else:
            self._end(self._given_up)

    async def stop(self, *, reason: str = STOPPED, grace_s: float = STOP_GRACE_S) -> None:
        """End the run: the agent aborts its call, or is killed after `grace_s`. Idempotent."""
        if is_terminal(self.state):
            return
        self._stop_reason = self._stop_reason or reason
        self._notify()
        with anyio.move_on_after(grace_s):
            await self._cancel_agents()
            await self.finished.wait()
        self._scope.cancel()
        await self.finished.wait()

    def refusal(self, grant: Grant) -> tuple[str, str] | None:
        """Return the field and the reason for which a block cannot be granted, or None."""
        return self._plan.refusal(grant)

    def touch(self) -> None:
        """Notice that somebody still cares for this run: a gated one waits for its next block."""
        self._seen_alive = monotonic()

    async def settled(self) -> None:
        """Wait until a gated run waits for its next block, or has ended."""
        while not (self.state is RunState.WAITING or is_terminal(self.state)):
            await self._changed.wait()

    async def advance(self, grant: Grant) -> BlockEnd:
        """Run the next block of a gated run, which must be settled, and return when it is over.

        A run that ends with this block, or fails in it, has ended when this returns.
        """
        first_position, self._block = len(self.record.samples), None
        if not is_terminal(self.state):
            self._grant = grant
            self._enter(RunState.RUNNING)
            await self.settled()
        return self._block_end(first_position)

    def _block_end(self, first_position: int) -> BlockEnd:
        block = self._block
        if block is None:  # the run ended before it came to this block
            return BlockEnd(first_position=first_position, wall_ns=0, dropped=0)
        wall_ns = self.record.samples.block_ns if block.wall_ns is None else block.wall_ns
        return BlockEnd(first_position=first_position, wall_ns=wall_ns, dropped=block.dropped)

    @property
    def timed_s(self) -> float:
        """The time of the blocks so far (s), the running one included, the gaps left out."""
        if self._block is None or self.state is not RunState.RUNNING:
            return self._plan.granted_s
        return self._plan.granted_s + (monotonic_ns() - self._block_started_ns) / 1e9

    async def _measure(self, policy: EndpointPolicy) -> None:
        configuration = self.configuration
        checked = await policy.check(configuration.endpoint or "")
        server = self.record.server = await look_at_server(checked, configuration.model)
        if _wants_the_model_loaded(configuration):
            self.record.model_load_ms = await load_model(checked, server, configuration.model)
        command = await self._launcher.command(configuration.flavour)
        self.record.agent_origin = self._launcher.origin_of(configuration.flavour)
        spawned = monotonic()
        count = configuration.agent_processes
        async with open_agents(command, count, self._on_samples) as agents:
            self._agents = agents
            params = InitializeParams(configuration=configuration, connect_to=server.connect_to)
            self.record.agent = await agents.initialize(params)
            self.record.spawn_ms = (monotonic() - spawned) * 1e3
            await self._with_sampling(agents, self._warm_up_and_run)

    async def _with_sampling(
        self, agents: Agents, work: Callable[[Agents], Awaitable[None]]
    ) -> None:
        sampler = self.record.resources = ResourceSampler(agents.pids)
        failure: Exception | None = None
        async with anyio.create_task_group() as group:
            self._group = group
            group.start_soon(sampler.run)
            try:
                await work(agents)
            except Exception as error:  # kept out of the task group, which would wrap it
                failure = error
            sampler.finish()
            group.cancel_scope.cancel()
        self._group = None
        if failure is not None:
            raise failure

    async def _warm_up_and_run(self, agents: Agents) -> None:
        self._enter(RunState.WARMING_UP)
        calls = WarmUpCalls(self.record, self.id, margin_s=SILENCE_MARGIN_S)
        await calls.make(agents, may_end=lambda: self._may_end_early)
        while not (self._may_end_early or self._plan.is_used_up):
            if self.configuration.gated:
                await self._wait_for_grant(agents)
            else:
                self._enter(RunState.RUNNING)
            if not self._may_end_early:
                await self._run_block(agents)
        if not self._may_end_early:
            self.record.runtimes = await agents.statistics()

    async def _wait_for_grant(self, agents: Agents) -> None:
        """Return when a block has been granted, or when the run is to end."""
        self.touch()
        self._enter(RunState.WAITING)
        failure: BridgeError | None = None

        async def watch() -> None:
            nonlocal failure
            try:
                await agents.watch()
            except BridgeError as error:
                failure = error
                group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            while self.state is RunState.WAITING and not self._may_end_early:
                left_s = self._seen_alive + IDLE_LIMIT_S - monotonic()
                if left_s <= 0:
                    self._stop_reason = f"Stopped: no block was asked for in {IDLE_LIMIT_S:g} s"
                with anyio.move_on_after(left_s):
                    await self._changed.wait()
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _run_block(self, agents: Agents) -> None:
        self.record.samples.open_block()
        started_ns = self._block_started_ns = monotonic_ns()
        if self._clock_start_ns is None:
            self._clock_start_ns = started_ns
        shares = self._plan.shares(self._grant)
        block = self._block = Block(shares, offset_ns=started_ns - self._clock_start_ns)
        results = await agents.run(shares, silence_s=self._silence_s())
        block.end(results, early=self._may_end_early)
        self.record.dropped += block.dropped
        self._plan.take(self._grant, results)

    @property
    def _may_end_early(self) -> bool:
        return self._stop_reason is not None or self._given_up is not None

    def _silence_s(self) -> float:
        margin_s = SILENCE_MARGIN_S + self._plan.silence_s()
        return self.configuration.request_timeout_seconds + margin_s

    def _on_samples(self, process: int, params: SamplesParams) -> None:
        block = self._block
        if params.run_id != self.id or self.state is not RunState.RUNNING or block is None:
            raise BridgeProtocol("the agent sent samples that belong to no run")
        block.receive(process, params.samples)
        log = self.record.samples
        log.extend(params.samples, offset_ns=block.offset_ns, process=process)
        if process == 0:
            self.record.look_at_first(params.samples)
        if log.consecutive_failures and self._given_up is None:
            self._consider_giving_up(log)
        self._notify()

    def _consider_giving_up(self, log: SampleLog) -> None:
        if log.failures["model-not-found"]:
            self._give_up(ModelNotFound(f"the model {self.configuration.model} was not found"))
        elif log.consecutive_failures >= MAX_CONSECUTIVE_FAILURES:
            text = f"{MAX_CONSECUTIVE_FAILURES} calls in a row failed: {log.last_error}"
            self._give_up(RunError(text))

    def _give_up(self, reason: RunError) -> None:
        self._given_up = reason
        if self._group is not None:
            self._group.start_soon(self._cancel_agents)

    async def _cancel_agents(self) -> None:
        """Ask the agents to abort; where they cannot be asked, end the run from outside."""
        if self._agents is None:
            self._scope.cancel()
            return
        try:
            await self._agents.cancel(self.id)
        except BridgeError:
            self._scope.cancel()

    def _enter(self, state: RunState) -> None:
        self.state = transition(self.state, state)
        self._notify()

    def _end(self, error: Exception | None) -> None:
        if self._stop_reason is not None:
            self.message = self._stop_reason
            self.state = transition(self.state, RunState.STOPPED)
        elif error is not None:
            self.message = str(error)
            self.failure_kind = getattr(error, "kind", "run-failed")
            self.state = transition(self.state, RunState.FAILED)
        else:
            self.state = transition(self.state, RunState.COMPLETED)
        self.ended_at = monotonic()
        _log.info("run_ended", session=self.id, state=self.state.value, reason=self.message)
        self.finished.set()
        self._notify()

    def _notify(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()


def _wants_the_model_loaded(configuration: TestConfiguration) -> bool:
    """Whether the model is loaded before the first call, as a figure of its own.

    Only for runs that ask for steady calls: the original's plain run shows what a first user
    feels, the loading of the model included.
    """
    return (
        configuration.gated
        or configuration.warmup_iterations == "auto"
        or configuration.warmup_seconds is not None
    )
