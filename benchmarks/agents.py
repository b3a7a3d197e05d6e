"""The two real agents, as the backends launch them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from backend_dotnet_shim.app import DotnetAgentLauncher
from backend_python.app import PythonAgentLauncher
from benchmark.bridge import AgentBridge, OnSamples, open_bridge
from benchmark.launcher import AgentLauncher
from service_defaults.settings import ServiceSettings
from shared_models.agent_protocol import InitializeParams, InitializeResult
from shared_models.configuration import TestConfiguration


async def launchers() -> dict[str, AgentLauncher]:
    """Return the launchers by language, ready to launch."""
    found: dict[str, AgentLauncher] = {
        "Python": PythonAgentLauncher(),
        "C#": DotnetAgentLauncher(ServiceSettings()),
    }
    for launcher in found.values():
        await launcher.prepare()
    return found


@asynccontextmanager
async def initialised_agent(
    launcher: AgentLauncher, url: str, on_samples: OnSamples, **configuration: Any
) -> AsyncIterator[AgentBridge]:
    """Start an agent against the model server at `url`."""
    wanted = TestConfiguration.model_validate({"endpoint": url, "seed": 1, **configuration})
    async with open_bridge(await launcher.command("agent"), on_samples) as bridge:
        params = InitializeParams(configuration=wanted, connect_to=url.partition("//")[2])
        await bridge.call("initialize", params, InitializeResult, silence_s=30)
        yield bridge
