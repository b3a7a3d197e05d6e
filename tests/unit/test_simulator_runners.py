"""Loads, slots and expiry, on a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from ollama_simulator.clock import Clock
from ollama_simulator.errors import ApiError
from ollama_simulator.models import Catalogue, Model
from ollama_simulator.options import LoadOptions, read_options
from ollama_simulator.runners import Runner, Runners

LOAD_NS = 1_000
MINUTE_NS = 60_000_000_000
DEFAULTS = LoadOptions()
CATALOGUE = Catalogue(("one", "two"))


class SteppedClock(Clock):
    """Sleeping takes no time and moves the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.time_ns = 10
        self.now_ns: Callable[[], int] = lambda: self.time_ns

    async def sleep_until(self, moment_ns: int) -> None:
        await asyncio.sleep(0)
        self.time_ns = max(self.time_ns, moment_ns)


def model(name: str = "one") -> Model:
    found = CATALOGUE.find(name)
    assert found is not None
    return found


def runners(clock: Clock, *, slots: int = 1, queue: int = 512) -> Runners:
    return Runners(
        clock, slots=slots, queue=queue, keep_alive_ns=5 * MINUTE_NS, load_ns=lambda: LOAD_NS
    )


async def load_time(
    loaded: Runners,
    clock: SteppedClock,
    options: LoadOptions = DEFAULTS,
    *,
    keep_alive_ns: int | None = None,
    name: str = "one",
) -> int:
    """How long a request waits for the model, in nanoseconds."""
    before_ns = clock.time_ns
    async with loaded.using(model(name), options, keep_alive_ns):
        return clock.time_ns - before_ns


async def test_the_first_use_loads_and_the_second_does_not() -> None:
    clock = SteppedClock()
    loaded = runners(clock)
    assert await load_time(loaded, clock) == LOAD_NS
    assert await load_time(loaded, clock) == 0


async def test_an_idle_model_expires_after_its_keep_alive() -> None:
    clock = SteppedClock()
    loaded = runners(clock)
    await load_time(loaded, clock)
    clock.time_ns += 5 * MINUTE_NS - 1
    assert await load_time(loaded, clock) == 0
    clock.time_ns += 5 * MINUTE_NS
    assert loaded.loaded() == []
    assert await load_time(loaded, clock) == LOAD_NS


async def test_the_last_keep_alive_wins() -> None:
    clock = SteppedClock()
    loaded = runners(clock)
    await load_time(loaded, clock, keep_alive_ns=100 * MINUTE_NS)
    await load_time(loaded, clock, keep_alive_ns=1)
    clock.time_ns += 1
    assert await load_time(loaded, clock) == LOAD_NS


async def test_a_keep_alive_of_zero_unloads_when_idle() -> None:
    clock = SteppedClock()
    loaded = runners(clock)
    await load_time(loaded, clock, keep_alive_ns=0)
    assert loaded.loaded() == []
    assert await load_time(loaded, clock) == LOAD_NS


async def test_time_to_live_is_unknown_until_the_first_request_has_ended() -> None:
    clock = SteppedClock()
    loaded = runners(clock)
    async with loaded.using(model(), DEFAULTS, None):
        assert [expires for _, expires in loaded.loaded()] == ["0001-01-01T00:00:00Z"]
    assert loaded.loaded()[0][1] > "2026"


async def test_for_ever_ends_in_292_years() -> None:
    clock = SteppedClock()
    clock.wall_ns = lambda: 1_767_225_600_000_000_000
    loaded = runners(clock)
    await load_time(loaded, clock, keep_alive_ns=2**63 - 1)
    assert loaded.loaded()[0][1].startswith("2318-")


