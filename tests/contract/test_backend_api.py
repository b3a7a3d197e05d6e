"""Both real backends over HTTP: what they answer when all is well, and to hostile bodies."""

import json
from typing import Any

import pytest

from shared_models import Capabilities, HealthReport, Sample, StartReply, TestResult, TestStatus
from tests.support.backends import API, each_language, ended_run, running_backend
from tests.support.simulator import running_simulator

LANGUAGE_WORDS = {"python": ("Python", "Python"), "dotnet": ("CSharp", "DotNet")}
JSON = {"content-type": "application/json"}

pytestmark = each_language


def snake_case_names(value: Any) -> list[str]:
    """Return every name in a JSON value that is not camelCase."""
    if isinstance(value, list):
        return [name for item in value for name in snake_case_names(item)]
    if not isinstance(value, dict):
        return []
    own = [name for name in value if not name.isalnum() or not name[0].islower()]
    # The names below `failures` are the kinds of failures, which are values.
    below = [item for name, item in value.items() if name != "failures"]
    return own + snake_case_names(below)


async def test_the_original_request_gets_the_original_answer(language: str) -> None:
    """The seed's body, as it is, gives a successful result with the seed's fields."""
    async with running_simulator() as simulator, running_backend(language) as client:
        body = {
            "iterations": 10,
            "model": "ministral-3",
            "endpoint": simulator.url,
            "testMode": "standard",
            "batchSize": 10,
            "concurrentRequests": 5,
        }
        reply = await client.post(f"{API}/run", json=body)

    assert 200 == reply.status_code
    result = TestResult.model_validate_json(reply.content)
    assert result.success, result.message
    assert result.metrics is not None
    assert LANGUAGE_WORDS[language] == (result.metrics.language, result.metrics.framework)
    assert type(reply.json()["metrics"]["totalExecutionTimeMs"]) is int
    assert (10, 10, 0) == (
        result.metrics.total_iterations,
        result.metrics.success_count,
        result.metrics.failure_count,
    )
    assert "ollama-simulator" == result.metrics.provider
    assert result.metrics.warmup_successful
    assert result.metrics.environment.agent is not None
    for figure in (
        result.metrics.cold_start_ms,
        result.metrics.first_call_ms,
        result.metrics.memory_used_mb,
        result.metrics.breakdown.framework_ms,
        result.metrics.tokens.completion,
    ):
        assert figure is not None
    assert "samples" not in reply.json()


async def test_every_reply_is_camel_case_with_integer_counts(language: str) -> None:
    """Typed clients read counts and elapsed times as Int64, under the names of the original."""
    async with running_simulator() as simulator, running_backend(language) as client:
        started = await client.post(f"{API}/start", json={"endpoint": simulator.url})
        session_id = StartReply.model_validate_json(started.content).session_id
        status = await ended_run(client, session_id)
        replies = [
            started.json(),
            status,
            (await client.get(f"{API}/results/{session_id}")).json(),
            (await client.get(f"{API}/capabilities")).json(),
            (await client.get(f"{API}/health")).json(),
            (await client.post(f"{API}/stop")).json(),
            (await client.post(f"{API}/start", json={"iterations": 0})).json(),
        ]

    assert (202, f"{API}/results/{session_id}") == (
        started.status_code,
        started.headers["location"],
    )
    assert [] == snake_case_names(replies)
    TestStatus.model_validate_json(json.dumps(status))
    for name in (
        "currentIteration",
        "totalIterations",
        "elapsedTimeMs",
        "successCount",
        "failureCount",
    ):
        assert type(status[name]) is int
    Capabilities.model_validate_json(json.dumps(replies[3]))


async def test_health_has_the_original_shape(language: str) -> None:
    """Healthy, by the service's name, on both paths."""
    async with running_backend(language) as client:
        for path in (f"{API}/health", "/health"):
            reply = await client.get(path)

            assert {"status": "healthy", "service": f"{language}-backend"} == reply.json()
            HealthReport.model_validate_json(reply.content)


