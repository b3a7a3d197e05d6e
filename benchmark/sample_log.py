"""The samples of one run: running figures in columns, the samples themselves as packed JSON.

A million samples as objects would take gigabytes; the figures need one column of durations and a
few sums, and the raw samples are only read back when somebody asks for them.
"""

import zlib
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator

import orjson

from shared_models.agent_protocol import Sample

from .errors import BridgeProtocol

MAX_NS = 2**62
"""Past it (146 years) a time is no measurement; columns hold 64 bits."""


class Mean:
    """A running mean over the samples that have the figure."""

    __slots__ = ("count", "total")

    def __init__(self) -> None:
        self.total = 0
        self.count = 0

    def add(self, value: int | None) -> None:
        """Count a value; None is unknown and changes nothing."""
        if value is not None:
            self.total += value
            self.count += 1

    @property
    def value(self) -> float | None:
        """The mean, or None without a value."""
        return self.total / self.count if self.count else None


class SampleLog:
    """Append-only; failures and cancelled calls never enter a latency figure."""

    def __init__(self) -> None:
        self.durations_ns = array("q")
        """Durations of the successful calls, in order of arrival."""
        self.failures: Counter[str] = Counter()
        self.framework_ns, self.transport_ns, self.model_ns = Mean(), Mean(), Mean()
        self.prompt_tokens, self.completion_tokens = Mean(), Mean()
        self.first_token_ns = Mean()
        self.last_duration_ns: int | None = None
        self.consecutive_failures = 0
        self.last_error: str | None = None
        self.first_start_ns: int | None = None
        self.last_end_ns: int | None = None
        self._total_ns = 0
        self._min_ns: int | None = None
        self._max_ns: int | None = None
        self._seen = bytearray()
        self._batches: list[bytes] = []
        self._ends: list[int] = []

    def __len__(self) -> int:
        """Return the number of samples, cancelled ones included."""
        return self._ends[-1] if self._ends else 0

    @property
    def success_count(self) -> int:
        """Calls with outcome ok."""
        return len(self.durations_ns)

    @property
    def failure_count(self) -> int:
        """Calls with outcome error or timeout; a cancelled call is neither."""
        return self.failures.total()

    @property
    def attempt_count(self) -> int:
        """Calls that came to an end of their own."""
        return self.success_count + self.failure_count

    @property
    def average_ns(self) -> float | None:
        """Mean duration of the successful calls."""
        return self._total_ns / self.success_count if self.success_count else None

    @property
    def extremes_ns(self) -> tuple[int | None, int | None]:
        """Shortest and longest successful call."""
        return self._min_ns, self._max_ns

    def extend(self, samples: list[Sample]) -> None:
        """Add samples.

        Raises BridgeProtocol for a sequence number that was there before and for times that no
        clock gives; the samples in front of that one are kept.
        """
        good: list[Sample] = []
        try:
            for sample in samples:
                self._claim(sample)
                self._count_in(sample)
                good.append(sample)
        finally:
            if good:
                packed = orjson.dumps([sample.model_dump(exclude_none=True) for sample in good])
                self._batches.append(zlib.compress(packed, 1))
                self._ends.append(len(self) + len(good))

    def json_batches(self, *, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Yield `(position, JSON array)` for the batches that end past position `after`.

        A batch that straddles `after` is given from there on; position counts samples from 1.
        """
        # By index and up to the length seen first: an export reads in a thread while a run appends.
        for index in range(bisect_right(self._ends, after), len(self._ends)):
            end = self._ends[index]
            packed = zlib.decompress(self._batches[index])
            rows = orjson.loads(packed)
            overlap = after - (end - len(rows))
            yield end, orjson.dumps(rows[overlap:]) if overlap > 0 else packed

    def _claim(self, sample: Sample) -> None:
        sequence = sample.sequence
        if sample.start_ns + sample.duration_ns > MAX_NS:
            raise BridgeProtocol(f"sample {sequence} has an impossible time")
        if sequence >= len(self._seen):
            if sequence > 2 * len(self._seen) + 100_000:
                raise BridgeProtocol(f"sample {sequence} is far out of order")
            self._seen.extend(bytes(max(1_024, sequence - len(self._seen) + 1, len(self._seen))))
        if self._seen[sequence]:
            raise BridgeProtocol(f"sample {sequence} came twice")
        self._seen[sequence] = 1

    def _count_in(self, sample: Sample) -> None:
        if sample.outcome == "cancelled":
            return
        end_ns = sample.start_ns + sample.duration_ns
        if self.first_start_ns is None or sample.start_ns < self.first_start_ns:
            self.first_start_ns = sample.start_ns
        self.last_end_ns = max(self.last_end_ns or 0, end_ns)
        if sample.outcome != "ok":
            self.failures[sample.error_kind or sample.outcome] += 1
            self.consecutive_failures += 1
            self.last_error = sample.error_message or sample.error_kind or sample.outcome
            return
        self.consecutive_failures = 0
        self._count_success(sample)

    def _count_success(self, sample: Sample) -> None:
        duration_ns = self.last_duration_ns = sample.duration_ns
        self.durations_ns.append(duration_ns)
        self._total_ns += duration_ns
        self._min_ns = duration_ns if self._min_ns is None else min(self._min_ns, duration_ns)
        self._max_ns = duration_ns if self._max_ns is None else max(self._max_ns, duration_ns)
        transport_ns, model_ns = sample.transport_ns, sample.model_ns
        if transport_ns is not None:
            self.framework_ns.add(duration_ns - transport_ns - (sample.tool_ns or 0))
            if model_ns is not None:
                self.transport_ns.add(transport_ns - model_ns)
        self.model_ns.add(model_ns)
        self.prompt_tokens.add(sample.prompt_tokens)
        self.completion_tokens.add(sample.completion_tokens)
        self.first_token_ns.add(sample.first_token_ns)
