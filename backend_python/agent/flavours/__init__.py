"""The ways in which the model can be asked: through the framework, the client library, or HTTP."""

from backend_python.agent.caller import Caller
from backend_python.agent.connection import Connection
from shared_models.configuration import Flavour, TestConfiguration

from .agent import AgentCaller
from .client import ClientCaller
from .http import HttpCaller

FLAVOURS: tuple[Flavour, ...] = ("agent", "client", "http")

__all__ = ["FLAVOURS", "AgentCaller", "ClientCaller", "HttpCaller", "build_caller"]


def build_caller(
    configuration: TestConfiguration, *, connect_to: str | None, recorded: bool = True
) -> Caller:
    """Return what asks the model in the configuration's flavour; `recorded=False` for no record."""
    connection = Connection.of(configuration, connect_to=connect_to, recorded=recorded)
    if configuration.flavour == "http":
        return HttpCaller(connection.http_client(), configuration)
    client = connection.ollama_client()
    if configuration.flavour == "client":
        return ClientCaller(client, configuration)
    return AgentCaller(client, configuration)
