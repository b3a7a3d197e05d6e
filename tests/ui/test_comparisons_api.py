"""`/api/comparisons` on a real socket: start, one at a time, watch, stop, rows, forget."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from comparison import sse
from shared_models import ComparisonList, ComparisonReport, Problem
from tests.support.fake_backend import DOTNET, FakeBackend
from tests.support.web_service import until

from .test_web_service import web

SMALL: dict[str, Any] = {"launches": 1, "configuration": {"iterations": 10}}


@asynccontextmanager
async def comparing(tmp_path: Path) -> AsyncIterator[tuple[httpx.AsyncClient, FakeBackend]]:
    """Serve the service over two fakes; yields its client and the first of them."""
    python = FakeBackend()
    dotnet = FakeBackend(name="dotnet-backend", identity=DOTNET, latency_ms=30.0)
    dotnet.gate = python.gate
    async with web(tmp_path, python, dotnet) as client:
        yield client, python


async def started(client: httpx.AsyncClient, **changes: Any) -> str:
    """Start a comparison and return where it is."""
    response = await client.post("/api/comparisons", json=SMALL | changes)
    assert 202 == response.status_code, response.text
    return str(response.headers["location"])


async def followed(client: httpx.AsyncClient, location: str) -> list[ComparisonReport]:
    """Return the reports of a comparison's events, until the stream ends."""
    async with client.stream("GET", f"{location}/events", timeout=20) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        return [
            ComparisonReport.model_validate_json(event.data)
            async for event in sse.events(response.aiter_lines())
        ]


async def test_a_comparison_is_followed_to_its_verdict(tmp_path: Path) -> None:
    """202 with its place, reports as events, the same report by GET afterwards."""
    async with comparing(tmp_path) as (client, _):
        location = await started(client, launches=4, configuration={"iterations": 40})
        reports = await followed(client, location)
        final = ComparisonReport.model_validate_json((await client.get(location)).content)

    assert location == f"/api/comparisons/{final.id}"
    assert "Running" == reports[0].status
    assert final == reports[-1]
    assert ("Completed", "slower") == (final.status, final.verdict)


async def test_only_one_comparison_runs_at_a_time(tmp_path: Path) -> None:
    """409 names the other one; a stop makes room, and is harmless when repeated."""
    async with comparing(tmp_path) as (client, python):
        python.gate.clear()
        location = await started(client)
        busy = await client.post("/api/comparisons", json=SMALL)
        undeletable = await client.delete(location)
        stops = [(await client.post(f"{location}/stop")).json()["stopped"] for _ in range(2)]
        python.gate.set()
        second = await started(client)
        await followed(client, second)

    problem = Problem.model_validate_json(busy.content)
    assert (409, True) == (busy.status_code, location.rsplit("/", 1)[1] in (problem.detail or ""))
    assert 409 == undeletable.status_code
    assert [True, False] == stops


async def test_rows_are_the_calls_with_their_place(tmp_path: Path) -> None:
    """Every sample of both sides, as the agents measured it."""
    async with comparing(tmp_path) as (client, _):
        location = await started(client)
        await followed(client, location)
        body = (await client.get(location, params={"samples": True})).json()

    rows = body.pop("samples")
    ComparisonReport.model_validate(body, strict=False)
    assert [10, 10] == [sum(row["side"] == side for row in rows) for side in (0, 1)]
    assert [(0, 0, 0, 0), (0, 0, 3, 1)] == sorted(
        {(r["launch"], r["superBlock"], r["segment"], r["position"]) for r in rows if not r["side"]}
    )
    assert list(range(1, 11)) == [row["sample"]["sequence"] for row in rows[:10]]


async def test_the_list_has_pages_and_forgets(tmp_path: Path) -> None:
    """Newest first; what was deleted is gone."""
    async with comparing(tmp_path) as (client, _):
        locations = []
        for _ in range(2):
            locations.append(await started(client))
            await followed(client, locations[-1])
        listed = ComparisonList.model_validate_json((await client.get("/api/comparisons")).content)
        second_page = await client.get("/api/comparisons", params={"page": 2})
        deleted = await client.delete(locations[0])
        missing = await client.get(locations[0])
        left = (await client.get("/api/comparisons")).json()

    assert [location.rsplit("/", 1)[1] for location in reversed(locations)] == [
        report.id for report in listed.comparisons
    ]
    assert {"comparisons": [], "total": 2} == second_page.json()
    assert (204, 404, 1) == (deleted.status_code, missing.status_code, left["total"])


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"launches": 0}, "launches"),
    ({"schedule": "random"}, "schedule"),
    ({"call_per_segment": 2}, "call_per_segment"),
    ({"sides": []}, "sides"),
    ({"sides": [{"backend": "java-backend"}]}, "sides.0.backend"),
    ({"sides": [{"backend": "python-backend"}] * 2, "schedule": "parallel"}, "sides"),
    ({"configuration": {"gated": True}}, "configuration.gated"),
    ({"configuration": {"testMode": "rate"}}, "configuration.ratePerSecond"),
    ({"configuration": {"scenario": "tools"}}, "configuration.scenario"),
    (
        {"sides": [{"backend": "python-backend"}, {"backend": "dotnet-backend", "flavour": "aot"}]},
        "sides.1.flavour",
    ),
    ({"configuration": {"endpoint": "http://192.0.2.1"}}, "endpoint"),
]


async def test_a_refused_body_names_its_field(tmp_path: Path) -> None:
    """422 problem+json, and nothing is started."""
    named = []
    async with comparing(tmp_path) as (client, python):
        for body, _ in REFUSED:
            response = await client.post("/api/comparisons", json=body)
            problem = Problem.model_validate_json(response.content)
            named.append((response.status_code, (problem.errors or [])[0].field))

    assert [(422, field) for _, field in REFUSED] == named
    assert [] == python.configurations


async def test_an_unknown_comparison_and_the_routes_description(tmp_path: Path) -> None:
    """404 as a problem; every status that a route can answer is documented."""
    async with comparing(tmp_path) as (client, _):
        answers = [
            await client.get(f"/api/comparisons/nobody{rest}")
            for rest in ("", "/events", "?samples=true")
        ]
        paths = (await client.get("/openapi.json")).json()["paths"]

    assert {(404, "application/problem+json")} == {
        (answer.status_code, answer.headers["content-type"]) for answer in answers
    }
    assert {"202", "409", "413", "422"} <= set(paths["/api/comparisons"]["post"]["responses"])
    one = paths["/api/comparisons/{identity}"]
    assert {"204", "404", "409"} <= set(one["delete"]["responses"])


async def test_the_service_ends_its_comparison_when_it_ends(tmp_path: Path) -> None:
    """No session is left on a backend."""
    async with comparing(tmp_path) as (client, python):
        python.gate.clear()
        await started(client)
        await until(lambda: bool(python.executing))
        assert python.open_sessions

    assert 0 == python.open_sessions
