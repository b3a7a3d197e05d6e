"""The .NET backend: the shared benchmark service around the .NET agent."""

from functools import partial

import anyio.to_thread
import structlog
from fastapi import FastAPI

from benchmark.app import create_backend
from benchmark.errors import AgentUnavailable
from benchmark.launcher import AgentDescription
from service_defaults.settings import ServiceSettings
from shared_models.configuration import Flavour
from shared_models.results import AgentOrigin

from . import delivery

SERVICE = "dotnet-backend"
DEFAULT_PORT = 5002
PREPARING = "the .NET agent is being prepared"

_log = structlog.get_logger()


class DotnetAgentLauncher:
    """Launches the agent that `delivery` found; until it is there, says why there is none."""

    description = AgentDescription(service=SERVICE, language="CSharp", framework="DotNet")

    def __init__(self, settings: ServiceSettings) -> None:
        self._cache_dir = settings.cache_dir
        self._build: delivery.AgentBuild | None = None
        self._reason: str | None = PREPARING

    @property
    def origin(self) -> AgentOrigin | None:
        """Return how the agent came here, once it is there."""
        return self._build.origin if self._build else None

    async def prepare(self) -> None:
        """Find, build or unpack the agent; a first build takes its time, in a thread."""
        try:
            self._build = await anyio.to_thread.run_sync(
                partial(delivery.resolve, self._cache_dir), abandon_on_cancel=True
            )
        except delivery.AgentUnavailable as error:
            self._reason = error.reason
            _log.warning("agent_unavailable", reason=error.reason)
            return
        except Exception as error:  # a defect in there must not take the whole service down
            self._reason = f"preparing the .NET agent failed: {type(error).__name__}"
            _log.exception("agent_unavailable")
            return
        self._reason = None
        _log.info("agent_ready", origin=self._build.origin, detail=self._build.detail)

    def unavailable(self) -> str | None:
        """Return why there is no agent, or None."""
        return self._reason

    async def command(self, _flavour: Flavour) -> list[str]:
        """Return the agent's command; raises AgentUnavailable."""
        if self._build is None:
            raise AgentUnavailable(self._reason or PREPARING)
        return list(self._build.command)


def create_app(settings: ServiceSettings) -> FastAPI:
    """Return the service."""
    return create_backend(settings, DotnetAgentLauncher(settings))
