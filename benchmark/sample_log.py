"""The samples of one run: running figures in columns, the samples themselves as packed JSON.

A million samples as objects would take gigabytes; the figures need one column of durations and a
few sums, and the raw samples are only read back when somebody asks for them.
"""

import math
import zlib
from array import array
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from shared_models.agent_protocol import Sample

from .errors import BridgeProtocol
from .figures import Mean, ModeColumns

MAX_NS = 2**62
"""Past it (146 years) a time is no measurement; columns hold 64 bits."""
PAGE = 16_384
"""Sequence numbers in one page of the memory of those that were seen."""


class SampleLog:
    """Append-only; failures and cancelled calls never enter a latency figure."""

    def __init__(self, columns: Sequence[ModeColumns] = ()) -> None:
        """`columns` are filled along with the figures that every run has."""
        self._columns = columns
        self.durations_ns = array("q")
        """Latencies of the successful calls, in order of arrival.

        Start → end, or in an open loop intended start → end.
        """
        self.failures: Counter[str] = Counter()
        self.framework_ns, self.transport_ns, self.model_ns = Mean(), Mean(), Mean()
        self.tool_ns = Mean()
        self.prompt_tokens, self.completion_tokens = Mean(), Mean()
        self.first_token_ns = Mean()
        self.last_duration_ns: int | None = None
        self.consecutive_failures = 0
        self.last_error: str | None = None
        self.first_start_ns: int | None = None
        """First start of the newest block, on the run's clock; the intended one in an open loop."""
        self.last_end_ns: int | None = None
        """Last end of the newest block."""
        self._earlier_blocks_ns = 0
        self._total_ns = 0
        self._squares_ns = 0
        self._min_ns: int | None = None
        self._max_ns: int | None = None
        # Several agent processes number their samples far apart: pages instead of one long row.
        self._seen: defaultdict[int, bytearray] = defaultdict(lambda: bytearray(PAGE))
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
    def stdev_ns(self) -> float | None:
        """Sample standard deviation of the successful calls (n − 1), None below two."""
        count = self.success_count
        if count < 2:
            return None
        # Whole numbers throughout: nothing cancels, however large the sums are.
        return math.sqrt((count * self._squares_ns - self._total_ns**2) / (count * (count - 1)))

    @property
    def extremes_ns(self) -> tuple[int | None, int | None]:
        """Shortest and longest successful call."""
        return self._min_ns, self._max_ns

    @property
    def elapsed_ns(self) -> int:
        """First start → last end, summed over the blocks: the gaps between them do not count."""
        return self._earlier_blocks_ns + self.block_ns

    def open_block(self) -> None:
        """Begin a new block; the samples that follow belong to it."""
        self._earlier_blocks_ns += self.block_ns
        self.first_start_ns = self.last_end_ns = None
        for column in self._columns:
            column.open_block()

    @property
    def block_ns(self) -> int:
        """First start → last end of the newest block, 0 before its first sample."""
        if self.first_start_ns is None or self.last_end_ns is None:
            return 0
        return self.last_end_ns - self.first_start_ns

    def extend(self, samples: list[Sample], *, offset_ns: int = 0, process: int = 0) -> None:
        """Add samples of a process, whose block began `offset_ns` into the run.

        Raises BridgeProtocol for a sequence number that was there before and for times that no
        clock gives; the samples in front of that one are kept.
        """
        good: list[Sample] = []
        try:
            for sample in samples:
                self._claim(sample)
                self._count_in(sample, offset_ns)
                for column in self._columns:
                    column.add(process, sample, offset_ns)
                good.append(sample)
        finally:
            if good:
                rows = [sample.model_dump(exclude_none=True) for sample in good]
                if offset_ns:
                    _shift(rows, offset_ns)
                self._batches.append(zlib.compress(orjson.dumps(rows), 1))
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
        end_ns = sample.start_ns + sample.duration_ns
        if end_ns > MAX_NS or (sample.intended_start_ns or 0) > end_ns:
            raise BridgeProtocol(f"sample {sequence} has an impossible time")
        page, place = self._seen[sequence // PAGE], sequence % PAGE
        if page[place]:
            raise BridgeProtocol(f"sample {sequence} came twice")
        page[place] = 1

    def _count_in(self, sample: Sample, offset_ns: int) -> None:
        if sample.outcome == "cancelled":
            return
        due_ns = sample.start_ns if sample.intended_start_ns is None else sample.intended_start_ns
        start_ns = due_ns + offset_ns
        end_ns = sample.start_ns + sample.duration_ns + offset_ns
        if self.first_start_ns is None or start_ns < self.first_start_ns:
            self.first_start_ns = start_ns
        self.last_end_ns = max(self.last_end_ns or 0, end_ns)
        if sample.outcome != "ok":
            self.failures[sample.error_kind or sample.outcome] += 1
            self.consecutive_failures += 1
            self.last_error = sample.error_message or sample.error_kind or sample.outcome
            return
        self.consecutive_failures = 0
        self._count_success(sample, end_ns - start_ns)

    def _count_success(self, sample: Sample, latency_ns: int) -> None:
        self.last_duration_ns = latency_ns
        self.durations_ns.append(latency_ns)
        self._total_ns += latency_ns
        self._squares_ns += latency_ns * latency_ns
        self._min_ns = latency_ns if self._min_ns is None else min(self._min_ns, latency_ns)
        self._max_ns = latency_ns if self._max_ns is None else max(self._max_ns, latency_ns)
        duration_ns = sample.duration_ns
        transport_ns, model_ns = sample.transport_ns, sample.model_ns
        if transport_ns is not None:
            self.framework_ns.add(duration_ns - transport_ns - (sample.tool_ns or 0))
            if model_ns is not None:
                self.transport_ns.add(transport_ns - model_ns)
        self.model_ns.add(model_ns)
        self.tool_ns.add(sample.tool_ns)
        self.prompt_tokens.add(sample.prompt_tokens)
        self.completion_tokens.add(sample.completion_tokens)
        self.first_token_ns.add(sample.first_token_ns)


def _shift(rows: list[dict[str, Any]], offset_ns: int) -> None:
    """Move samples from their block's clock onto the run's, in place."""
    for row in rows:
        for part in (row, *row["calls"]):
            for name in ("startNs", "intendedStartNs", "httpStartNs"):
                if name in part:
                    part[name] += offset_ns
