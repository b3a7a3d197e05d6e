"""What a backend must know of its agent: how it is launched and what it is called."""

from dataclasses import dataclass
from typing import Protocol

from shared_models.configuration import Flavour, Scenario, TestMode
from shared_models.results import AgentOrigin


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDescription:
    """An agent in the words of the results, and what this service drives on it."""

    service: str
    language: str
    framework: str
    modes: tuple[TestMode, ...] = ("standard", "batch", "concurrent", "streaming", "rate")
    scenarios: tuple[Scenario, ...] = ("chat", "tools", "conversation", "structured")
    flavours: tuple[Flavour, ...] = ("agent", "client", "http")


class AgentLauncher(Protocol):
    """The seam between the shared service and one language's agent."""

    description: AgentDescription

    def origin_of(self, flavour: Flavour) -> AgentOrigin | None:
        """Return how a flavour's agent came here, once `command` has told it.

        Start times compare only between equal origins.
        """

    async def prepare(self) -> None:
        """Get the agent ready to launch; run once in the background when the service starts."""

    def unavailable(self) -> str | None:
        """Return why no agent can be launched right now, or None; cheap, called by probes."""

    async def command(self, flavour: Flavour) -> list[str]:
        """Return the command that starts a flavour's agent; raises AgentUnavailable.

        A flavour that was not prepared may take minutes, the first time.
        """
