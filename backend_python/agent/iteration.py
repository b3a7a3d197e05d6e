"""One iteration: the timed region."""

import asyncio
from time import perf_counter_ns

from shared_models.configuration import Scenario, TestConfiguration

from .caller import Caller
from .recording import Recorder, current_recorder
from .sessions import Session
from .time_limit import CallsInFlight


def prompt_for(configuration: TestConfiguration, number: int) -> str:
    """Return the prompt of iteration `number` (from 1)."""
    prompts = configuration.prompts
    template = prompts[(number - 1) % len(prompts)] if prompts else configuration.prompt
    return template.replace("{n}", str(number))


class Iteration:
    """The work of one iteration, prepared before its clock starts, and what it left behind.

    All stamps are of `perf_counter_ns`; `chunks` is None when the answer is not streamed.
    """

    __slots__ = (
        "_task",
        "batch",
        "chunks",
        "end_ns",
        "error",
        "expired",
        "first_token_ns",
        "intended_ns",
        "last_token_ns",
        "prompt",
        "recorder",
        "scenario",
        "sequence",
        "session",
        "start_ns",
        "turn",
        "worker",
    )

    def __init__(
        self,
        sequence: int,
        prompt: str,
        recorder: Recorder,
        *,
        worker: int = 0,
        batch: int | None = None,
        scenario: Scenario = "chat",
        session: Session | None = None,
        streamed: bool = False,
        intended_ns: int | None = None,
    ) -> None:
        self.sequence = sequence
        self.prompt = prompt
        self.recorder = recorder
        self.worker = worker
        self.batch = batch
        self.scenario = scenario
        self.session = session
        self.turn = session.turns if session else None
        self.intended_ns = intended_ns
        self.chunks = 0 if streamed else None
        self.first_token_ns = self.last_token_ns = 0
        self.start_ns = self.end_ns = 0
        self.error: BaseException | None = None
        self.expired = False
        self._task: asyncio.Task[object] | None = None

    async def execute(self, caller: Caller, in_flight: CallsInFlight) -> None:
        """Time one agent call. Nothing but the call stands between the two stamps.

        Never raises: cancellation, time-out and failure are kept in `error`.
        """
        current_recorder.set(self.recorder)
        prompt, on_text = self.prompt, None if self.chunks is None else self._on_text
        history = self.session.history if self.session else None
        self._task = task = asyncio.current_task()
        # A timeout scope around the call would be timed with it.
        in_flight.begin(self)
        self.start_ns = perf_counter_ns()
        try:
            await caller.ask(prompt, history=history, on_text=on_text)
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

    def _on_text(self) -> None:
        self.last_token_ns = perf_counter_ns()
        self.first_token_ns = self.first_token_ns or self.last_token_ns
        self.chunks = (self.chunks or 0) + 1
