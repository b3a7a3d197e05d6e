"""Gated runs: blocks on request, several runs side by side, one block at a time."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import psutil
import pytest

from benchmark.app import create_backend
from benchmark.runs import MAX_OPEN, REMEMBERED
from service_defaults.settings import ServiceSettings
from shared_models import AdvanceReply
from tests.support.agents import ScriptedAgent
from tests.support.servers import running_server
from tests.support.simulator import running_simulator
from tests.support.waiting import eventually

API = "/api/performance"
SLOW_WARM_UP = "def warmup(request):\n    time.sleep(0.5)\n    reply(request, samples=[])\n"
STUCK = """
def run(request):
    global block
    block = request
    send(request, sample(request["params"]["firstSequence"]))

def cancel(request):
    reply(request, cancelled=True)
    if "block" in globals():
        end(block, 1, cancelled=True)
"""
FIVE_FAILURES = """
def run(request):
    global block
    block = request
    send(request, *[sample(n, outcome='timeout') for n in range(1, 6)])

def cancel(request):
    reply(request, cancelled=True)
    end(block, 5, cancelled=True)
"""


class Backend:
    """A backend around a scripted agent, and a client of it."""

    def __init__(self, agent: ScriptedAgent, client: httpx.AsyncClient, endpoint: str) -> None:
        self.agent = agent
        self.client = client
        self._endpoint = endpoint

    async def start(self, **configuration: Any) -> httpx.Response:
        """Ask for a run, gated unless told otherwise."""
        body = {"endpoint": self._endpoint, "gated": True, "warmupIterations": 0}
        return await self.client.post("/start", json=body | configuration)

    async def started(self, **configuration: Any) -> str:
        """Start a run and return its id."""
        reply = await self.start(**configuration)
        assert 202 == reply.status_code, reply.text
        session_id: str = reply.json()["sessionId"]
        return session_id

    async def advance(self, session_id: str, **grant: Any) -> httpx.Response:
        """Ask for a block."""
        return await self.client.post("/advance", json={"sessionId": session_id, **grant})

    async def block(self, session_id: str, **grant: Any) -> AdvanceReply:
        """Ask for a block and return it."""
        reply = await self.advance(session_id, **grant)
        assert 200 == reply.status_code, reply.text
        return AdvanceReply.model_validate_json(reply.content)

    async def status(self, session_id: str) -> dict[str, Any]:
        """Return where a run is."""
        reply = await self.client.get("/status", params={"sessionId": session_id})
        found: dict[str, Any] = reply.json()
        return found

    async def until(self, session_id: str, field: str, *wanted: object) -> dict[str, Any]:
        """Return the status of a run once a field of it is one of those wanted."""
        with anyio.fail_after(30):
            while True:
                found = await self.status(session_id)
                if found[field] in wanted:
                    return found
                await anyio.sleep(0.01)


@asynccontextmanager
async def backend(changes: str = "") -> AsyncIterator[Backend]:
    """Serve a backend around an agent."""
    agent = ScriptedAgent(changes)
    async with (
        running_simulator() as simulator,
        running_server(create_backend(ServiceSettings(), agent)) as url,
        httpx.AsyncClient(base_url=url + API, timeout=30) as client,
    ):
        yield Backend(agent, client, simulator.url)
        await client.post("/stop")
    await eventually(lambda: not agent.processes())


def sequences(block: AdvanceReply) -> list[int]:
    return [sample.sequence for sample in block.samples]


async def test_a_gated_run_goes_on_block_by_block_to_its_end() -> None:
    """Numbers without a gap, times on one clock, and the last block completes the run."""
    async with backend() as served:
        session_id = await served.started(iterations=12)
        blocks = [await served.block(session_id, iterations=size) for size in (5, 3, 4)]
        result = (await served.client.get(f"/results/{session_id}")).json()
        after = await served.advance(session_id, iterations=1)

    assert [[1, 2, 3, 4, 5], [6, 7, 8], [9, 10, 11, 12]] == [sequences(one) for one in blocks]
    assert ["Running", "Running", "Completed"] == [one.status.status for one in blocks]
    assert [5, 8, 12] == [one.status.current_iteration for one in blocks]
    starts = [sample.start_ns for one in blocks for sample in one.samples]
    assert 0 == starts[0]
    assert sorted(starts) == starts
    assert starts[5] > blocks[0].wall_ns
    assert (True, list(range(1, 13))) == (
        result["success"],
        [sample["sequence"] for sample in result["samples"]],
    )
    assert starts == [sample["startNs"] for sample in result["samples"]]
    # Three blocks of calls of 1 µs in a row: the requests between them took far longer.
    assert pytest.approx(1e6) == result["metrics"]["iterationsPerSecond"]
    assert 409 == after.status_code


async def test_a_run_that_is_limited_by_time_is_advanced_by_time() -> None:
    """The granted seconds add up to the run's."""
    async with backend() as served:
        session_id = await served.started(durationSeconds=0.3)
        blocks = [await served.block(session_id, durationSeconds=s) for s in (0.1, 0.2)]

    assert [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]] == [sequences(one) for one in blocks]
    assert ["Running", "Completed"] == [one.status.status for one in blocks]
    assert [10**8, 2 * 10**8] == [one.wall_ns for one in blocks]
    assert 100.0 == blocks[-1].status.progress_percentage


