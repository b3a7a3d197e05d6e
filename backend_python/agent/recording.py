"""What is kept of an iteration while its clock runs; it is read after the clock has stopped."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from time import perf_counter_ns

from shared_models.trace_ids import trace_ids


class Exchange:
    """One HTTP exchange: `perf_counter_ns` stamps, status, body and what cut it short."""

    __slots__ = ("body", "end_ns", "failure", "start_ns", "status")

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self.end_ns: int | None = None
        self.status: int | None = None
        self.body: list[bytes] = []
        self.failure: Exception | None = None


class Recorder:
    """The model calls and the function invocations of one iteration."""

    __slots__ = ("_run_id", "_sequence", "_traceparents", "exchanges", "tool_calls", "tool_ns")

    def __init__(self, run_id: str, sequence: int, *, expected_calls: int = 1) -> None:
        """The trace ids of as many calls as are expected are derived now, before the clock."""
        self.exchanges: list[Exchange] = []
        self.tool_calls = self.tool_ns = 0
        self._run_id = run_id
        self._sequence = sequence
        self._traceparents = [self._traceparent(call) for call in range(1, expected_calls + 1)]

    def begin(self) -> tuple[Exchange, str]:
        """Open the record of the next model call; return it with the call's `traceparent`."""
        number = len(self.exchanges)
        expected = number < len(self._traceparents)
        traceparent = self._traceparents[number] if expected else self._traceparent(number + 1)
        exchange = Exchange(perf_counter_ns())
        self.exchanges.append(exchange)
        return exchange, traceparent

    def _traceparent(self, call: int) -> str:
        return trace_ids(self._run_id, self._sequence, call=call).traceparent


current_recorder: ContextVar[Recorder | None] = ContextVar("current_recorder", default=None)
"""The recorder of the iteration that runs: iterations side by side do not mix."""


async def recorded_invocation(invoke: Callable[[], Awaitable[None]]) -> None:
    """Await the invocation of a local function and add its time to the iteration's record."""
    start_ns = perf_counter_ns()
    try:
        await invoke()
    finally:
        recorder = current_recorder.get()
        if recorder is not None:
            recorder.tool_calls += 1
            recorder.tool_ns += perf_counter_ns() - start_ns
