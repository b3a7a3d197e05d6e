"""`/api/comparisons`: start a comparison, watch it, stop it, read its report."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from sse_starlette import EventSourceResponse, ServerSentEvent

from comparison import report_json
from service_defaults.problems import problem_responses
from service_defaults.strict_json import StrictJsonRoute
from shared_models import (
    ComparisonAccepted,
    ComparisonList,
    ComparisonReport,
    ComparisonRequest,
    StopReply,
)

from ..clients import Deps
from .registry import Comparisons

PAGE_SIZE = 20
KEEP_ALIVE_S = 15
EVENT: dict[str, Any] = {
    "type": "object",
    "properties": {"event": {"const": "report"}, "data": {"type": "string"}},
}
STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"itemSchema": EVENT}}}
}

Page = Annotated[int, Query(ge=1, le=1_000_000)]


class ComparisonApi:
    """The handlers."""

    def __init__(self, deps: Deps, comparisons: Comparisons) -> None:
        self._deps = deps
        self._comparisons = comparisons

    def router(self) -> APIRouter:
        """Return the routes under `/api/comparisons`."""
        router = APIRouter(
            prefix="/api/comparisons", tags=["comparison"], route_class=StrictJsonRoute
        )
        one, body = "/{identity}", (400, 403, 413, 415, 422)
        router.post("", status_code=202, responses=problem_responses(*body, 401, 409, 502, 503))(
            self.start
        )
        router.get("", responses=problem_responses(400, 422))(self.listed)
        router.get(
            one, response_model=ComparisonReport, responses=problem_responses(400, 404, 422)
        )(self.one)
        router.get(
            f"{one}/events",
            response_class=EventSourceResponse,
            responses=STREAM | problem_responses(400, 404, 422),
        )(self.events)
        router.post(f"{one}/stop", responses=problem_responses(400, 403, 404, 422))(self.stop)
        router.delete(one, status_code=204, responses=problem_responses(400, 403, 404, 409, 422))(
            self.delete
        )
        return router

    async def start(self, request: ComparisonRequest, response: Response) -> ComparisonAccepted:
        """Start a comparison in the background; 409 while another one goes on."""
        if request.configuration.endpoint is not None:
            await self._deps.policy.check(request.configuration.endpoint)
        await self._comparisons.check(request)
        run = self._comparisons.start(request)
        response.headers["location"] = f"/api/comparisons/{run.id}"
        return ComparisonAccepted(id=run.id, message="The comparison has started")

    async def listed(self, page: Page = 1) -> ComparisonList:
        """Return the comparisons, newest first, twenty a page."""
        runs = self._comparisons.newest_first
        shown = runs[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
        return ComparisonList(comparisons=[run.report for run in shown], total=len(runs))

    async def one(self, identity: str, samples: bool = False) -> Response:
        """Return the report as it is now; `samples` adds every call with its place."""
        run = self._comparisons.find(identity)
        if samples:
            return StreamingResponse(
                report_json(run.report, run.record), media_type="application/json"
            )
        return Response(run.report.model_dump_json(), media_type="application/json")

    async def events(self, identity: str) -> EventSourceResponse:
        """Follow a comparison: its report at every change, at most 4 a second, until it is final.

        Every event is the whole report, so that a client that comes back has missed nothing.
        """
        run = self._comparisons.find(identity)

        async def stream() -> AsyncIterator[ServerSentEvent]:
            async for report in run.reports():
                yield ServerSentEvent(report.model_dump_json(), event="report")

        return EventSourceResponse(stream(), ping=KEEP_ALIVE_S)

    async def stop(self, identity: str) -> StopReply:
        """Stop a comparison and wait until its sessions have ended; one that has stays as it is."""
        run = self._comparisons.find(identity)
        stopped = not run.finished.is_set()
        await run.stop()
        message = "The comparison was stopped" if stopped else "The comparison had ended"
        return StopReply(stopped=stopped, message=message)

    async def delete(self, identity: str) -> None:
        """Forget a comparison that has ended; 409 while it goes on."""
        self._comparisons.forget(identity)