async def test_the_longest_living_model_is_listed_first() -> None:
    clock = SteppedClock()
    loaded = runners(clock)
    await load_time(loaded, clock, keep_alive_ns=MINUTE_NS)
    await load_time(loaded, clock, keep_alive_ns=2 * MINUTE_NS, name="two")
    assert [runner.model.name for runner, _ in loaded.loaded()] == ["two:latest", "one:latest"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("num_ctx", 2_048),
        ("num_batch", 1),
        ("num_gpu", 3),
        ("main_gpu", 1),
        ("use_mmap", True),
        ("num_thread", 2),
        ("draft_num_predict", 4),
    ],
)
async def test_a_changed_load_option_loads_again(option: str, value: object) -> None:
    clock = SteppedClock()
    loaded = runners(clock)
    await load_time(loaded, clock)
    changed = read_options({option: value}).load
    assert await load_time(loaded, clock, changed) == LOAD_NS
    assert await load_time(loaded, clock, changed) == 0


async def test_another_option_does_not_load_again() -> None:
    clock = SteppedClock()
    loaded = runners(clock)
    await load_time(loaded, clock)
    assert await load_time(loaded, clock, read_options({"seed": 3, "top_k": 1}).load) == 0


async def test_a_context_beyond_the_trained_length_is_cut_to_it() -> None:
    clock = SteppedClock()
    loaded = runners(clock)
    trained = model().context_length
    await load_time(loaded, clock, LoadOptions(num_ctx=trained))
    assert await load_time(loaded, clock, LoadOptions(num_ctx=trained + 1)) == 0


async def test_a_reload_waits_for_the_requests_of_the_old_one() -> None:
    clock = SteppedClock()
    loaded = runners(clock)
    order: list[str] = []

    async def reload() -> None:
        async with loaded.using(model(), LoadOptions(num_ctx=8), None):
            order.append("reloaded")

    async with asyncio.TaskGroup() as group, loaded.using(model(), DEFAULTS, None):
        group.create_task(reload())
        for _ in range(10):
            await asyncio.sleep(0)
        order.append("old request ends")
    assert order == ["old request ends", "reloaded"]


async def test_an_unload_waits_until_the_model_is_idle() -> None:
    clock = SteppedClock()
    loaded = runners(clock)
    async with loaded.using(model(), DEFAULTS, None):
        loaded.unload(model())
        assert len(loaded.loaded()) == 1
    assert loaded.loaded() == []
    assert await load_time(loaded, clock) == LOAD_NS


async def test_a_full_queue_refuses_a_load_and_serves_a_warm_model() -> None:
    clock = SteppedClock()
    loaded = runners(clock, queue=0)
    with pytest.raises(ApiError) as caught:
        await load_time(loaded, clock)
    assert caught.value.status == 503
    assert caught.value.text == (
        "server busy, please try again.  maximum pending requests exceeded"
    )
    warm = runners(clock, queue=1)
    await load_time(warm, clock)
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(warm.using(model(), DEFAULTS, None))


async def test_a_cancelled_load_leaves_its_place_in_the_queue() -> None:
    clock = Clock()
    loaded = Runners(clock, slots=1, queue=1, keep_alive_ns=1, load_ns=lambda: 10**12)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), loaded.using(model(), DEFAULTS, None):
                pass


@asynccontextmanager
async def waiting(
    runner: Runner, names: str, served: list[str]
) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Requests that queue for a slot in the order of their names."""

    async def request(name: str) -> None:
        async with runner.slots:
            served.append(name)

    async with asyncio.TaskGroup() as group:
        tasks = []
        for name in names:
            tasks.append(group.create_task(request(name)))
            await asyncio.sleep(0)
        yield tasks


async def test_requests_get_their_slot_in_order_of_arrival() -> None:
    runner = Runner(model(), DEFAULTS, slots=1)
    served: list[str] = []
    await runner.slots.acquire()
    async with waiting(runner, "abcd", served):
        assert served == []
        runner.slots.release()
    assert served == list("abcd")


async def test_a_request_that_gives_up_loses_its_place() -> None:
    runner = Runner(model(), DEFAULTS, slots=1)
    served: list[str] = []
    await runner.slots.acquire()
    async with waiting(runner, "abc", served) as tasks:
        tasks[1].cancel()
        runner.slots.release()
    assert served == list("ac")
