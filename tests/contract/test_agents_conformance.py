"""The agent protocol, asked of both real agents without a backend in between."""

import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from shared_models import (
    BUSY,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    NOT_INITIALISED,
    PARSE_ERROR,
    InitializeResult,
    RunResult,
    RuntimeStatistics,
    WarmupResult,
)
from tests.support.backends import (
    STUCK,
    agent_command,
    each_language,
    introduced_agent,
    new_agent,
)
from tests.support.conversation import block
from tests.support.servers import running_process
from tests.support.simulator import INSTANT, RunningSimulator
from tests.support.waiting import eventually, is_gone

NOWHERE = "http://127.0.0.1:9"

pytestmark = each_language


def code_of(reply: dict[str, Any]) -> int:
    code: int = reply["error"]["code"]
    assert reply["error"]["message"]
    return code


async def test_an_agent_introduces_itself(language: str) -> None:
    """Who it is, in which process, and what it can do."""
    async with new_agent(language) as talk:
        result = InitializeResult.model_validate(await talk.initialize(NOWHERE))

        assert talk.process.pid == result.process_id
        assert {"standard", "batch", "concurrent"} <= set(result.modes)
        assert "chat" in result.scenarios
        assert all((result.runtime_version, result.framework_version, result.client_version))


async def test_an_agent_is_introduced_once(language: str) -> None:
    """The second `initialize` is refused and changes nothing."""
    async with introduced_agent(language) as (talk, _):
        again = await talk.ask("initialize", protocolVersion=1, configuration={"endpoint": NOWHERE})
        result = await talk.run(iterations=1)

        assert INVALID_REQUEST == code_of(again)
        assert (1, "ok") == (result["completed"], talk.samples[0].outcome)


async def test_everything_else_needs_an_introduction(language: str) -> None:
    """An agent without a configuration has nothing to work with."""
    async with new_agent(language) as talk:
        for method in ("run", "warmup", "cancel", "runtimeStatistics"):
            assert NOT_INITIALISED == code_of(await talk.ask(method, **block())), method


WRONG_REQUESTS: list[tuple[str, dict[str, Any], int]] = [
    ("surprise", {}, METHOD_NOT_FOUND),
    ("run", {}, INVALID_PARAMS),
    ("run", block(iterations=0), INVALID_PARAMS),
    ("run", block(iterations="3"), INVALID_PARAMS),
    ("run", block(firstSequence=0), INVALID_PARAMS),
    ("run", block(concurrency=0), INVALID_PARAMS),
    ("run", block(surprise=1), INVALID_PARAMS),
    ("run", block(mode="sideways"), INVALID_PARAMS),
    ("warmup", {"runId": "r", "iterations": -1}, INVALID_PARAMS),
    ("cancel", {}, INVALID_PARAMS),
]


async def test_a_wrong_request_is_refused_with_its_code_and_the_agent_goes_on(
    language: str,
) -> None:
    """One bad call costs nothing but its own refusal."""
    async with introduced_agent(language) as (talk, _):
        for number, (method, params, code) in enumerate(WRONG_REQUESTS, start=1):
            refusal = await talk.ask(method, **params)

            assert code == code_of(refusal), (method, params)
            assert 1 == (await talk.run(firstSequence=number, iterations=1))["completed"]


WRONG_CONFIGURATIONS: list[dict[str, Any]] = [
    {"endpoint": NOWHERE, "iterations": True},
    {"endpoint": NOWHERE, "surprise": 1},
    {"endpoint": NOWHERE, "model": "x\ny"},
    {"endpoint": NOWHERE, "temperature": 3},
    {"endpoint": NOWHERE, "testMode": "sideways"},
]


