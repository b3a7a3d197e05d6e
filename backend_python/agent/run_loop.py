"""The timed loops: standard, batch and concurrent, over one agent.

Standard is the closed loop with one worker. Samples are made and handed on between calls, never
inside the timed region, and many at a time: work between two calls leaves the next one with cold
caches. In concurrent mode no moment is between all calls; there, too, what is done rarely and at
one go costs the calls in flight least.
"""

import asyncio
import time
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

import orjson

from shared_models.agent_protocol import RunParams, RunResult
from shared_models.configuration import TestConfiguration

from .factory import Run
from .iteration import Iteration, prompt_for
from .samples import sample_of
from .time_limit import CallsInFlight

FLUSH_INTERVAL_NS = 100_000_000
FLUSH_COUNT = 500

Emit = Callable[[list[bytes]], None]


class RunLoop:
    """One block of iterations. It can be cancelled from outside at any moment."""

    def __init__(
        self, run: Run, configuration: TestConfiguration, params: RunParams, emit: Emit
    ) -> None:
        """`emit` receives finished samples, each one packed as JSON, in batches."""
        self._run = run
        self._configuration = configuration
        self._params = params
        self._emit = emit
        self._next = params.first_sequence
        self._last = params.first_sequence + params.iterations - 1 if params.iterations else None
        self._deadline_ns: int | None = None
        self._origin_ns = 0
        self._finished: list[Iteration] = []
        self._in_flight = CallsInFlight(limit_s=configuration.request_timeout_seconds)
        self._failed = False
        self._flushed_ns = 0
        self._completed = 0
        self._cancelled = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def run_id(self) -> str:
        """The run that this block belongs to."""
        return self._params.run_id

    def cancel(self) -> None:
        """Abort the calls in flight and start no more."""
        self._cancelled = True
        for task in self._tasks:
            task.cancel()

    async def execute(self) -> RunResult:
        """Run the block to its end and emit every sample."""
        start_unix_ns = time.time_ns()
        self._origin_ns = self._flushed_ns = perf_counter_ns()
        if self._params.duration_seconds is not None:
            self._deadline_ns = self._origin_ns + int(self._params.duration_seconds * 1e9)
        if self._params.mode == "batch":
            await self._batches()
        else:
            await self._together(self._worker(index) for index in range(self._params.concurrency))
        wall_ns = perf_counter_ns() - self._origin_ns
        self._in_flight.close()
        self._flush()
        return RunResult(
            completed=self._completed,
            cancelled=self._cancelled,
            dropped=0,
            start_unix_ns=start_unix_ns,
            wall_ns=wall_ns,
        )

    async def _worker(self, index: int) -> None:
        while (sequence := self._take()) is not None:
            await self._iterate(sequence, worker=index, batch=None)
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

    async def _together(self, coroutines: Any) -> None:
        async with asyncio.TaskGroup() as group:
            self._tasks = {group.create_task(coroutine) for coroutine in coroutines}

    async def _iterate(self, sequence: int, *, worker: int, batch: int | None) -> None:
        prompt = prompt_for(self._configuration, sequence)
        iteration = Iteration(self.run_id, sequence, prompt, worker=worker, batch=batch)
        await iteration.execute(self._run, self._in_flight)
        self._completed += not iteration.cancelled
        self._failed |= iteration.error is not None and not iteration.cancelled
        self._finished.append(iteration)

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
            len(self._finished) >= FLUSH_COUNT
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
    run: Run, configuration: TestConfiguration, *, iterations: int, concurrency: int
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
            await run(prompt)
            durations.append(perf_counter_ns() - start_ns)

    origin_ns = perf_counter_ns()
    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())
    return durations, perf_counter_ns() - origin_ns
