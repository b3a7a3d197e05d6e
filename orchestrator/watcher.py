"""`python -m orchestrator --no-launch`: watches services that something else starts.

In compose and Kubernetes the platform launches; this process only probes the services that the
environment names and says at `/api/resources` how they are. Its own health says nothing about
theirs.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Literal

import anyio
from fastapi import FastAPI
from pydantic import Field

from service_defaults.service import create_service, run_service
from service_defaults.settings import ServiceSettings, process_environment
from shared_models import WireModel

from . import apphost
from .model import Resource
from .probes import Health, observe
from .surroundings import address_in

SERVICE = "orchestrator"
DEFAULT_PORT = 18890
PROBE_TIMEOUT_S = 1.0
PROBE_DELAY_S = 2.0

ResourceState = Literal["unknown", "running", "preparing", "unavailable", "unhealthy"]
_STATES: dict[Health, ResourceState] = {
    Health.READY: "running",
    Health.PREPARING: "preparing",
    Health.UNAVAILABLE: "unavailable",
    Health.SILENT: "unhealthy",
}


class WatchedResource(WireModel):
    """One service at its last probe."""

    name: str
    url: str
    state: ResourceState
    reason: str | None = None


class WatchedResources(WireModel):
    """The reply of `GET /api/resources`; `version` grows with every change."""

    version: Annotated[int, Field(ge=0)]
    resources: list[WatchedResource]


class Watcher:
    """Probes the services named by an environment, each on its own."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Watch every resource of the diagram whose address `environment` names."""
        self._watched: dict[str, Resource] = {}
        self._found: dict[str, WatchedResource] = {}
        self._version = 0
        for resource in apphost.application().resources:
            url = address_in(environment, resource.name)
            if url is not None:
                self._watched[resource.name] = resource
                self._found[resource.name] = WatchedResource(
                    name=resource.name, url=url, state="unknown"
                )

    def resources(self) -> WatchedResources:
        """Return what the last probes found."""
        return WatchedResources(version=self._version, resources=list(self._found.values()))

    async def run(self) -> None:
        """Probe until cancelled."""
        async with anyio.create_task_group() as group:
            for name in self._watched:
                group.start_soon(self._follow, name)

    async def _follow(self, name: str) -> None:
        while True:
            before = self._found[name]
            seen = await observe(
                before.url, self._watched[name].health_path, timeout_s=PROBE_TIMEOUT_S
            )
            now = WatchedResource(
                name=name, url=before.url, state=_STATES[seen.health], reason=seen.reason
            )
            if now != before:
                self._version += 1
                self._found[name] = now
            await anyio.sleep(PROBE_DELAY_S)


def create_app(settings: ServiceSettings, environment: Mapping[str, str]) -> FastAPI:
    """Return the watching service."""
    watcher = Watcher(environment)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(watcher.run)
            yield
            group.cancel_scope.cancel()

    app = create_service(SERVICE, settings, lifespan=lifespan)

    @app.get("/api/resources", response_model_exclude_none=True, tags=["resources"])
    async def resources() -> WatchedResources:
        return watcher.resources()

    return app


def main() -> int:
    """Serve until a signal; returns the exit code."""
    return run_service(
        SERVICE,
        ServiceSettings,
        lambda settings: create_app(settings, process_environment()),
        default_port=DEFAULT_PORT,
    )
