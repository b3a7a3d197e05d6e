"""The timed loops, one for each mode, over one caller.

Standard and streaming are the closed loop with one worker, concurrent the one with several; batch
waits for all before the next; rate is the open loop. Samples are made and handed on between calls,
never inside the timed region, and many at a time: work between two calls leaves the next one with
cold caches. Where calls overlap no moment is between all of them; there, too, what is done rarely
and at one go costs the calls in flight least.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from time import perf_counter_ns
from typing import Any

import orjson

from shared_models.agent_protocol import RunParams, RunResult
from shared_models.configuration import TestConfiguration

from .caller import Caller
from .iteration import Iteration, prompt_for
from .pacing import arrivals_ns, until
from .recording import Recorder
from .samples import sample_of, succeeded
from .sessions import SessionPool
from .time_limit import CallsInFlight

FLUSH_INTERVAL_NS = 100_000_000
FLUSH_COUNT = 500
OPEN_LOOP_FLUSH_COUNT = 16
"""Fewer at a time, because the next arrival must not wait long for a flush to end."""

Emit = Callable[[list[bytes]], None]


class RunLoop:
    """One block of iterations. It can be cancelled from outside at any moment."""

    def __init__(
        self,
        caller: Caller,
        configuration: TestConfiguration,
        params: RunParams,
        emit: Emit,
        *,
        sessions: SessionPool | None = None,
    ) -> None:
        """`emit` receives finished samples, each one packed as JSON, in batches.

        `sessions` makes each iteration a turn of a conversation.
        """
        self._caller = caller
        self._sessions = sessions
        self._configuration = configuration
        self._params = params
        self._emit = emit
        self._next = params.first_sequence
        self._last = params.first_sequence + params.iterations - 1 if params.iterations else None
        self._deadline_ns: int | None = None
        self._origin_ns = 0
        self._finished: list[Iteration] = []
        # With functions at hand a model asks for them first and answers then.
        self._expected_calls = 2 if configuration.scenario == "tools" else 1
        rate = params.mode == "rate"
        self._flush_count = OPEN_LOOP_FLUSH_COUNT if rate else FLUSH_COUNT
        self._in_flight = CallsInFlight(limit_s=configuration.request_timeout_seconds)
        self._failed = False
        self._flushed_ns = 0
        self._completed = self._dropped = 0
        self._cancelled = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def run_id(self) -> str:
        """The run that this block belongs to."""
        return self._params.run_id

    def cancel(self) -> None:
        """Abort the calls in flight and start no more."""
        self._cancelled = True
        for task in list(self._tasks):
            task.cancel()

    async def execute(self) -> RunResult:
        """Run the block to its end and emit every sample."""
        start_unix_ns = time.time_ns()
        self._origin_ns = self._flushed_ns = perf_counter_ns()
        if self._params.duration_seconds is not None:
            self._deadline_ns = self._origin_ns + int(self._params.duration_seconds * 1e9)
        if self._params.mode == "batch":
            await self._batches()
        elif self._params.mode == "rate":
            await self._open_loop()
        else:
            await self._together(self._worker(index) for index in range(self._params.concurrency))
        wall_ns = perf_counter_ns() - self._origin_ns
        self._in_flight.close()
        self._flush()
        return RunResult(
            completed=self._completed,
            cancelled=self._cancelled,
            dropped=self._dropped,
            start_unix_ns=start_unix_ns,
            wall_ns=wall_ns,
        )

    async def _worker(self, index: int) -> None:
        while (sequence := self._take()) is not None:
            await self._iterate(sequence, worker=index)
            self._flush_when_due()

    async def _batches(self) -> None:
        batch = 0
        while sequences := self._take_batch():
            batch += 1
            await self._together(
                self._iterate(sequence, worker=index, batch=batch)
                for index, sequence in enumerate(sequences)
            )
            self._flush_when_due()

    async def _together(self, coroutines: Iterable[Coroutine[Any, Any, None]]) -> None:
        async with asyncio.TaskGroup() as group:
            for coroutine in coroutines:
                self._start(group, coroutine)

    async def _open_loop(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._start(group, self._arrivals(group))

    async def _arrivals(self, group: asyncio.TaskGroup) -> None:
        calls: set[asyncio.Task[None]] = set()
        for due_ns in arrivals_ns(self._params):
            # Does not yield while it is late: all that is overdue starts before the calls go on.
            await until(self._origin_ns + due_ns)
            if len(calls) >= self._params.concurrency:
                self._dropped += 1
                continue
            sequence, self._next = self._next, self._next + 1
            call = self._start(group, self._arrival(sequence, self._origin_ns + due_ns))
            calls.add(call)
            call.add_done_callback(calls.discard)

    async def _arrival(self, sequence: int, intended_ns: int) -> None:
        await self._iterate(sequence, intended_ns=intended_ns)
        self._flush_when_due()

    def _start(
        self, group: asyncio.TaskGroup, coroutine: Coroutine[Any, Any, None]
    ) -> asyncio.Task[None]:
        task = group.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _iterate(
        self,
        sequence: int,
        *,
        worker: int = 0,
        batch: int | None = None,
        intended_ns: int | None = None,
    ) -> None:
        configuration = self._configuration
        session = self._sessions.take() if self._sessions else None
        iteration = Iteration(
            sequence,
            prompt_for(configuration, sequence),
            Recorder(self.run_id, sequence, expected_calls=self._expected_calls),
            worker=worker,
            batch=batch,
            scenario=configuration.scenario,
            session=session,
            streamed=self._params.mode == "streaming",
            intended_ns=intended_ns,
        )
        await iteration.execute(self._caller, self._in_flight)
        self._completed += not iteration.cancelled
        self._failed |= iteration.error is not None and not iteration.cancelled
        self._finished.append(iteration)
        if self._sessions and session:
            self._sessions.give_back(session, succeeded=succeeded(iteration))

    def _take(self) -> int | None:
        """Return the next sequence number, or None when the block is over."""
        if self._cancelled or (self._last is not None and self._next > self._last):
            return None
        if self._deadline_ns is not None and perf_counter_ns() >= self._deadline_ns:
            return None
        self._next += 1
        return self._next - 1

    def _take_batch(self) -> list[int]:
        taken = (self._take() for _ in range(self._params.concurrency))
        return [sequence for sequence in taken if sequence is not None]

    def _flush_when_due(self) -> None:
        due = (
            len(self._finished) >= self._flush_count
            or perf_counter_ns() - self._flushed_ns >= FLUSH_INTERVAL_NS
            # A failure is told at once, so that the backend can end a hopeless run early.
            or self._failed
        )
        if due:
            self._flush()

    def _flush(self) -> None:
        finished, self._finished = self._finished, []
        for start in range(0, len(finished), FLUSH_COUNT):
            part = finished[start : start + FLUSH_COUNT]
            # Packed one by one, so that no pile of small dicts lengthens a garbage collection.
            self._emit([orjson.dumps(sample_of(one, self._origin_ns)) for one in part])
        self._failed = False
        self._flushed_ns = perf_counter_ns()


async def bare_loop(
    caller: Caller, configuration: TestConfiguration, *, iterations: int, concurrency: int
) -> tuple[list[int], int]:
    """Return the durations of plain calls and the wall time from first start to last end, in ns.

    `concurrency` workers share the calls. It is the yardstick for our own overhead: nothing but
    the calls happens here.
    """
    prompts = iter([prompt_for(configuration, number) for number in range(1, iterations + 1)])
    durations: list[int] = []

    async def work() -> None:
        for prompt in prompts:
            start_ns = perf_counter_ns()
            await caller.ask(prompt)
            durations.append(perf_counter_ns() - start_ns)

    origin_ns = perf_counter_ns()
    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())
    return durations, perf_counter_ns() - origin_ns
