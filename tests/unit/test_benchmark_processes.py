"""A run on several agent processes, and what happens to the others when one fails."""

import re
from itertools import groupby

import pytest

from benchmark.session import RunSession
from benchmark.states import RunState
from benchmark.views import result_of
from tests.support.agents import ScriptedAgent, run_to_end
from tests.support.waiting import eventually

ONE_DIES = """
def run(request):
    if request["params"]["firstSequence"] == 1:
        send(request, sample(1))
        os.kill(os.getpid(), 9)
    time.sleep(600)
"""


def numbers(session: RunSession) -> list[int]:
    found = b"".join(rows for _, rows in session.record.samples.json_batches())
    return sorted(int(number) for number in re.findall(rb'"sequence":(\d+)', found))


async def test_the_processes_share_the_calls_of_a_run() -> None:
    """Every number comes once, and what they used is summed."""
    agent = ScriptedAgent()
    session = await run_to_end(agent, iterations=11, agentProcesses=3)

    result = result_of(session)
    assert result.success, result.message
    assert list(range(1, 12)) == numbers(session)
    assert 3 == len(session.record.runtimes)
    assert session.record.resources is not None
    assert 3 == len(set(session.record.resources.pids))
    await eventually(lambda: not agent.processes())


async def test_in_a_run_by_time_each_process_numbers_its_own() -> None:
    """How many calls a process makes is not known before."""
    session = await run_to_end(ScriptedAgent(), durationSeconds=0.1, agentProcesses=3)

    assert RunState.COMPLETED is session.state
    starts = [number // 1_000_000 for number in numbers(session)]
    assert [(0, 5), (1, 5), (2, 5)] == [(key, len(list(one))) for key, one in groupby(starts)]


async def test_the_death_of_one_process_fails_the_run_and_ends_the_others() -> None:
    """Half an agent measures nothing; the samples so far are kept."""
    agent = ScriptedAgent(ONE_DIES)
    session = await run_to_end(agent, iterations=9, agentProcesses=3)

    assert (RunState.FAILED, "bridge-died", 1) == (
        session.state,
        session.failure_kind,
        len(session.record.samples),
    )
    await eventually(lambda: not agent.processes())


@pytest.mark.parametrize("processes", [1, 2])
async def test_numbers_of_another_process_are_refused(processes: int) -> None:
    """No process can make up for another."""
    agent = ScriptedAgent("def run(request):\n    send(request, sample(7))\n    end(request, 1)")
    session = await run_to_end(agent, iterations=4, agentProcesses=processes)

    assert (RunState.FAILED, "bridge-protocol") == (session.state, session.failure_kind)
    assert "more samples than it was asked for" in (session.message or "")


async def test_an_idle_process_sits_a_small_block_out() -> None:
    """With more processes than calls some have nothing to do."""
    session = await run_to_end(ScriptedAgent(), iterations=2, agentProcesses=3)

    assert (RunState.COMPLETED, [1, 2]) == (session.state, numbers(session))
