"""The OpenAPI of a backend, against what it really answers."""

from typing import Any

import anyio.to_thread
import pytest
import schemathesis
from schemathesis.engine import events, from_schema

from benchmark.app import create_backend
from service_defaults.settings import ServiceSettings
from tests.support.agents import ScriptedAgent
from tests.support.backends import API, running_backend
from tests.support.servers import running_server
from tests.support.simulator import running_simulator

DOCUMENTED = {
    ("post", "/run"): {"200", "400", "403", "409", "413", "415", "422", "502", "503"},
    ("post", "/start"): {"202", "400", "403", "409", "413", "415", "422", "502", "503"},
    ("post", "/advance"): {"200", "400", "403", "404", "409", "413", "415", "422"},
    ("post", "/stop"): {"200", "400", "403", "404", "413", "415", "422"},
    ("get", "/status"): {"200", "404", "422"},
    ("get", "/events"): {"200", "404", "422"},
    ("get", "/results/{session_id}"): {"200", "404", "422"},
    ("get", "/health"): {"200", "422", "503"},
    ("get", "/capabilities"): {"200", "503"},
}
HEALTH_IS_JSON = ("get", "/health")

FUZZING: dict[str, Any] = {
    "seed": 1,
    "generation": {"max-examples": 8, "database": "none"},
    "phases": {"stateful": {"enabled": False}},
    "checks": {
        # Strictness is meant: JSON Schema takes 10.0 for an integer, and an endpoint or a mode that
        # the schema allows may be one that this backend refuses on its field.
        "positive_data_acceptance": {"enabled": False},
        # A list with too many items is refused for its size, before it is read.
        "negative_data_rejection": {
            "expected-statuses": ["400", "404", "405", "406", "409", "413", "415", "422", "503"]
        },
    },
}
# What the schema allows and this agent cannot do is a 422 by design, and a million calls take
# their time: good bodies are sent with these values.
FEASIBLE: dict[str, Any] = {
    "iterations": 1,
    "warmupIterations": 0,
    "warmupSeconds": None,
    "testMode": "standard",
    "scenario": "chat",
    "flavour": "agent",
    "arrivals": "constant",
    "ratePerSecond": None,
    "durationSeconds": None,
    "agentProcesses": 1,
    "gated": False,
}
SHORT: dict[str, float] = {
    "iterations": 1,
    "durationSeconds": 0.01,
    "warmupIterations": 1,
    "warmupSeconds": 0.01,
    "agentProcesses": 1,
}


async def test_every_status_that_a_route_answers_is_documented() -> None:
    """A generated client knows each refusal, and each refusal is problem+json."""
    async with running_backend("python") as client:
        document: dict[str, Any] = (await client.get("/openapi.json")).json()

    for (method, path), statuses in DOCUMENTED.items():
        responses = document["paths"][API + path][method]["responses"]
        assert statuses <= set(responses), (method, path)
        for status in statuses - {"200", "202"}:
            if ((method, path), status) == (HEALTH_IS_JSON, "503"):
                continue
            content = responses[status]["content"]
            assert ["application/problem+json"] == list(content), (path, status)
            assert content["application/problem+json"]["schema"], (path, status)


def fuzzed(document_url: str, endpoint: str) -> tuple[int, list[str]]:
    """Return how many cases were sent and what failed; blocks, so call it in a thread."""
    config = schemathesis.Config.from_dict(FUZZING)
    schema = schemathesis.openapi.from_url(document_url, config=config)

    @schemathesis.hook
    def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
        if isinstance(case.body, dict) and case.path.endswith(("/run", "/start")):
            if case.meta.generation.mode.is_positive:
                case.body.update(FEASIBLE | {"endpoint": endpoint})
                return
            # What is wrong with the others may be a field that is not one of these.
            for name, enough in SHORT.items():
                if type(case.body.get(name)) in (int, float):
                    case.body[name] = min(case.body[name], enough)

    try:
        return outcome_of(schema)
    finally:
        schemathesis.hooks.unregister(before_call)


def outcome_of(schema: Any) -> tuple[int, list[str]]:
    """Run every phase and return the number of cases and the failures."""
    sent = 0
    failed: list[str] = []
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            sent += len(event.recorder.cases)
            for checks in event.recorder.checks.values():
                failed += [
                    f"{event.recorder.label}: {check.name}: {check.failure_info.failure}"
                    for check in checks
                    if check.failure_info is not None
                ]
        elif isinstance(event, events.NonFatalError | events.FatalError):
            failed.append(str(event))
    return sent, failed


async def test_no_generated_request_breaks_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of requests, good and bad: no failure of the service, nothing undocumented.

    The service is the one of both backends; its agent is a scripted one, which starts at once.
    """
    app = create_backend(ServiceSettings(), ScriptedAgent())
    async with running_simulator() as simulator, running_server(app) as url:
        monkeypatch.setenv("OLLAMA_HTTP", simulator.url)
        document_url = f"{url}/openapi.json"
        sent, failed = await anyio.to_thread.run_sync(fuzzed, document_url, simulator.url)

    assert not failed, "\n\n".join(sorted(set(failed)))
    assert 100 <= sent
