"""When the Python agent's open loop starts its calls, and what it sends of them."""

import asyncio
from itertools import pairwise
from time import perf_counter_ns
from typing import Any

import orjson
import pytest

from backend_python.agent.caller import OnText
from backend_python.agent.pacing import arrivals_ns, until
from backend_python.agent.recording import current_recorder
from backend_python.agent.run_loop import RunLoop
from shared_models import RunParams, RunResult, Sample, TestConfiguration, arrival_gap_s
from tests.support.waiting import eventually


def rate_block(**fields: Any) -> RunParams:
    wanted = {"runId": "r", "firstSequence": 1, "mode": "rate", "concurrency": 100}
    return RunParams.model_validate(wanted | {"ratePerSecond": 1_000.0} | fields)


def test_a_constant_rate_is_an_absolute_schedule_from_zero() -> None:
    """Arrival k is due at k / rate, without an error that grows."""
    due = list(arrivals_ns(rate_block(iterations=4, ratePerSecond=3.0)))

    assert [0, 333_333_333, 666_666_666, 1_000_000_000] == due


def test_poisson_arrivals_are_the_sums_of_the_derived_gaps() -> None:
    """The same seed is the same schedule in every language."""
    block = rate_block(iterations=50, ratePerSecond=20.0, arrivals="poisson", arrivalSeed=7)

    due = list(arrivals_ns(block))

    gaps = [arrival_gap_s(7, number, rate_per_second=20.0) for number in range(1, 50)]
    assert 0 == due[0]
    assert gaps == pytest.approx([(b - a) / 1e9 for a, b in pairwise(due)], abs=1e-8)
    assert due == list(arrivals_ns(block))
    assert due != list(arrivals_ns(block.model_copy(update={"arrival_seed": 8})))


@pytest.mark.parametrize(
    ("limits", "arrivals"),
    [
        ({"iterations": 5}, 5),
        ({"durationSeconds": 0.01}, 10),
        ({"durationSeconds": 0.01, "iterations": 3}, 3),
        ({"durationSeconds": 0.01, "iterations": 30}, 10),
    ],
)
def test_a_schedule_ends_with_its_number_or_its_time(limits: dict[str, Any], arrivals: int) -> None:
    """What comes first ends it; nothing is due at its end or later."""
    assert arrivals == len(list(arrivals_ns(rate_block(**limits))))


async def test_waiting_is_never_too_short_and_lets_others_go_on() -> None:
    """Also when the moment is over, or less than a sleep away."""
    laps = 0
    done = False

    async def count_laps() -> None:
        nonlocal laps
        while not done:
            await asyncio.sleep(0)
            laps += 1

    async with asyncio.TaskGroup() as group:
        group.create_task(count_laps())
        for ahead_ns in (-1_000, 0, 300_000, 2_500_000):
            due_ns = perf_counter_ns() + ahead_ns
            await until(due_ns)
            assert perf_counter_ns() >= due_ns
        done = True

    assert laps > 0


class Held:
    """A caller whose calls last until the test lets them go."""

    def __init__(self) -> None:
        self.running = 0
        self.go_on = asyncio.Event()

    def new_history(self) -> None:
        return None

    async def ask(self, prompt: str, *, history: Any = None, on_text: OnText | None = None) -> None:
        recorder = current_recorder.get()
        assert recorder is not None
        exchange, _ = recorder.begin()
        self.running += 1
        await self.go_on.wait()
        exchange.status, exchange.body = 200, [orjson.dumps({"done": True})]
        exchange.end_ns = perf_counter_ns()


class Running:
    """A block that runs while a test looks at it."""

    def __init__(self, group: asyncio.TaskGroup, caller: Held, block: RunParams) -> None:
        self._packed: list[bytes] = []
        self.loop = RunLoop(caller, TestConfiguration(), block, self._packed.extend)
        self._task = group.create_task(self.loop.execute())

    async def end(self) -> tuple[RunResult, list[Sample]]:
        """Return what it gave once it has ended."""
        result = await self._task
        return result, [Sample.model_validate_json(one) for one in self._packed]


async def test_an_arrival_that_finds_too_many_calls_is_dropped_and_takes_no_number() -> None:
    """The loop stays open: slow answers do not slow the arrivals down."""
    caller = Held()
    block = rate_block(firstSequence=5, iterations=40, concurrency=3, ratePerSecond=4_000.0)

    async with asyncio.TaskGroup() as group:
        running = Running(group, caller, block)
        await eventually(lambda: caller.running == 3)
        await asyncio.sleep(0.05)
        assert 3 == caller.running
        caller.go_on.set()
        result, samples = await running.end()

    assert 40 == result.completed + result.dropped
    assert result.dropped > 0
    assert list(range(5, 5 + result.completed)) == sorted(one.sequence for one in samples)
    for sample in samples:
        assert "ok" == sample.outcome
        assert sample.intended_start_ns is not None
        assert sample.start_ns >= sample.intended_start_ns
    assert [0, 250_000, 500_000] == sorted(one.intended_start_ns or 0 for one in samples)[:3]


async def test_a_late_open_loop_starts_all_that_is_overdue() -> None:
    """A stall of the agent delays the calls; it does not thin them out."""
    caller = Held()
    block = rate_block(iterations=30, ratePerSecond=1_000.0)

    async with asyncio.TaskGroup() as group:
        running = Running(group, caller, block)
        await eventually(lambda: caller.running > 0)
        stalled_until_ns = perf_counter_ns() + 60_000_000
        while perf_counter_ns() < stalled_until_ns:
            pass
        caller.go_on.set()
        result, samples = await running.end()

    assert (30, 0) == (result.completed, result.dropped)
    due = sorted(one.intended_start_ns or 0 for one in samples)
    assert [n * 1_000_000 for n in range(30)] == due


async def test_an_open_loop_can_be_cancelled_between_two_arrivals() -> None:
    """A stop does not wait for the next one."""
    caller = Held()
    block = rate_block(iterations=3, ratePerSecond=0.001)

    async with asyncio.TaskGroup() as group:
        running = Running(group, caller, block)
        await eventually(lambda: caller.running == 1)
        running.loop.cancel()
        result, samples = await running.end()

    assert (True, 0, 0) == (result.cancelled, result.completed, result.dropped)
    assert ["cancelled"] == [one.outcome for one in samples]
