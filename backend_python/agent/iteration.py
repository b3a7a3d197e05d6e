"""One iteration: the timed region, and the sample that is made of it afterwards."""

import asyncio
from time import perf_counter_ns
from typing import Any

from shared_models.agent_protocol import ErrorKind
from shared_models.configuration import TestConfiguration
from shared_models.trace_ids import trace_ids

from .factory import Run
from .replies import Judgement, judge
from .transport import Exchange, Recorder, current_recorder

MAX_MESSAGE = 500
_SUMMED = (
    "transportNs",
    "modelNs",
    "loadNs",
    "promptEvalNs",
    "evalNs",
    "promptTokens",
    "completionTokens",
)


def prompt_for(configuration: TestConfiguration, number: int) -> str:
    """Return the prompt of iteration `number` (from 1)."""
    prompts = configuration.prompts
    template = prompts[(number - 1) % len(prompts)] if prompts else configuration.prompt
    return template.replace("{n}", str(number))


class Iteration:
    """The work of one iteration, prepared before its clock starts."""

    __slots__ = (
        "_expired",
        "batch",
        "end_ns",
        "error",
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
        self._expired = False

    async def execute(self, run: Run, *, timeout_s: float) -> None:
        """Time one agent call. Nothing but the call stands between the two stamps.

        Never raises: cancellation, time-out and failure are kept in `error`.
        """
        current_recorder.set(self.recorder)
        prompt = self.prompt
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - always called from a task
        # A timeout scope around the call would be timed with it; a timer set up before is not.
        expiry = asyncio.get_running_loop().call_later(timeout_s, self._expire, task)
        self.start_ns = perf_counter_ns()
        try:
            await run(prompt)
            self.end_ns = perf_counter_ns()
        except BaseException as error:
            self.end_ns = perf_counter_ns()
            self.error = error
        expiry.cancel()
        if self._expired:
            task.uncancel()

    def _expire(self, task: asyncio.Task[object]) -> None:
        self._expired = True
        task.cancel()

    @property
    def cancelled(self) -> bool:
        """Whether the call was aborted on request."""
        return isinstance(self.error, asyncio.CancelledError) and not self._expired

    def sample(self, origin_ns: int) -> dict[str, Any]:
        """Return the sample under its wire names; `origin_ns` is the block's start."""
        judged = [(exchange, judge(exchange)) for exchange in self.recorder.exchanges]
        calls = [self._call(exchange, judgement, origin_ns) for exchange, judgement in judged]
        sample: dict[str, Any] = {
            "sequence": self.sequence,
            "worker": self.worker,
            "startNs": self.start_ns - origin_ns,
            "durationNs": self.end_ns - self.start_ns,
            **_sums(calls),
            **self._outcome([judgement for _, judgement in judged]),
            "calls": calls,
        }
        if self.batch is not None:
            sample["batch"] = self.batch
        return sample

    def _call(self, exchange: Exchange, judgement: Judgement, origin_ns: int) -> dict[str, Any]:
        end_ns = exchange.end_ns or self.end_ns
        call = {
            "startNs": exchange.start_ns - origin_ns,
            "durationNs": end_ns - exchange.start_ns,
            "httpStartNs": exchange.start_ns - origin_ns,
            **judgement.figures,
        }
        if exchange.transport_ns is not None:
            call["transportNs"] = exchange.transport_ns
        return call

    def _outcome(self, judgements: list[Judgement]) -> dict[str, Any]:
        error = self.error
        if self.cancelled:
            return {"outcome": "cancelled", "errorKind": "cancelled"}
        if self._expired:
            return {"outcome": "timeout", "errorKind": "timeout"}
        for judgement in judgements:
            if judgement.kind == "timeout":
                return {"outcome": "timeout", "errorKind": "timeout"}
            if judgement.kind is not None:
                return _failed(judgement.kind, judgement.message or "")
        if error is not None:
            return _failed("invalid-reply", f"{type(error).__name__}: {error}")
        if not judgements:
            return _failed("invalid-reply", "the agent answered without asking the model")
        return {"outcome": "ok"}


def _failed(kind: ErrorKind, message: str) -> dict[str, Any]:
    return {"outcome": "error", "errorKind": kind, "errorMessage": message[:MAX_MESSAGE]}


def _sums(calls: list[dict[str, Any]]) -> dict[str, int]:
    """Sum each figure over the calls; a figure that one call lacks is unknown for the whole."""
    return {
        name: sum(call[name] for call in calls)
        for name in _SUMMED
        if calls and all(name in call for call in calls)
    }
