"""What the agent says about itself, asked once: an agent is started, introduced and ended."""

import anyio

from service_defaults.errors import ProblemError
from shared_models.agent_protocol import InitializeParams, InitializeResult, SamplesParams
from shared_models.configuration import TestConfiguration
from shared_models.services import Capabilities

from .agents import INITIALIZE_DEADLINE_S
from .bridge import open_bridge
from .errors import BridgeProtocol, RunError
from .launcher import AgentLauncher
from .machine import machine_info
from .metrics import identity


class CapabilityProbe:
    """Remembers the answer: the agent on disk does not change while the service runs."""

    def __init__(self, launcher: AgentLauncher) -> None:
        self._launcher = launcher
        self._known: Capabilities | None = None
        self._asking = anyio.Lock()

    async def capabilities(self) -> Capabilities:
        """Return what the agent can do; raises a 503 ProblemError when it cannot be asked."""
        async with self._asking:
            if self._known is None:
                try:
                    self._known = self._compose(await self._ask())
                except RunError as error:
                    raise ProblemError(
                        503, "No agent can be launched", detail=str(error)
                    ) from error
            return self._known

    async def _ask(self) -> InitializeResult:
        if (reason := self._launcher.unavailable()) is not None:
            raise RunError(reason)
        async with open_bridge(await self._launcher.command("agent"), _no_samples) as bridge:
            return await bridge.call(
                "initialize",
                InitializeParams(configuration=TestConfiguration()),
                InitializeResult,
                silence_s=INITIALIZE_DEADLINE_S,
            )

    def _compose(self, agent: InitializeResult) -> Capabilities:
        description = self._launcher.description
        return Capabilities(
            service=description.service,
            agent=identity(agent),
            modes=[mode for mode in agent.modes if mode in description.modes],
            scenarios=[name for name in agent.scenarios if name in description.scenarios],
            flavours=list(description.flavours),
            machine_info=machine_info(agent.runtime_version),
        )


def _no_samples(_params: SamplesParams) -> None:
    raise BridgeProtocol("the agent sent samples before it was asked to run")
