"""A backend that speaks the REST contract without any agent, for tests of what calls backends.

Its runs take no time of their own: a test says by `gate` when a run may go on. Gated runs say that
their calls took `latency_ms`, with a little noise that is the same in every test.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from service_defaults.errors import ProblemError
from service_defaults.problems import (
    install_problem_handlers,
    problem_response,
    problem_responses,
)
from service_defaults.strict_json import StrictJsonRoute
from shared_models import (
    AdvanceReply,
    AdvanceRequest,
    AgentIdentity,
    Breakdown,
    Capabilities,
    Environment,
    HealthReport,
    MachineInfo,
    Metrics,
    Resources,
    RunStatus,
    Sample,
    StartReply,
    StopReply,
    StopRequest,
    TestConfiguration,
    TestResult,
    TestStatus,
    Tokens,
    WarmUpFigures,
)

MS = 1_000_000
MACHINE = MachineInfo(
    os="Linux",
    architecture="x64",
    cpu_model="test",
    logical_cores=2,
    memory_mb=4096,
    runtime_version="1",
)
PYTHON = AgentIdentity(
    language="Python",
    runtime="Python",
    runtime_version="3.11.7",
    framework="agent-framework",
    framework_version="1.23.0",
    client="ollama",
    client_version="0.5.3",
    flavour="agent",
)
DOTNET = AgentIdentity(
    language="CSharp",
    runtime=".NET",
    runtime_version="10.0.0",
    framework="Microsoft.Agents.AI",
    framework_version="1.28.0",
    client="OllamaSharp",
    client_version="5.5.2",
    flavour="agent",
)


def sample_metrics(
    identity: AgentIdentity = PYTHON, *, median_ms: float | None = 20.0, **changes: Any
) -> Metrics:
    """Return plausible figures around a median; None is a run in which every call failed."""
    ok = median_ms is not None
    middle = median_ms or 0.0
    values: dict[str, Any] = {
        "language": identity.language,
        "framework": "Python" if identity is PYTHON else "DotNet",
        "provider": "Ollama",
        "model": "ministral-3",
        "endpoint": "http://localhost:11434",
        "warm_up": WarmUpFigures(
            iterations=150,
            failure_count=0,
            ended="steady",
            time_ms=150 * middle,
            window_medians_ms=[middle, middle] if ok else [],
            cold_calls=10 if ok else 0,
            cold_median_ms=median_ms,
        ),
        "timestamp": datetime(2026, 11, 23, 12, tzinfo=UTC),
        "warmup_successful": ok,
        "total_iterations": 10,
        "total_execution_time_ms": 400,
        "average_time_per_iteration_ms": middle * 1.05 if ok else None,
        "min_iteration_time_ms": middle * 0.8 if ok else None,
        "max_iteration_time_ms": middle * 1.9 if ok else None,
        "memory_used_mb": 66.2,
        "machine_info": MACHINE,
        "success_count": 10 if ok else 0,
        "failure_count": 0 if ok else 10,
        "failures": {} if ok else {"connect": 10},
        "median_ms": median_ms,
        "p90_ms": None,
        "p95_ms": None,
        "p99_ms": None,
        "stdev_ms": 2.0 if ok else None,
        "iterations_per_second": 33.2 if ok else None,
        "cold_start_ms": 934.0,
        "first_call_ms": 41.0 if ok else None,
        "warmup_time_ms": 61.5,
        "breakdown": Breakdown(
            framework_ms=middle * 0.3 if ok else None,
            transport_ms=middle * 0.05 if ok else None,
            model_ms=middle * 0.7 if ok else None,
        ),
        "tokens": Tokens(prompt=120, completion=110, per_second=27.0),
        "time_to_first_token_ms": None,
        "resources": Resources(rss_peak_mb=66.2, pss_mb=50.0, cpu_seconds=0.9, gc=None),
        "environment": Environment(
            agent=identity,
            ollama_version="0.5.3",
            model_parameter_size="3.4B",
            model_quantization="Q4_K_M",
            load_average=0.5,
        ),
    }
    return Metrics(**(values | changes))


def idle_status(**changes: Any) -> TestStatus:
    """Return the status of a backend that has not run anything, with changes."""
    values: dict[str, Any] = {
        "session_id": None,
        "status": "Idle",
        "current_iteration": 0,
        "total_iterations": 0,
        "elapsed_time_ms": 0,
        "progress_percentage": 0.0,
        "success_count": 0,
        "failure_count": 0,
        "warmup_successful": False,
        "warmup_iterations": 0,
    }
    required = (name for name, field in TestStatus.model_fields.items() if field.is_required())
    nothing = {name: None for name in required if name not in values}
    return TestStatus(**(nothing | values | changes))


@dataclass(slots=True, kw_only=True)
class FakeBackend:
    """What the backend says; a test changes it while it serves."""

    name: str = "python-backend"
    identity: AgentIdentity = PYTHON
    healthy: bool = True
    median_ms: float | None = 20.0
    metrics_changes: dict[str, Any] = field(default_factory=dict)
    failure: str | None = None
    refuse_start: bool = False
    events_work: bool = True
    drop_after: int | None = None
    forgets: bool = False
    modes: list[Any] = field(default_factory=lambda: ["standard", "batch", "concurrent"])
    pace_s: float = 0.0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    configurations: list[TestConfiguration] = field(default_factory=list)
    resumed_from: list[str | None] = field(default_factory=list)
    cancelled_runs: int = 0
    latency_ms: float = 20.0
    noise: float = 0.05
    completion_tokens: int = 10
    fail_after_blocks: int | None = None
    executing: list[str] = field(default_factory=list)
    """The names of the backends that execute a block right now; tests share it between fakes."""
    journal: list[tuple[str, str, Any]] = field(default_factory=list)
    """What was asked for, in order: (event, session, detail); shared in the same way."""
    overlaps: int = 0
    _random: random.Random = field(default_factory=lambda: random.Random(7))
    _sessions: dict[str, "_Session"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.gate.set()

    def result(self, status: RunStatus, *, done: int) -> TestResult:
        """Return the result of a run that ended so."""
        if status == "Failed":
            return TestResult(success=False, message=self.failure or "failed", metrics=None)
        median = self.median_ms if done else None
        changes = {"success_count": done} if median is not None else {}
        metrics = sample_metrics(
            self.identity, median_ms=median, **(changes | self.metrics_changes)
        )
        success = status == "Completed" and median is not None
        message = "ok" if success else "no call succeeded"
        return TestResult(success=success, message=message, metrics=metrics)

    def app(self) -> FastAPI:
        """Return the backend as an application."""
        app = FastAPI(docs_url=None, redoc_url=None)
        app.router.route_class = StrictJsonRoute
        install_problem_handlers(app)
        self._add_service_routes(app)
        self._add_run_routes(app)
        return app

    def _add_service_routes(self, app: FastAPI) -> None:
        @app.get("/api/performance/health")
        async def health(response: Response) -> HealthReport:
            if self.healthy:
                return HealthReport(status="healthy", service=self.name)
            response.status_code = 503
            return HealthReport(status="unhealthy", service=self.name, reason="no agent here")

        @app.get("/api/performance/capabilities")
        async def capabilities() -> Capabilities:
            return Capabilities(
                service=self.name,
                agent=self.identity,
                modes=self.modes,
                scenarios=["chat"],
                flavours=["agent", "client", "http"],
                machine_info=MACHINE,
            )

    def _add_run_routes(self, app: FastAPI) -> None:
        @app.post("/api/performance/start", status_code=202, responses=problem_responses(409))
        async def start(configuration: TestConfiguration) -> Any:
            if self.refuse_start:
                return problem_response(409, "A run is active", detail="a run is already active")
            self.configurations.append(configuration)
            session = _Session(f"session-{len(self._sessions) + 1}", configuration)
            self._sessions[session.id] = session
            self.journal.append(("start", self._key(session), self.open_sessions))
            return StartReply(session_id=session.id, message="started")

        @app.post("/api/performance/stop")
        async def stop(request: StopRequest) -> StopReply:
            session = self._sessions.get(request.session_id or "")
            if session is None:
                return StopReply(stopped=False, message="nothing to stop")
            session.stop.set()
            self.journal.append(("stop", self._key(session), session.status))
            if session.configuration.gated and session.status == "Running":
                session.status = "Stopped"
            return StopReply(stopped=True, message="stopped")

        @app.get("/api/performance/status")
        async def status(sessionId: str) -> TestStatus:
            session = self._session(sessionId)
            if session.configuration.gated:
                session.polls += 1
                return session.gated_status(self)
            return session.advance(self)

        @app.get("/api/performance/results/{session_id}")
        async def results(session_id: str) -> TestResult:
            session = self._session(session_id)
            gated = session.configuration.gated
            # A gated run's warm-up tells about its calls before the first of them.
            result = self.result(session.status, done=max(session.done, int(gated)))
            if gated:
                return result
            calls = _Session(session_id, session.configuration)
            # A failed run ended before its first call.
            count = 0 if result.metrics is None else session.done
            samples = [self._call(calls, self.latency_ms) for _ in range(count)]
            return result.model_copy(update={"samples": samples})

        @app.get("/api/performance/events")
        async def events(sessionId: str, request: Request) -> Response:
            if not self.events_work:
                return problem_response(404, "No such stream")
            self.resumed_from.append(request.headers.get("last-event-id"))
            stream = self._stream(self._session(sessionId))
            return StreamingResponse(stream, media_type="text/event-stream")

        @app.post("/api/performance/run")
        async def run(configuration: TestConfiguration, request: Request) -> TestResult:
            self.configurations.append(configuration)
            while not self.gate.is_set():
                if await request.is_disconnected():
                    self.cancelled_runs += 1
                    break
                await asyncio.sleep(0.01)
            if self.failure:
                return self.result("Failed", done=0)
            return self.result("Completed", done=configuration.iterations)

        @app.post("/api/performance/advance", responses=problem_responses(404, 409))
        async def advance(block: AdvanceRequest) -> AdvanceReply:
            session = self._session(block.session_id)
            if session.status != "Running" or not session.configuration.gated:
                raise ProblemError(409, "The run does not wait for a block")
            return await self._execute(session, block)

    @property
    def open_sessions(self) -> int:
        """How many runs have not ended."""
        return sum(session.status == "Running" for session in self._sessions.values())

    async def _execute(self, session: "_Session", block: AdvanceRequest) -> AdvanceReply:
        self.overlaps += bool(self.executing)
        self.executing.append(self.name)
        self.journal.append(("advance", self._key(session), block.iterations))
        try:
            while not (self.gate.is_set() or session.stop.is_set()):  # noqa: ASYNC110
                await asyncio.sleep(0.002)
            await asyncio.sleep(0)
        finally:
            self.executing.remove(self.name)
        if self.fail_after_blocks is not None and session.blocks >= self.fail_after_blocks:
            session.status = "Failed"
            return AdvanceReply(samples=[], wall_ns=0, status=session.gated_status(self))
        duration_ms = self.latency_ms + session.configuration.delay_ms
        count = block.iterations or int((block.duration_seconds or 0) * 1e3 / duration_ms)
        samples = [self._call(session, duration_ms) for _ in range(count)]
        session.blocks += 1
        session.granted_s += block.duration_seconds or 0.0
        if session.is_used_up:
            session.status = "Completed"
        return AdvanceReply(
            samples=samples,
            wall_ns=sum(sample.duration_ns for sample in samples),
            status=session.gated_status(self),
        )

    def _call(self, session: "_Session", duration_ms: float) -> Sample:
        session.done += 1
        duration_ns = round(duration_ms * self._random.lognormvariate(0, self.noise) * MS)
        start_ns, session.clock_ns = session.clock_ns, session.clock_ns + duration_ns
        failed = self.median_ms is None
        return Sample(
            sequence=session.done,
            worker=0,
            start_ns=start_ns,
            duration_ns=duration_ns,
            transport_ns=duration_ns * 8 // 10,
            model_ns=duration_ns * 7 // 10,
            prompt_tokens=12,
            completion_tokens=self.completion_tokens,
            outcome="error" if failed else "ok",
            error_kind="http" if failed else None,
            calls=[],
        )

    def _key(self, session: "_Session") -> str:
        return f"{self.name}/{session.id}"

    def _session(self, identity: str) -> "_Session":
        if identity not in self._sessions:
            raise ProblemError(404, "There is no such run")
        return self._sessions[identity]

    async def _stream(self, session: "_Session") -> AsyncIterator[str]:
        sent = 0
        while True:
            gated = session.configuration.gated
            status = session.gated_status(self) if gated else session.advance(self)
            yield _event("status", status.model_dump_json(), identity=session.done)
            sent += 1
            if status.status != "Running":
                break
            if self.drop_after is not None and sent == self.drop_after:
                if self.forgets:
                    self._sessions.clear()
                return
            await asyncio.sleep(max(self.pace_s, 0.002))
        result = self.result(session.status, done=session.done)
        yield _event("done", result.model_dump_json(), identity=session.done)


class _Session:
    def __init__(self, identity: str, configuration: TestConfiguration) -> None:
        self.id = identity
        self.configuration = configuration
        self.stop = asyncio.Event()
        self.status: RunStatus = "Running"
        self.done = 0
        self.blocks = 0
        self.polls = 0
        self.clock_ns = 0
        self.granted_s = 0.0

    @property
    def is_used_up(self) -> bool:
        """Whether a run that goes on by blocks has had all that it was started for."""
        duration_s = self.configuration.duration_seconds
        if duration_s is None:
            return self.done >= self.configuration.iterations
        return self.granted_s >= duration_s

    def gated_status(self, backend: FakeBackend) -> TestStatus:
        """Return the status of a run that goes on by blocks; it is warm at the second look."""
        return idle_status(
            session_id=self.id,
            status=self.status,
            current_iteration=self.done,
            total_iterations=self.configuration.iterations,
            elapsed_time_ms=self.clock_ns // MS,
            progress_percentage=min(100.0, self.done / self.configuration.iterations * 100),
            success_count=self.done,
            warmup_successful=self.polls > 1,
            phase=("Waiting" if self.polls > 1 else "WarmingUp")
            if self.status == "Running"
            else self.status,
            error_message=backend.failure if self.status == "Failed" else None,
            failure_kind="bridge-died" if self.status == "Failed" else None,
            configuration=self.configuration,
        )

    def advance(self, backend: FakeBackend) -> TestStatus:
        total = self.configuration.iterations
        succeeds = backend.median_ms is not None and backend.failure is None
        if self.status == "Running":
            if self.stop.is_set():
                self.status = "Stopped"
            elif backend.failure and self.done >= total // 2:
                self.status = "Failed"
            elif self.done >= total:
                self.status = "Completed"
            elif backend.gate.is_set() or self.done < total // 2:
                self.done += 1
        return idle_status(
            session_id=self.id,
            status=self.status,
            current_iteration=self.done,
            total_iterations=total,
            elapsed_time_ms=self.done * 30,
            progress_percentage=self.done / total * 100,
            average_time_per_iteration_ms=30.0 if self.done else None,
            iterations_per_second=33.3 if self.done else None,
            estimated_time_remaining_ms=(total - self.done) * 30,
            success_count=self.done if succeeds else 0,
            failure_count=0 if succeeds else self.done,
            warmup_successful=True,
            error_message=backend.failure if self.status == "Failed" else None,
            configuration=self.configuration,
        )


def _event(name: str, data: str, *, identity: int) -> str:
    return f"id: {identity}\nevent: {name}\ndata: {data}\n\n"