async def test_a_block_that_comes_during_the_warm_up_waits_for_it() -> None:
    """A coordinator starts a run and asks for its first block, without polling."""
    async with backend(SLOW_WARM_UP) as served:
        session_id = await served.started(iterations=4)
        block = await served.block(session_id, iterations=2)
        # From inside a block there is nothing to wait for, in front of it there is.
        other = await served.started(iterations=4)
        replies: list[httpx.Response] = []

        async def ask() -> None:
            replies.append(await served.advance(other, iterations=2))

        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(ask)

    assert [1, 2] == sequences(block)
    assert [200, 409] == sorted(reply.status_code for reply in replies)


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ("def warmup(request): os._exit(3)", "Failed", "status 3"),
        (
            "def run(request):\n    send(request, sample(1), sample(2))\n    os._exit(4)",
            "Failed",
            "status 4",
        ),
        (
            FIVE_FAILURES,
            "Failed",
            "5 calls in a row",
        ),
    ],
    ids=["in the warm-up", "in the block", "five failures"],
)
async def test_a_run_that_fails_answers_the_block_with_the_samples_so_far(
    changes: str, status: str, words: str
) -> None:
    """The coordinator reads the cause where it waits for the samples."""
    async with backend(changes) as served:
        session_id = await served.started(iterations=20)
        block = await served.block(session_id, iterations=10)
        again = await served.advance(session_id, iterations=10)

    assert status == block.status.status
    assert words in (block.status.error_message or "")
    kept = {"status 3": 0, "status 4": 2}.get(words, 5)
    assert list(range(1, kept + 1)) == sequences(block)
    assert (409, True) == (again.status_code, words in again.text)


async def test_an_agent_that_dies_between_two_blocks_fails_the_run_at_once() -> None:
    """Nobody has to ask for another block to hear of it."""
    async with backend() as served:
        session_id = await served.started(iterations=20)
        await served.until(session_id, "phase", "Waiting")
        for pid in served.agent.processes():
            psutil.Process(pid).kill()
        status = await served.until(session_id, "status", "Failed")

    assert "SIGKILL" in status["errorMessage"]
    assert "bridge-died" == status["failureKind"]


async def test_of_several_open_runs_one_block_runs_at_a_time() -> None:
    """Two agents that measure at once would measure each other."""
    async with backend(STUCK) as served:
        first, second = [await served.started(iterations=9) for _ in range(2)]
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: served.advance(first, iterations=1))
            await served.until(first, "currentIteration", 1)
            replies = [await served.advance(one, iterations=1) for one in (first, second)]
            await served.client.post("/stop", json={"sessionId": first})
        states = [(await served.status(one))["status"] for one in (first, second)]

    assert [409, 409] == [reply.status_code for reply in replies]
    assert ["Stopped", "Running"] == states


async def test_open_runs_take_turns() -> None:
    """Each has an agent process of its own, and its own numbers and clock."""
    async with backend() as served:
        sessions = [await served.started(iterations=4) for _ in range(2)]
        blocks = [await served.block(sessions[number], iterations=2) for number in (0, 1, 1, 0)]

    assert [[1, 2], [1, 2], [3, 4], [3, 4]] == [sequences(one) for one in blocks]
    assert ["Running", "Running", "Completed", "Completed"] == [one.status.status for one in blocks]


async def test_so_many_gated_runs_may_be_open_and_none_is_forgotten() -> None:
    """The next one is refused, as is a plain run; runs that have ended make room."""
    async with backend() as served:
        ended = [await served.started(iterations=1) for _ in range(2)]
        for session_id in ended:
            await served.block(session_id, iterations=1)
        sessions = [await served.started() for _ in range(MAX_OPEN)]
        refused = [await served.start(), await served.start(gated=False)]
        found = [
            (await served.client.get(f"/results/{one}")).status_code for one in [*ended, *sessions]
        ]
        stopped = (await served.client.post("/stop")).json()["stopped"]
        states = {(await served.status(one))["status"] for one in sessions}
        alone = await served.start(gated=False, iterations=1)

    assert [409, 409] == [reply.status_code for reply in refused]
    assert [404, 404] + [200] * MAX_OPEN == found
    assert MAX_OPEN == REMEMBERED
    assert (True, {"Stopped"}) == (stopped, states)
    assert 202 == alone.status_code