async def test_a_wrong_configuration_is_refused(language: str) -> None:
    """The agent checks what the backend has checked, and can still be introduced rightly."""
    async with new_agent(language) as talk:
        for configuration in WRONG_CONFIGURATIONS:
            reply = await talk.ask("initialize", protocolVersion=1, configuration=configuration)
            assert INVALID_PARAMS == code_of(reply), configuration
        good = {"endpoint": NOWHERE}
        future = await talk.ask("initialize", protocolVersion=2, configuration=good)

        assert INVALID_PARAMS == code_of(future)
        assert 1 == (await talk.initialize(NOWHERE))["protocolVersion"]


WRONG_LINES: list[tuple[bytes, int]] = [
    (b"hello\n", PARSE_ERROR),
    (b'{"jsonrpc":"2.0"\n', PARSE_ERROR),
    (b"\xff\xfe\n", PARSE_ERROR),
    (b"[]\n", INVALID_REQUEST),
    (b'"text"\n', INVALID_REQUEST),
    (b'{"jsonrpc":"1.0","id":5,"method":"run"}\n', INVALID_REQUEST),
    (b'{"jsonrpc":"2.0","id":5}\n', INVALID_REQUEST),
    (b'{"jsonrpc":"2.0","id":"5","method":"run"}\n', INVALID_REQUEST),
    (b"[" * 5_000 + b"\n", PARSE_ERROR),
]


async def test_a_line_that_is_no_request_is_answered_with_an_error(language: str) -> None:
    """The agent neither dies nor stays silent, and reads on."""
    async with new_agent(language) as talk:
        for line, code in WRONG_LINES:
            await talk.write(line)

            assert code == code_of(await talk.read()), line
            assert NOT_INITIALISED == code_of(await talk.ask("run", **block()))


async def test_odd_line_ends_and_a_byte_order_mark_are_read(language: str) -> None:
    """CR LF, empty lines and a mark at the start do no harm."""
    async with new_agent(language) as talk:
        body = json.dumps({"jsonrpc": "2.0", "id": 77, "method": "shutdown", "params": {}})
        await talk.write(b"\xef\xbb\xbf\r\n\n  \n" + body.encode() + b"\r\n")

        assert {} == (await talk.reply_to(77))["result"]
        assert 0 == await talk.process.wait()


async def test_a_notification_is_never_answered(language: str) -> None:
    """A message without an id has nobody who waits, not even for its error."""
    async with new_agent(language) as talk:
        for method in ("surprise", "run"):
            await talk.write(
                json.dumps({"jsonrpc": "2.0", "method": method, "params": {}}).encode() + b"\n"
            )
        await talk.initialize(NOWHERE)

        assert [] == talk.unasked


async def test_only_one_block_runs_at_a_time(language: str) -> None:
    """A second one is busy; the first is not disturbed."""
    async with introduced_agent(language, latency=STUCK) as (talk, simulator):
        first = await talk.request("run", **block())
        await eventually(lambda: simulator.requests)
        busy = [
            code_of(await talk.ask("run", **block(runId="other"))),
            code_of(await talk.ask("warmup", runId="other", iterations=1)),
        ]
        other = await talk.ask("cancel", runId="other")
        own = await talk.ask("cancel", runId="r")
        result = (await talk.reply_to(first))["result"]

        assert [BUSY, BUSY] == busy
        assert ({"cancelled": False}, {"cancelled": True}) == (other["result"], own["result"])
        assert (True, 0) == (result["cancelled"], result["completed"])


async def simulator_has(simulator: RunningSimulator, count: int) -> None:
    """Return when `count` calls have reached the model server."""
    await eventually(lambda: len(simulator.requests) == count)


