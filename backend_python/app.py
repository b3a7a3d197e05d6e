"""The Python backend: the shared benchmark service around the Python agent."""

import sys

from fastapi import FastAPI

from benchmark.app import create_backend
from benchmark.launcher import AgentDescription
from service_defaults.settings import ServiceSettings
from shared_models.configuration import Flavour
from shared_models.results import AgentOrigin

SERVICE = "python-backend"
DEFAULT_PORT = 5001


class PythonAgentLauncher:
    """The agent runs on this interpreter, with the packages of this environment."""

    description = AgentDescription(service=SERVICE, language="Python", framework="Python")

    def origin_of(self, _flavour: Flavour) -> AgentOrigin:
        """Return that the agent belongs to this installation."""
        return "installed"

    async def prepare(self) -> None:
        """Do nothing: where this service runs, its agent runs."""

    def unavailable(self) -> str | None:
        """Return None: there is always an agent."""
        return None

    async def command(self, _flavour: Flavour) -> list[str]:
        """Return the agent's command."""
        return [sys.executable, "-m", "backend_python.agent"]


def create_app(settings: ServiceSettings) -> FastAPI:
    """Return the service."""
    return create_backend(settings, PythonAgentLauncher())