async def test_deep_health_tells_a_simulated_model_server(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the dashboard's badge rests on."""
    async with running_simulator() as simulator, running_backend(language) as client:
        monkeypatch.setenv("OLLAMA_HTTP", simulator.url)
        reply = await client.get(f"{API}/health", params={"deep": "true"})

    assert (200, True) == (reply.status_code, reply.json()["simulated"])


@pytest.mark.parametrize(
    ("mode", "configuration", "batches", "workers"),
    [
        ("standard", {}, {None}, {0}),
        ("batch", {"batchSize": 4}, {1, 2, 3}, {0, 1, 2, 3}),
        ("concurrent", {"concurrentRequests": 3}, {None}, {0, 1, 2}),
    ],
)
async def test_every_mode_gives_each_number_once(
    language: str,
    mode: str,
    configuration: dict[str, int],
    batches: set[int | None],
    workers: set[int],
) -> None:
    """No gap, no duplicate, batches and workers as configured, and the CSV has as many lines."""
    async with running_simulator() as simulator, running_backend(language) as client:
        body = {"endpoint": simulator.url, "iterations": 11, "testMode": mode, **configuration}
        reply = await client.post(f"{API}/run", params={"samples": "true"}, json=body)
        session_id = (await client.get(f"{API}/status")).json()["sessionId"]
        table = await client.get(f"{API}/results/{session_id}", params={"format": "csv"})

    result = TestResult.model_validate_json(reply.content)
    assert result.success, result.message
    samples: list[Sample] = result.samples or []
    assert list(range(1, 12)) == sorted(sample.sequence for sample in samples)
    assert batches == {sample.batch for sample in samples}
    assert workers >= {sample.worker for sample in samples}
    assert 12 == len(table.text.splitlines())
    assert table.headers["content-type"].startswith("text/csv")


HOSTILE_BODIES = [
    b'{"iterations":0}',
    b'{"iterations":-1}',
    b'{"iterations":1000000001}',
    b'{"iterations":"10"}',
    b'{"iterations":10.0}',
    b'{"iterations":true}',
    b'{"iterations":null}',
    b'{"iterations":1e400}',
    b'{"iterations":NaN}',
    b'{"iterations":' + b"9" * 5_000 + b"}",
    b'{"temperature":1e400}',
    b'{"surprise":1}',
    b'{"batch_size":3}',
    b'{"model":"ministral-3\\n"}',
    b'{"model":"--help"}',
    b'{"model":"-x"}',
    b'{"model":"\\ud800"}',
    b'{"model":"\\u0000"}',
    b'{"model":"a\\u202eb"}',
    b'{"model":"\xf0\x9f\x98\x80"}',
    b'{"model":";id"}',
    b'{"model":"$(id)"}',
    b'{"model":""}',
    b'{"model":"' + b"x" * 60_000 + b'"}',
    b'{"endpoint":"http://169.254.169.254/"}',
    b'{"endpoint":"http://10.0.0.1:11434"}',
    b'{"endpoint":"http://user:secret@localhost:11434"}',
    b'{"endpoint":"file:///etc/passwd"}',
    b'{"endpoint":""}',
    b'{"testMode":"sideways"}',
    b'{"prompts":[]}',
    b'{"requestTimeoutSeconds":0}',
    b'{"iterations":1,"iterations":2}',
    b"[" * 30_000,
    b"[]",
    b"null",
    b"NaN",
    b"",
    b"{",
    b'{"model":"\xff"}',
]


async def test_a_hostile_body_is_refused_and_starts_nothing(language: str) -> None:
    """Each is a 422 problem on both ways to start; never a 500, never a run."""
    async with running_backend(language) as client:
        for body in HOSTILE_BODIES:
            for path in ("run", "start"):
                reply = await client.post(f"{API}/{path}", content=body, headers=JSON)

                assert 422 == reply.status_code, (path, body[:60], reply.text)
                assert "application/problem+json" == reply.headers["content-type"]
                assert "secret" not in reply.text
        status = (await client.get(f"{API}/status")).json()

    assert ("Idle", None) == (status["status"], status["sessionId"])


@pytest.mark.parametrize(
    "session_id", ["other", "..%2F..%2Fetc%2Fpasswd", "x" * 10_000, "1'%20OR%201=1--", "%00"]
)
async def test_an_unknown_run_is_not_found(language: str, session_id: str) -> None:
    """Whatever stands in place of an id, it is looked up in a table and nowhere else."""
    async with running_backend(language) as client:
        replies = [
            await client.get(f"{API}/results/{session_id}"),
            await client.get(f"{API}/status?sessionId={session_id}"),
            await client.get(f"{API}/events?sessionId={session_id}"),
        ]

    assert {reply.status_code for reply in replies} <= {404, 422}


async def test_before_the_first_run_there_is_nothing_to_follow(language: str) -> None:
    """The status is Idle, events and results are not found, a stop finds nothing."""
    async with running_backend(language) as client:
        events = await client.get(f"{API}/events")
        stopped = await client.post(f"{API}/stop")

    assert 404 == events.status_code
    assert (200, False) == (stopped.status_code, stopped.json()["stopped"])