async def test_cancelling_aborts_the_calls_in_flight(language: str) -> None:
    """The model server gets its slots back, and the agent can run again at once."""
    async with introduced_agent(language, latency=STUCK, slots=3) as (talk, simulator):
        for mode, count in (("standard", 1), ("batch", 3), ("concurrent", 3)):
            simulator.app.simulator.recorded.clear()
            simulator.app.simulator.latency = STUCK
            running = await talk.request(
                "run", **block(runId=mode, mode=mode, concurrency=count, iterations=9)
            )
            await simulator_has(simulator, count)
            await talk.ask("cancel", runId=mode)
            RunResult.model_validate((await talk.reply_to(running))["result"])
            aborted, talk.samples = talk.samples, []
            simulator.app.simulator.latency = INSTANT
            again = await talk.run(runId="again", iterations=3, mode="batch", concurrency=3)
            succeeded, talk.samples = talk.samples, []

            assert ["cancelled"] * count == [sample.outcome for sample in aborted]
            assert ["ok"] * 3 == [sample.outcome for sample in succeeded]
            assert 3 == again["completed"]


async def test_a_warm_up_can_be_cancelled(language: str) -> None:
    """A stop does not wait for an untimed call either."""
    async with introduced_agent(language, latency=STUCK) as (talk, simulator):
        warming = await talk.request("warmup", runId="r", iterations=5)
        await eventually(lambda: simulator.requests)
        cancelled = await talk.ask("cancel", runId="r")
        result = WarmupResult.model_validate((await talk.reply_to(warming))["result"])

        assert {"cancelled": True} == cancelled["result"]
        assert "ok" not in {sample.outcome for sample in result.samples}


async def test_the_end_of_its_input_ends_an_agent_in_the_middle_of_a_call(language: str) -> None:
    """Nothing of a backend that has gone is worth finishing."""
    async with introduced_agent(language, latency=STUCK) as (talk, simulator):
        await talk.request("run", **block())
        await eventually(lambda: simulator.requests)
        assert talk.process.stdin is not None
        await talk.process.stdin.aclose()

        with anyio.fail_after(20):
            assert 0 == await talk.process.wait()


PARENT = """
import json, subprocess, sys, time
agent = subprocess.Popen(json.loads(sys.argv[1]), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
agent.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"cancel","params":{}}\\n')
agent.stdin.flush()
agent.stdout.readline()
print(agent.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
async def test_an_agent_ends_when_its_parent_is_killed(
    language: str, tmp_path: Path, stopped: bool
) -> None:
    """Also one that cannot run at that moment, for the kernel itself ends it."""
    program = tmp_path / "parent.py"
    program.write_text(PARENT)
    command = json.dumps(await agent_command(language))
    async with running_process(str(program), command, capture=True) as parent:
        assert parent.stdout is not None
        pid = int(await parent.stdout.receive())
        if stopped:
            os.kill(pid, signal.SIGSTOP)
        parent.kill()
        await parent.wait()

        await eventually(lambda: is_gone(pid))


async def test_the_runtimes_own_counters_can_be_read(language: str) -> None:
    """Whatever a runtime does not count is left out."""
    async with introduced_agent(language) as (talk, _):
        await talk.run(iterations=1)
        reply = await talk.ask("runtimeStatistics")

        statistics = RuntimeStatistics.model_validate(reply["result"])
        assert statistics.gc_collections is not None


async def test_a_warm_up_of_0_calls_asks_the_model_nothing(language: str) -> None:
    """It only answers."""
    async with introduced_agent(language) as (talk, simulator):
        none = await talk.ask("warmup", runId="r", iterations=0)
        assert ({"samples": []}, []) == (none["result"], simulator.requests)

        two = await talk.ask("warmup", runId="r", iterations=2)
        assert 2 == len(WarmupResult.model_validate(two["result"]).samples)
        assert [] == talk.samples


async def test_a_line_past_8_mib_ends_the_agent(language: str) -> None:
    """It cannot be answered by id, so both sides give up rather than guess."""
    async with new_agent(language) as talk:
        with anyio.move_on_after(20):
            with suppress(anyio.BrokenResourceError):
                await talk.write(b"x" * (9 * 2**20))
            assert PARSE_ERROR == code_of(await talk.read())

        with anyio.fail_after(20):
            assert 0 != await talk.process.wait()
