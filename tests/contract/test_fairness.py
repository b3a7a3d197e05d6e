"""Both agents ask the model the same thing: what they send is recorded and compared."""

from typing import Any

import pytest

from benchmark.launcher import AgentLauncher
from benchmarks.agents import initialised_agent, launchers
from shared_models import RunParams, RunResult, SamplesParams
from tests.support.simulator import RunningSimulator, running_simulator

CONFIGURATIONS: list[dict[str, Any]] = [
    {},
    {"temperature": 0.7, "seed": 42, "maxTokens": 16, "instructions": "Answer in one word."},
    {"prompts": ["Count to {n}", "Grüß Gott, “{n}”"], "maxTokens": 3},
]

# Each entry stands in docs/fairness.md with its measured effect.
KNOWN_BODY_DIFFERENCES: dict[str, dict[str, Any]] = {
    "Python": {"tools": []},
    "C#": {"CustomHeaders": {}},
}
KNOWN_HEADER_DIFFERENCES = {"user-agent", "content-type", "content-length", "connection"}

pytestmark = pytest.mark.dotnet


async def recorded_requests(
    simulator: RunningSimulator, launcher: AgentLauncher, configuration: dict[str, Any]
) -> list[tuple[dict[str, str], dict[str, Any]]]:
    """Return headers and body of each model call of a short run."""
    simulator.app.simulator.recorded.clear()

    def ignore(_params: SamplesParams) -> None:
        return None

    async with initialised_agent(launcher, simulator.url, ignore, **configuration) as bridge:
        block = RunParams(
            run_id="r", first_sequence=1, iterations=4, mode="standard", concurrency=1
        )
        await bridge.call("run", block, RunResult, silence_s=30)
    headers = [
        {name.decode().lower(): value.decode() for name, value in request.headers}
        for request in simulator.app.simulator.recorded
    ]
    return list(zip(headers, simulator.requests, strict=True))


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
async def test_both_agents_send_the_same_request(configuration: dict[str, Any]) -> None:
    """Field by field: only what docs/fairness.md lists differs, and it differs on every call."""
    sent: dict[str, list[tuple[dict[str, str], dict[str, Any]]]] = {}
    async with running_simulator() as simulator:
        for language, launcher in (await launchers()).items():
            sent[language] = await recorded_requests(simulator, launcher, configuration)

    assert 4 == len(sent["Python"]) == len(sent["C#"])
    pairs = zip(sent["Python"], sent["C#"], strict=True)
    for (python_headers, python), (dotnet_headers, dotnet) in pairs:
        assert KNOWN_BODY_DIFFERENCES["Python"] == {
            name: python.pop(name) for name in KNOWN_BODY_DIFFERENCES["Python"]
        }
        assert KNOWN_BODY_DIFFERENCES["C#"] == {
            name: dotnet.pop(name) for name in KNOWN_BODY_DIFFERENCES["C#"]
        }
        assert python == dotnet
        for headers in (python_headers, dotnet_headers):
            for name in KNOWN_HEADER_DIFFERENCES:
                headers.pop(name, None)
        assert python_headers == dotnet_headers


async def test_the_configuration_reaches_the_wire() -> None:
    """Every option of the configuration is where Ollama reads it."""
    configuration = CONFIGURATIONS[1]
    async with running_simulator() as simulator:
        for launcher in (await launchers()).values():
            (_, body), *_rest = await recorded_requests(simulator, launcher, configuration)

            assert {"temperature": 0.7, "seed": 42, "num_predict": 16} == body["options"]
            assert [
                {"role": "system", "content": "Answer in one word."},
                {"role": "user", "content": "Say hello 1"},
            ] == body["messages"]
            assert body["stream"] is False
            assert body["think"] is False
