"""Batches: how long the calls took together that were launched together."""

from array import array

from benchmark.percentiles import Ranked, median, milliseconds
from shared_models.agent_protocol import Sample
from shared_models.results import BatchFigures

OPEN_AT_ONCE = 128
"""Batches that may still get calls: two of each of the most processes that a run can have."""


class Batches:
    """The wall times of batches, first start → last end.

    A batch with a call that failed or was cancelled counts, but has no time: what a failure takes
    is no latency.
    """

    def __init__(self) -> None:
        self.count = 0
        self._times_ns = array("q")
        self._open: dict[tuple[int, int, int], _Batch] = {}
        self._block = 0

    def open_block(self) -> None:
        """Begin a new block, in which batches are numbered anew."""
        self._block += 1

    def add(self, process: int, sample: Sample, offset_ns: int) -> None:
        """Take a sample; without a batch it belongs to none."""
        if sample.batch is None:
            return
        key = (self._block, process, sample.batch)
        batch = self._open.get(key)
        if batch is None:
            batch = self._open[key] = _Batch()
            self.count += 1
            if len(self._open) > OPEN_AT_ONCE:
                oldest = self._open.pop(next(iter(self._open)))
                if oldest.ok:
                    self._times_ns.append(oldest.time_ns)
        start_ns = sample.start_ns + offset_ns
        batch.start_ns = min(batch.start_ns, start_ns)
        batch.end_ns = max(batch.end_ns, start_ns + sample.duration_ns)
        batch.ok &= sample.outcome == "ok"

    def figures(self) -> BatchFigures:
        """Return the figures over the batches without a failure."""
        # Without the open ones closed for good: a run that goes on may be asked for its figures.
        unfinished = [batch.time_ns for batch in self._open.values() if batch.ok]
        times = Ranked(self._times_ns + array("q", unfinished))
        return BatchFigures(
            count=self.count,
            average_ms=milliseconds(times.mean),
            median_ms=milliseconds(median(times)),
            min_ms=milliseconds(times[0]) if times else None,
            max_ms=milliseconds(times[-1]) if times else None,
        )


class _Batch:
    __slots__ = ("end_ns", "ok", "start_ns")

    def __init__(self) -> None:
        self.start_ns = 2**63
        self.end_ns = 0
        self.ok = True

    @property
    def time_ns(self) -> int:
        return self.end_ns - self.start_ns
