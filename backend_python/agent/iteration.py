"""One iteration: the timed region."""

import asyncio
from time import perf_counter_ns

from shared_models.configuration import TestConfiguration
from shared_models.trace_ids import trace_ids

from .factory import Run
from .time_limit import CallsInFlight
from .transport import Recorder, current_recorder


def prompt_for(configuration: TestConfiguration, number: int) -> str:
    """Return the prompt of iteration `number` (from 1)."""
    prompts = configuration.prompts
    template = prompts[(number - 1) % len(prompts)] if prompts else configuration.prompt
    return template.replace("{n}", str(number))


class Iteration:
    """The work of one iteration, prepared before its clock starts, and what it left behind."""

    __slots__ = (
        "_task",
        "batch",
        "end_ns",
        "error",
        "expired",
        "prompt",
        "recorder",
        "sequence",
        "start_ns",
        "worker",
    )

    def __init__(
        self, run_id: str, sequence: int, prompt: str, *, worker: int, batch: int | None
    ) -> None:
        self.sequence = sequence
        self.worker = worker
        self.batch = batch
        self.prompt = prompt
        self.recorder = Recorder([trace_ids(run_id, sequence, call=1).traceparent])
        self.start_ns = self.end_ns = 0
        self.error: BaseException | None = None
        self.expired = False
        self._task: asyncio.Task[object] | None = None

    async def execute(self, run: Run, in_flight: CallsInFlight) -> None:
        """Time one agent call. Nothing but the call stands between the two stamps.

        Never raises: cancellation, time-out and failure are kept in `error`.
        """
        current_recorder.set(self.recorder)
        prompt = self.prompt
        self._task = task = asyncio.current_task()
        # A timeout scope around the call would be timed with it.
        in_flight.begin(self)
        self.start_ns = perf_counter_ns()
        try:
            await run(prompt)
            self.end_ns = perf_counter_ns()
        except BaseException as error:
            self.end_ns = perf_counter_ns()
            self.error = error
        in_flight.end(self)
        self._task = None
        if self.expired and task is not None:
            task.uncancel()

    def expire(self) -> None:
        """Abort the call, because it has taken too long."""
        if self._task is not None:
            self.expired = True
            self._task.cancel()

    @property
    def cancelled(self) -> bool:
        """Whether the call was aborted on request."""
        return isinstance(self.error, asyncio.CancelledError) and not self.expired