async def test_a_gated_run_does_not_start_beside_a_plain_one() -> None:
    """A plain run measures for itself."""
    async with backend(STUCK) as served:
        session_id = await served.started(gated=False)
        await served.until(session_id, "currentIteration", 1)
        refused = await served.start()
        plain = await served.advance(session_id, iterations=1)

    assert [409, 409] == [refused.status_code, plain.status_code]


@pytest.mark.parametrize(
    ("grant", "field"),
    [
        ({"iterations": 11}, "iterations"),
        ({"durationSeconds": 1.0}, "durationSeconds"),
        ({"iterations": 0}, "iterations"),
        ({}, "body"),
        ({"iterations": 1, "durationSeconds": 1.0}, "body"),
    ],
)
async def test_an_impossible_block_is_refused_on_its_field(
    grant: dict[str, Any], field: str
) -> None:
    """And the run goes on waiting."""
    async with backend() as served:
        session_id = await served.started(iterations=10)
        reply = await served.advance(session_id, **grant)
        block = await served.block(session_id, iterations=10)

    assert 422 == reply.status_code
    assert [field] == [error["field"] for error in reply.json()["errors"]]
    assert "Completed" == block.status.status


async def test_a_gated_run_cannot_be_waited_for_in_one_request() -> None:
    """Nobody could grant it a block."""
    async with backend() as served:
        reply = await served.client.post("/run", json={"gated": True})
        unknown = await served.advance("other", iterations=1)

    assert (422, "gated") == (reply.status_code, reply.json()["errors"][0]["field"])
    assert 404 == unknown.status_code


class Clock:
    """Time as the test says."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def test_a_run_that_nobody_asks_for_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent is not kept for a coordinator that is gone; asking for the run is a sign of life.

    The block of another side may take longer than the patience for this one.
    """
    clock = Clock()
    monkeypatch.setattr("benchmark.session.monotonic", clock)
    monkeypatch.setattr("benchmark.session.IDLE_LIMIT_S", 0.2)
    async with backend() as served:
        session_id = await served.started()
        await served.until(session_id, "phase", "Waiting")
        phases = []
        for _ in range(3):
            clock.now += 0.15
            phases.append((await served.status(session_id))["phase"])
            await anyio.sleep(0.25)  # longer than the patience, by the clock on the wall
        clock.now += 0.25
        await eventually(lambda: not served.agent.processes())
        result = (await served.client.get(f"/results/{session_id}")).json()

    assert ["Waiting"] * 3 == phases
    assert (False, "Stopped: no block was asked for in 0.2 s") == (
        result["success"],
        result["message"],
    )


async def test_a_client_that_goes_away_in_a_block_stops_the_run() -> None:
    """Its owner is gone; the other runs are not held up."""
    async with backend(STUCK) as served:
        session_id, other = [await served.started(iterations=9) for _ in range(2)]
        async with anyio.create_task_group() as group:
            group.start_soon(_advance_and_leave, served, session_id)
            await served.until(session_id, "currentIteration", 1)
            group.cancel_scope.cancel()
        await served.until(session_id, "status", "Stopped")
        result = (await served.client.get(f"/results/{session_id}")).json()
        alive = await served.status(other)

    assert "the client that waited for the run went away" in result["message"]
    assert 1 == len(result["samples"])
    assert "Running" == alive["status"]


async def _advance_and_leave(served: Backend, session_id: str) -> None:
    async with httpx.AsyncClient(base_url=served.client.base_url, timeout=None) as own:  # noqa: S113
        await own.post("/advance", json={"sessionId": session_id, "iterations": 3})


async def test_a_stop_ends_the_block_and_answers_it() -> None:
    """Who waits for the block hears that the run was stopped, with the samples so far."""
    async with backend(STUCK) as served:
        session_id = await served.started(iterations=9)
        blocks: list[AdvanceReply] = []

        async def ask() -> None:
            blocks.append(await served.block(session_id, iterations=3))

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await served.until(session_id, "currentIteration", 1)
            await served.client.post("/stop", json={"sessionId": session_id})

    assert ["Stopped"] == [one.status.status for one in blocks]
    assert [[1]] == [sequences(one) for one in blocks]


async def test_a_follower_sees_the_blocks_of_a_gated_run() -> None:
    """Events go on across the blocks, until the run ends."""
    async with backend() as served:
        session_id = await served.started(iterations=4)
        numbers: list[int] = []

        async def follow() -> None:
            reply = await served.client.get("/events", params={"sessionId": session_id})
            for line in reply.text.splitlines():
                if line.startswith('data: {"sessionId"') and '"samples":[' in line:
                    rows = json.loads(line.removeprefix("data: "))["samples"]
                    numbers.extend(row["sequence"] for row in rows)

        async with anyio.create_task_group() as group:
            group.start_soon(follow)
            for _ in range(2):
                await served.block(session_id, iterations=2)

    assert [1, 2, 3, 4] == numbers
