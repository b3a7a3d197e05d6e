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

CALLS = 4
FLAVOURS = ["agent", "client", "http"]
SCENARIOS = ["tools", "conversation", "structured"]

# Each entry here and in `without_known_differences` stands in docs/fairness.md.
KNOWN_HEADER_DIFFERENCES = {"user-agent", "content-type", "content-length", "connection"}

Request = tuple[dict[str, str], dict[str, Any]]

pytestmark = pytest.mark.dotnet


async def recorded_requests(
    simulator: RunningSimulator, launcher: AgentLauncher, configuration: dict[str, Any]
) -> list[Request]:
    """Return headers and body of each model call of a short run, whole and then streamed."""
    simulator.app.simulator.recorded.clear()

    def ignore(_params: SamplesParams) -> None:
        return None

    async with initialised_agent(launcher, simulator.url, ignore, **configuration) as bridge:
        for mode in ("standard", "streaming"):
            block = RunParams.model_validate(
                {
                    "runId": mode,
                    "firstSequence": 1,
                    "iterations": CALLS,
                    "mode": mode,
                    "concurrency": 1,
                }
            )
            await bridge.call("run", block, RunResult, silence_s=30)
    headers = [
        {name.decode().lower(): value.decode() for name, value in request.headers}
        for request in simulator.app.simulator.recorded
    ]
    return list(zip(headers, simulator.requests, strict=True))


async def check_fairness(**configuration: Any) -> None:
    """Assert that both agents send the same requests but for what is known to differ."""
    sent: dict[str, list[Request]] = {}
    async with running_simulator() as simulator:
        for language, launcher in (await launchers()).items():
            found = await recorded_requests(simulator, launcher, configuration)
            library = configuration.get("flavour", "agent") != "http"
            sent[language] = [
                without_known_differences(language, request, library=library) for request in found
            ]

    calls_each = 2 if configuration.get("scenario") == "tools" else 1
    assert 2 * CALLS * calls_each == len(sent["Python"])
    assert sent["Python"] == sent["C#"]


def without_known_differences(language: str, request: Request, *, library: bool) -> Request:
    """Take out of a request what the client libraries make different, and assert that it is there.

    `library` tells whether the request was made by one.
    """
    headers, body = request
    headers = {name: headers[name] for name in headers.keys() - KNOWN_HEADER_DIFFERENCES}
    if library and language == "Python":
        if not body["tools"]:
            del body["tools"]
    elif library:
        assert {} == body.pop("CustomHeaders")
        for tool in body.get("tools", []):
            assert tool["function"]["parameters"].pop("additionalProperties") is False
    if library and body.get("tools"):
        body["messages"] = [_reduced(message) for message in body["messages"]]
    return headers, body


def _reduced(message: dict[str, Any]) -> dict[str, Any]:
    """Keep of a function's call and result only who says it and what is asked for.

    The libraries write ids, empty texts and results in their own ways; what is asked for depends
    on the tools as they were offered.
    """
    if message["role"] == "tool":
        assert message["content"]
        return {"role": "tool"}
    if calls := message.get("tool_calls"):
        assert not message.get("content")
        return {"role": message["role"], "calls": [call["function"]["name"] for call in calls]}
    return message


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
async def test_both_agents_send_the_same_request(configuration: dict[str, Any]) -> None:
    """Field by field: only what docs/fairness.md lists differs, and it differs on every call."""
    await check_fairness(**configuration)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_every_scenario_is_asked_for_alike_in_every_flavour(
    scenario: str, flavour: str
) -> None:
    """The functions offered, the history, the schema; by hand nothing differs at all."""
    await check_fairness(
        scenario=scenario, flavour=flavour, turns=2, instructions="Be brief.", maxTokens=64
    )


@pytest.mark.parametrize("flavour", ["client", "http"])
async def test_a_plain_chat_is_asked_for_alike_without_the_framework(flavour: str) -> None:
    """As with it."""
    await check_fairness(flavour=flavour, seed=42, maxTokens=16)


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
