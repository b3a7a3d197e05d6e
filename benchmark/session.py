"""One run from start to end: a fresh agent process, the warm-up, the timed block, the figures."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import monotonic

import anyio
import structlog
from anyio.abc import TaskGroup

from service_defaults.endpoints import EndpointPolicy
from service_defaults.errors import EndpointError
from shared_models.agent_protocol import (
    CancelParams,
    CancelResult,
    InitializeParams,
    InitializeResult,
    RunParams,
    RunResult,
    RuntimeStatistics,
    SamplesParams,
    WarmupParams,
    WarmupResult,
)
from shared_models.configuration import TestConfiguration

from .bridge import AgentBridge, open_bridge
from .errors import BridgeError, BridgeProtocol, ModelNotFound, RunError
from .launcher import AgentLauncher
from .machine import load_average
from .metrics import RunRecord, WarmUp
from .preflight import look_at_server
from .resources import ResourceSampler
from .sample_log import SampleLog
from .states import RunState, is_terminal, transition

INITIALIZE_DEADLINE_S = 30.0
CALL_DEADLINE_S = 5.0
SILENCE_MARGIN_S = 10.0
STOP_GRACE_S = 1.0
MAX_CONSECUTIVE_FAILURES = 5

_log = structlog.get_logger()


class RunSession:
    """One run. `execute` is its whole life; everything else looks at it or asks it to end."""

    def __init__(self, launcher: AgentLauncher, configuration: TestConfiguration) -> None:
        """`configuration` is complete: its endpoint has been filled in and checked."""
        self.id = uuid.uuid4().hex
        self.configuration = configuration
        self.state = RunState.IDLE
        self.message: str | None = None
        self.failure_kind: str | None = None
        self.finished = anyio.Event()
        self.started_at = monotonic()
        self.ended_at: float | None = None
        self.record = RunRecord(
            configuration=configuration,
            description=launcher.description,
            started_at=datetime.now(UTC),
            load_average=load_average(),
            samples=SampleLog(),
            warm_up=WarmUp(),
        )
        self._launcher = launcher
        self._changed = anyio.Event()
        self._scope = anyio.CancelScope()
        self._bridge: AgentBridge | None = None
        self._group: TaskGroup | None = None
        self._stop_requested = False
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

    async def stop(self, *, grace_s: float = STOP_GRACE_S) -> None:
        """End the run: the agent aborts its call, or is killed after `grace_s`. Idempotent."""
        if is_terminal(self.state):
            return
        self._stop_requested = True
        with anyio.move_on_after(grace_s):
            await self._cancel_agent()
            await self.finished.wait()
        self._scope.cancel()
        await self.finished.wait()

    async def _measure(self, policy: EndpointPolicy) -> None:
        checked = await policy.check(self.configuration.endpoint or "")
        server = self.record.server = await look_at_server(checked, self.configuration.model)
        command = await self._launcher.command(self.configuration.flavour)
        self.record.agent_origin = self._launcher.origin_of(self.configuration.flavour)
        spawned = monotonic()
        async with open_bridge(command, self._on_samples) as bridge:
            self._bridge = bridge
            params = InitializeParams(
                configuration=self.configuration, connect_to=server.connect_to
            )
            self.record.agent = await bridge.call(
                "initialize", params, InitializeResult, silence_s=INITIALIZE_DEADLINE_S
            )
            self.record.spawn_ms = (monotonic() - spawned) * 1e3
            await self._with_sampling(bridge, self._warm_up_and_run)

    async def _with_sampling(
        self, bridge: AgentBridge, work: Callable[[AgentBridge], Awaitable[None]]
    ) -> None:
        sampler = self.record.resources = ResourceSampler(bridge.pid)
        failure: Exception | None = None
        async with anyio.create_task_group() as group:
            self._group = group
            group.start_soon(sampler.run)
            try:
                await work(bridge)
            except Exception as error:  # kept out of the task group, which would wrap it
                failure = error
            sampler.finish()
            group.cancel_scope.cancel()
        self._group = None
        if failure is not None:
            raise failure

    async def _warm_up_and_run(self, bridge: AgentBridge) -> None:
        self._enter(RunState.WARMING_UP)
        await self._warm_up(bridge)
        if self._may_end_early:
            return
        self._enter(RunState.RUNNING)
        result = await bridge.call("run", self._block(), RunResult, silence_s=self._silence_s())
        if result.completed != self.record.samples.attempt_count:
            raise BridgeProtocol(
                f"the agent counts {result.completed} calls, but sent "
                f"{self.record.samples.attempt_count}"
            )
        if result.completed < self.configuration.iterations and not self._may_end_early:
            raise BridgeProtocol(
                f"the agent ended after {result.completed} calls of its own accord"
            )
        self.record.runtime = await bridge.call(
            "runtimeStatistics", None, RuntimeStatistics, silence_s=CALL_DEADLINE_S
        )

    @property
    def _may_end_early(self) -> bool:
        return self._stop_requested or self._given_up is not None

    async def _warm_up(self, bridge: AgentBridge) -> None:
        iterations = self.configuration.warmup_iterations
        assert isinstance(iterations, int)  # noqa: S101 - "auto" is refused before a run starts
        started = monotonic()
        result = await bridge.call(
            "warmup",
            WarmupParams(run_id=self.id, iterations=iterations),
            WarmupResult,
            silence_s=iterations * self.configuration.request_timeout_seconds + SILENCE_MARGIN_S,
        )
        if not result.samples:
            return
        self.record.first_sample = result.samples[0]
        self.record.warm_up = WarmUp(
            duration_ms=(monotonic() - started) * 1e3,
            successful=any(sample.outcome == "ok" for sample in result.samples),
        )
        for sample in result.samples:
            if sample.error_kind == "model-not-found":
                raise ModelNotFound(sample.error_message or "the model was not found")

    def _block(self) -> RunParams:
        configuration = self.configuration
        concurrency = {
            "batch": configuration.batch_size,
            "concurrent": configuration.concurrent_requests,
        }
        return RunParams(
            run_id=self.id,
            first_sequence=1,
            iterations=configuration.iterations,
            mode=configuration.test_mode,
            concurrency=concurrency.get(configuration.test_mode, 1),
        )

    def _silence_s(self) -> float:
        return self.configuration.request_timeout_seconds + SILENCE_MARGIN_S

    def _on_samples(self, params: SamplesParams) -> None:
        if params.run_id != self.id or self.state is not RunState.RUNNING:
            raise BridgeProtocol("the agent sent samples that belong to no run")
        if any(sample.sequence > self.configuration.iterations for sample in params.samples):
            raise BridgeProtocol("the agent sent more samples than it was asked for")
        log = self.record.samples
        log.extend(params.samples)
        if self.record.first_sample is None and params.samples:
            self.record.first_sample = params.samples[0]
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
            self._group.start_soon(self._cancel_agent)

    async def _cancel_agent(self) -> None:
        """Ask the agent to abort; where it cannot be asked, end the run from outside."""
        if self._bridge is None:
            self._scope.cancel()
            return
        try:
            await self._bridge.call(
                "cancel", CancelParams(run_id=self.id), CancelResult, silence_s=CALL_DEADLINE_S
            )
        except BridgeError:
            self._scope.cancel()

    def _enter(self, state: RunState) -> None:
        self.state = transition(self.state, state)
        self._notify()

    def _end(self, error: Exception | None) -> None:
        if self._stop_requested:
            self.message = "Stopped on request"
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
