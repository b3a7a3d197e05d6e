"""Times are measured, add up, and come in the order that slots impose."""

import asyncio
import statistics
import time
from typing import Any

import httpx
import orjson
import pytest

from ollama_simulator import LatencyModel, SimulatorSettings
from tests.support.simulator import INSTANT, client_of, running_simulator

CHAT: dict[str, Any] = {
    "model": "llama2",
    "messages": [{"role": "user", "content": "Say hello 1"}],
    "stream": False,
}


def fixed(milliseconds: float, **rest: Any) -> SimulatorSettings:
    latency = LatencyModel(latency_ms=milliseconds, distribution="fixed", load_ms=0, **rest)
    return SimulatorSettings(latency=latency)


async def ask(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    reply = await client.post("/api/chat", json=CHAT | changes)
    body: dict[str, Any] = orjson.loads(reply.content.splitlines()[-1])
    return body


@pytest.mark.quiet
async def test_a_fixed_latency_is_reported_as_it_was() -> None:
    """The median of what is reported, against that of a server four times as slow."""
    medians = []
    for milliseconds in (5, 20):
        async with running_simulator(fixed(milliseconds)) as running, client_of(running) as client:
            await ask(client)
            totals = [(await ask(client))["total_duration"] for _ in range(15)]
            medians.append(statistics.median(totals))
            assert min(totals) >= milliseconds * 1_000_000
    assert medians[1] / medians[0] == pytest.approx(4, rel=0.25)


async def test_what_is_reported_has_really_passed() -> None:
    async with running_simulator(fixed(10)) as running, client_of(running) as client:
        await ask(client)
        for _ in range(5):
            before_ns = time.perf_counter_ns()
            reported_ns = (await ask(client))["total_duration"]
            assert 10_000_000 <= reported_ns <= time.perf_counter_ns() - before_ns


async def test_the_parts_never_exceed_the_total() -> None:
    async with running_simulator(fixed(3)) as running, client_of(running) as client:
        for stream in (True, False) * 5:
            reply = await ask(client, stream=stream)
            parts = ("load_duration", "prompt_eval_duration", "eval_duration")
            assert reply["total_duration"] >= sum(reply[part] for part in parts)


async def test_evaluation_spans_the_gaps_between_the_tokens() -> None:
    async with running_simulator(fixed(0, token_ms=4)) as running, client_of(running) as client:
        reply = await ask(client, options={"num_predict": 5})
        assert reply["eval_count"] == 5
        assert reply["eval_duration"] >= 4 * 4_000_000 * 0.9
        one = await ask(client, options={"num_predict": 1})
        assert "eval_duration" not in one


async def test_tokens_are_streamed_one_by_one() -> None:
    async with running_simulator(fixed(0, token_ms=5)) as running, client_of(running) as client:
        async with client.stream("POST", "/api/chat", json=CHAT | {"stream": True}) as reply:
            arrivals = [time.perf_counter() async for _ in reply.aiter_lines()]
        tokens = len(arrivals) - 1
        assert arrivals[-1] - arrivals[0] >= (tokens - 1) * 0.005 * 0.8


async def test_cached_prompt_tokens_are_counted_and_not_timed() -> None:
    settings = fixed(0, prompt_token_ms=2)
    async with running_simulator(settings) as running, client_of(running) as client:
        first, again = await ask(client), await ask(client)
    assert first["prompt_eval_count"] == again["prompt_eval_count"] > 4
    assert first["prompt_eval_duration"] > 2 * again["prompt_eval_duration"]


async def test_a_load_is_reported_as_such() -> None:
    settings = SimulatorSettings(latency=LatencyModel(latency_ms=0, load_ms=60))
    async with running_simulator(settings) as running, client_of(running) as client:
        cold, warm = await ask(client), await ask(client)
        reloaded = await ask(client, options={"num_ctx": 1_024})
    for loaded in (cold, reloaded):
        assert loaded["load_duration"] >= 60_000_000
        assert loaded["load_duration"] > 2 * warm["load_duration"]


async def test_the_wait_for_a_slot_is_in_the_total_and_not_in_the_load() -> None:
    async with running_simulator(fixed(5)) as running, client_of(running) as client:
        await ask(client)
        ((runner, _),) = running.app.simulator.runners.loaded()
        await runner.slots.acquire()
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(ask(client))
            while len(running.requests) < 2:  # noqa: ASYNC110 - a server tells nobody of a request
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.2)
            runner.slots.release()
        reply = waiting.result()
    parts_ns = reply["prompt_eval_duration"] + reply["eval_duration"] + reply["load_duration"]
    wait_ns = reply["total_duration"] - parts_ns
    assert wait_ns >= 150_000_000
    assert reply["load_duration"] < wait_ns / 2


@pytest.mark.quiet
async def test_more_slots_serve_more_requests_at_a_time() -> None:
    walls = []
    for slots in (1, 4):
        settings = SimulatorSettings(latency=fixed(50).latency, slots=slots)
        async with running_simulator(settings) as running, client_of(running) as client:
            await ask(client)
            before = time.perf_counter()
            await asyncio.gather(*(ask(client) for _ in range(4)))
            walls.append(time.perf_counter() - before)
    assert walls[0] > 1.5 * walls[1]


@pytest.mark.parametrize("place", ["running", "waiting"])
async def test_a_client_that_goes_frees_its_place(place: str) -> None:
    settings = SimulatorSettings(latency=fixed(3_600_000).latency)
    async with running_simulator(settings) as running, client_of(running) as client:
        gone = [asyncio.ensure_future(ask(client)) for _ in range(1 if place == "running" else 3)]
        await asyncio.sleep(0.2)
        for request in gone:
            request.cancel()
        await asyncio.gather(*gone, return_exceptions=True)
        await client.post("/__simulator/latency", json={"latency_ms": 0})
        assert (await ask(client))["done"] is True


async def test_the_default_reply_takes_about_what_it_says() -> None:
    settings = SimulatorSettings()
    async with running_simulator(settings) as running, client_of(running) as client:
        assert (await ask(client))["load_duration"] >= 200_000_000
        totals = [(await ask(client))["total_duration"] for _ in range(9)]
    assert statistics.median(totals) >= 20_000_000 * 0.85
    assert len(set(totals)) == 9


async def test_an_instant_reply_reports_its_own_small_time() -> None:
    async with running_simulator() as running, client_of(running) as client:
        await ask(client)
        totals = [(await ask(client))["total_duration"] for _ in range(20)]
    assert min(totals) > 0
    assert len(set(totals)) > 1
    assert INSTANT.is_instant
