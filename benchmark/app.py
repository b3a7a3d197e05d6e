"""The application of a benchmark backend."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
from fastapi import FastAPI

from service_defaults.discovery import model_server_policy
from service_defaults.serve import Hook
from service_defaults.service import create_service, run_service
from service_defaults.settings import ServiceSettings

from .launcher import AgentLauncher
from .routes import BenchmarkApi
from .runs import Runs

PREPARED_AT_ONCE_S = 0.3


def create_backend(settings: ServiceSettings, launcher: AgentLauncher) -> FastAPI:
    """Return the service that drives `launcher`'s agent.

    Raises EndpointInvalid when an operator's allowed endpoint is malformed.
    """
    policy = model_server_policy(settings)
    api = BenchmarkApi(launcher, policy)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            prepared = anyio.Event()
            group.start_soon(_prepare, launcher, prepared)
            # An agent that was built before is there at once: the first probe should see it.
            with anyio.move_on_after(PREPARED_AT_ONCE_S):
                await prepared.wait()
            api.runs = app.state.runs = Runs(launcher, policy, group)
            yield
            await api.runs.shut_down()
            group.cancel_scope.cancel()

    async def readiness() -> str | None:
        return launcher.unavailable()

    app = create_service(
        launcher.description.service, settings, readiness=readiness, lifespan=lifespan
    )
    app.include_router(api.router())
    return app


def run_backend(service: str, build: Callable[[ServiceSettings], FastAPI], *, port: int) -> int:
    """Serve a backend until a signal, on `port` unless told otherwise; returns the exit code."""
    return run_service(
        service, ServiceSettings, build, default_port=port, before_shutdown=_end_runs
    )


async def _prepare(launcher: AgentLauncher, prepared: anyio.Event) -> None:
    await launcher.prepare()
    prepared.set()


def _end_runs(app: FastAPI) -> Hook:
    """Return the hook that ends runs before the server waits for the requests watching them."""

    async def end() -> None:
        runs: Runs | None = getattr(app.state, "runs", None)
        if runs is not None:
            await runs.shut_down()

    return end
