"""`GET /api/backends` and the fan-out `POST /api/performance/run`."""

from typing import Any

import anyio
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from comparison import run_parallel
from service_defaults.problems import problem_responses
from service_defaults.strict_json import StrictJsonRoute
from shared_models import BackendStates, ComparisonReply, TestConfiguration

from ..clients import Deps

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY")


def api_router(deps: Deps) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api", tags=["comparison"], route_class=StrictJsonRoute)

    @router.get("/backends", responses=problem_responses(400))
    async def backends() -> BackendStates:
        """Probe the backends and the model server, at the same time."""
        return BackendStates(backends=await deps.states())

    @router.post("/performance/run", responses=problem_responses(400, 401, 403, 413, 422, 502))
    async def run(request: Request, configuration: TestConfiguration) -> ComparisonReply:
        """Run on both backends at once; 200 also when a side failed, which its entry says.

        A client that goes away cancels both runs.
        """
        if configuration.endpoint is not None:
            await deps.policy.check(configuration.endpoint)
        return await _unless_disconnected(request, deps, configuration)

    return router


async def _unless_disconnected(
    request: Request, deps: Deps, configuration: TestConfiguration
) -> ComparisonReply:
    replies: list[ComparisonReply] = []
    async with anyio.create_task_group() as group:

        async def run() -> None:
            replies.append(await run_parallel(deps.backends, configuration))
            group.cancel_scope.cancel()

        group.start_soon(run)
        # The body has been read, so the next message says that the client has gone.
        while (await request.receive())["type"] != "http.disconnect":
            pass
        group.cancel_scope.cancel()
    if not replies:
        raise HTTPException(499, "The client went away")
    return replies[0]


def refuse_unknown(app: FastAPI) -> None:
    """Answer other methods (405) and paths (404) of the API as problems, not as pages.

    The pages are mounted at the root and would take every request that no route wants.
    """
    for path, operations in app.openapi()["paths"].items():
        allowed = sorted(name.upper() for name in operations)
        others = [method for method in METHODS if method not in allowed]
        app.add_api_route(path, _refusal(allowed), methods=others, include_in_schema=False)
    app.add_api_route(
        "/api/{path:path}", _not_found, methods=list(METHODS), include_in_schema=False
    )


def _refusal(allowed: list[str]) -> Any:
    async def refuse() -> Response:
        raise HTTPException(405, "Method Not Allowed", headers={"allow": ", ".join(allowed)})

    return refuse


async def _not_found() -> Response:
    raise HTTPException(404, "There is no such resource")
