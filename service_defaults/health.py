"""`/health` (readiness) and `/alive` (liveness), alike in every service and never traced."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Response

from shared_models import HealthReport

PROBE_PATHS = frozenset({"/health", "/alive", "/api/performance/health"})

Readiness = Callable[[], Awaitable[str | None]]
"""Returns why the service is not ready, or None when it is."""


async def always_ready() -> str | None:
    """The readiness of a service that needs nothing else."""
    return None


async def report(service: str, readiness: Readiness, response: Response) -> HealthReport:
    """Return the service's health and set 503 on `response` when it is not ready."""
    reason = await readiness()
    if reason is None:
        return HealthReport(status="healthy", service=service)
    response.status_code = 503
    return HealthReport(status="unhealthy", service=service, reason=reason)


def health_router(service: str, readiness: Readiness) -> APIRouter:
    """Return the two routes."""
    router = APIRouter(tags=["health"])

    @router.get(
        "/health",
        response_model_exclude_none=True,
        responses={503: {"model": HealthReport, "description": "Not ready; `reason` says why"}},
    )
    async def health(response: Response) -> HealthReport:
        return await report(service, readiness, response)

    @router.get("/alive", response_model_exclude_none=True)
    async def alive() -> HealthReport:
        return HealthReport(status="healthy", service=service)

    return router
