"""The REST routes of a benchmark backend, the same for every language."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import anyio
from fastapi import APIRouter, Body, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from sse_starlette import EventSourceResponse, ServerSentEvent

from service_defaults.endpoints import EndpointPolicy
from service_defaults.errors import EndpointError, ProblemError
from service_defaults.problems import problem_responses
from service_defaults.strict_json import StrictJsonRoute
from shared_models.configuration import TestConfiguration
from shared_models.results import (
    AdvanceReply,
    AdvanceRequest,
    StartReply,
    StopReply,
    StopRequest,
    TestResult,
    TestStatus,
)
from shared_models.services import Capabilities, HealthReport

from .blocks import Grant
from .errors import RunError
from .events import run_events
from .launcher import AgentLauncher
from .preflight import look_at_server
from .probe import CapabilityProbe
from .runs import Runs
from .sample_export import block_json, result_json, samples_csv
from .session import BlockEnd, RunSession
from .views import IDLE, composed_result, status_of

ABANDONED = "Stopped: the client that waited for the run went away"
KEEP_ALIVE_S = 15
END_OF_EVENTS_S = 0.8
TEXT: dict[str, Any] = {"type": "string"}
EVENT: dict[str, Any] = {
    "type": "object",
    "properties": {"event": {"enum": ["samples", "status", "done"]}, "id": TEXT, "data": TEXT},
}
BODY_STATUSES = (400, 403, 413, 415, 422)

SessionId = Annotated[str | None, Query(alias="sessionId", min_length=1, max_length=64)]


class BenchmarkApi:
    """The handlers; `runs` is set once the service's task group lives."""

    def __init__(self, launcher: AgentLauncher, policy: EndpointPolicy) -> None:
        self._launcher = launcher
        self._policy = policy
        self._probe = CapabilityProbe(launcher)
        self.runs: Runs | None = None

    def router(self) -> APIRouter:
        """Return the routes under `/api/performance`."""
        router = APIRouter(
            prefix="/api/performance", tags=["performance"], route_class=StrictJsonRoute
        )
        refusals = problem_responses(*BODY_STATUSES, 409, 502, 503)
        router.post("/run", responses=refusals)(self.run)
        router.post("/start", status_code=202, responses=refusals)(self.start)
        router.post(
            "/advance",
            response_model=AdvanceReply,
            responses=problem_responses(*BODY_STATUSES, 404, 409),
        )(self.advance)
        router.post("/stop", responses=problem_responses(*BODY_STATUSES, 404))(self.stop)
        router.get("/status", responses=problem_responses(404, 422))(self.status)
        router.get(
            "/events",
            response_class=EventSourceResponse,
            responses={
                **_also("text/event-stream", itemSchema=EVENT),
                **problem_responses(404, 422),
            },
        )(self.events)
        router.get(
            "/results/{session_id}",
            response_model=TestResult,
            responses={**_also("text/csv", schema=TEXT), **problem_responses(404, 422)},
        )(self.results)
        unhealthy: dict[int | str, dict[str, Any]] = {
            503: {"model": HealthReport, "description": "No agent can be launched"}
        }
        router.get(
            "/health",
            response_model_exclude_none=True,
            responses={**unhealthy, **problem_responses(422)},
        )(self.health)
        router.get("/capabilities", responses=problem_responses(503))(self.capabilities)
        return router

    async def run(
        self, configuration: TestConfiguration, request: Request, samples: bool = False
    ) -> Response:
        """Run to the end and answer with the result; a client that goes away cancels the run."""
        if configuration.gated:
            text = "a gated run waits for its blocks: start it with /start"
            raise ProblemError(422, "The backend cannot do this", detail=text, field="gated")
        session = await self._runs.start(configuration)
        async with anyio.create_task_group() as group:
            group.start_soon(_stop_on_disconnect, request, session)
            await session.finished.wait()
            group.cancel_scope.cancel()
        if samples:
            return StreamingResponse(result_json(session), media_type="application/json")
        result = await composed_result(session)
        return Response(result.model_dump_json(exclude={"samples"}), media_type="application/json")

    async def start(self, configuration: TestConfiguration, response: Response) -> StartReply:
        """Accept a run; its status, events and results are found by the session's id."""
        session = await self._runs.start(configuration)
        response.headers["location"] = f"/api/performance/results/{session.id}"
        return StartReply(session_id=session.id, message="The run has started")

    async def advance(self, body: AdvanceRequest, request: Request) -> Response:
        """Run the next block of a gated run and answer with its samples.

        A block that is asked for while the run still starts or warms up waits for that. When the
        run ends before its block is over, the answer holds the samples so far and says how it
        ended. A client that goes away while it waits stops the run: its owner is gone, and a block
        that nobody reads would hold up the others.
        """
        grant = Grant(iterations=body.iterations, duration_s=body.duration_seconds)
        session = self._runs.claim(body.session_id, grant)
        outcome: list[BlockEnd | ProblemError] = []
        async with anyio.create_task_group() as group:
            group.start_soon(_stop_on_disconnect, request, session)
            try:
                outcome.append(await self._runs.advance(session, grant))
            except ProblemError as problem:  # kept out of the task group, which would wrap it
                outcome.append(problem)
            group.cancel_scope.cancel()
        (ended,) = outcome
        if isinstance(ended, ProblemError):
            raise ended
        return StreamingResponse(block_json(session, ended), media_type="application/json")

    async def stop(self, request: Annotated[StopRequest | None, Body()] = None) -> StopReply:
        """Stop a run; a run that has ended stays as it is."""
        stopped = await self._runs.stop(request.session_id if request else None)
        message = "The run was stopped" if stopped else "There was no run to stop"
        return StopReply(stopped=stopped, message=message)

    async def status(self, session_id: SessionId = None) -> TestStatus:
        """Return where a run is; `Idle` when there was none."""
        session = self._runs.find(session_id)
        return status_of(session) if session else IDLE

    async def events(
        self,
        session_id: SessionId = None,
        last_event_id: Annotated[int, Header(ge=0)] = 0,
    ) -> EventSourceResponse:
        """Follow a run by server-sent events."""
        session = self._found(session_id)

        async def stream() -> AsyncIterator[ServerSentEvent]:
            async for event in run_events(session, after=last_event_id):
                yield event

        # At shutdown the run ends first; its followers then have this long to read how.
        return EventSourceResponse(
            stream(),
            ping=KEEP_ALIVE_S,
            shutdown_event=anyio.Event(),
            shutdown_grace_period=END_OF_EVENTS_S,
        )

    async def results(
        self,
        session_id: str,
        format: Literal["json", "csv"] = "json",
    ) -> Response:
        """Return a run's result with all its samples."""
        session = self._found(session_id)
        if format == "csv":
            return StreamingResponse(samples_csv(session), media_type="text/csv; charset=utf-8")
        return StreamingResponse(result_json(session), media_type="application/json")

    async def health(self, response: Response, deep: bool = False) -> HealthReport:
        """Say whether an agent can be launched; `deep` also asks the model server."""
        service = self._launcher.description.service
        reason, simulated = self._launcher.unavailable(), None
        if deep and reason is None:
            try:
                checked = await self._policy.check(self._runs.endpoint())
                server = await look_at_server(checked, None)
                simulated = server.provider == "ollama-simulator"
            except (RunError, EndpointError) as error:
                reason = str(error)
        if reason is not None:
            response.status_code = 503
            return HealthReport(status="unhealthy", service=service, reason=reason)
        return HealthReport(status="healthy", service=service, simulated=simulated)

    async def capabilities(self) -> Capabilities:
        """Return what the agent says about itself."""
        return await self._probe.capabilities()

    @property
    def _runs(self) -> Runs:
        assert self.runs is not None  # noqa: S101 - set before the first request is accepted
        return self.runs

    def _found(self, session_id: str | None) -> RunSession:
        session = self._runs.find(session_id)
        if session is None:
            raise ProblemError(404, "There has been no run yet")
        return session


def _also(media_type: str, **schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entry for a success that is not (only) JSON."""
    return {200: {"content": {media_type: schema}}}


async def _stop_on_disconnect(request: Request, session: RunSession) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    await session.stop(reason=ABANDONED)
