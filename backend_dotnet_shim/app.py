"""The .NET backend: the shared benchmark service around the .NET agent."""

from dataclasses import replace
from functools import partial

import anyio
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
from .compilation import COMPILATIONS, compilation_of

SERVICE = "dotnet-backend"
DEFAULT_PORT = 5002
PREPARING = "the .NET agent is being prepared"

_log = structlog.get_logger()


class DotnetAgentLauncher:
    """Launches the agents that `delivery` finds; until the first is there, says why there is none.

    The NativeAOT agent is prepared when somebody first asks for it. `description` lists its
    flavour once `prepare` has found that it can be had; its absence makes nothing unavailable.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self.description = AgentDescription(service=SERVICE, language="CSharp", framework="DotNet")
        self._cache_dir = settings.cache_dir
        self._builds: dict[str, delivery.AgentBuild] = {}
        self._preparing = {flavour: anyio.Lock() for flavour in COMPILATIONS}
        self._reason: str | None = PREPARING

    def origin_of(self, flavour: Flavour) -> AgentOrigin | None:
        """Return how a flavour's agent came here, once it is there."""
        build = self._builds.get(compilation_of(flavour).flavour)
        return build.origin if build else None

    async def prepare(self) -> None:
        """Find, build or unpack the JIT agent; a first build takes its time, in a thread."""
        try:
            await self._build_for("agent")
        except AgentUnavailable as error:
            self._reason = str(error)
            return
        if await anyio.to_thread.run_sync(self._can_have_native_agent):
            flavours = self.description.flavours
            self.description = replace(self.description, flavours=(*flavours, "aot"))
        self._reason = None

    def unavailable(self) -> str | None:
        """Return why there is no agent, or None."""
        return self._reason

    async def command(self, flavour: Flavour) -> list[str]:
        """Return the command of a flavour's agent; raises AgentUnavailable.

        The first one who asks for the NativeAOT agent may wait for minutes, and whoever asks
        meanwhile waits for the same build.
        """
        if self._reason is not None:
            raise AgentUnavailable(self._reason)
        return list((await self._build_for(flavour)).command)

    def _can_have_native_agent(self) -> bool:
        try:
            outlook = delivery.foresee(self._cache_dir, "aot")
        except Exception:  # a defect in there must not take the whole service down
            _log.exception("native_agent_unavailable")
            return False
        _log.info("native_agent", state=outlook.state, detail=outlook.detail)
        return outlook.state != "unavailable"

    async def _build_for(self, flavour: Flavour) -> delivery.AgentBuild:
        wanted = compilation_of(flavour).flavour
        async with self._preparing[wanted]:
            build = self._builds.get(wanted)
            if build is None or not build.is_there:
                build = self._builds[wanted] = await self._resolve(wanted)
            return build

    async def _resolve(self, flavour: Flavour) -> delivery.AgentBuild:
        log = _log.bind(flavour=flavour)
        try:
            build = await anyio.to_thread.run_sync(
                partial(delivery.resolve, self._cache_dir, flavour), abandon_on_cancel=True
            )
        except delivery.AgentUnavailable as error:
            log.warning("agent_unavailable", reason=error.reason)
            raise AgentUnavailable(error.reason) from error
        except Exception as error:  # a defect in there must not take the whole service down
            log.exception("agent_unavailable")
            reason = f"preparing the .NET agent failed: {type(error).__name__}"
            raise AgentUnavailable(reason) from error
        log.info("agent_ready", origin=build.origin, detail=build.detail, stale=build.stale)
        return build


def create_app(settings: ServiceSettings) -> FastAPI:
    """Return the service."""
    return create_backend(settings, DotnetAgentLauncher(settings))
