"""Memory and CPU of the agent processes, read from outside and alike for every language."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import anyio
import psutil

from shared_models.agent_protocol import RuntimeStatistics
from shared_models.results import GarbageCollection, Resources

INTERVAL_S = 0.2
MIB = 1024 * 1024


@dataclass(slots=True)
class ResourceSampler:
    """Reads the processes five times a second until cancelled; unknown figures stay None.

    Several processes are one agent: their memory and CPU time are summed, the peak is the peak of
    the sum.
    """

    pids: Sequence[int]
    rss_peak_bytes: int | None = None
    pss_bytes: int | None = None
    _cpu_s: dict[int, float] = field(default_factory=dict)

    async def run(self) -> None:
        """Sample for ever; ends by itself when all processes are gone."""
        processes = self._found()
        while self._read(processes):  # noqa: ASYNC110 - a sampling period, not a wait
            await anyio.sleep(INTERVAL_S)

    def finish(self) -> None:
        """Take the last reading and the proportional set size, which is too slow for each one."""
        processes = self._found()
        self._read(processes)
        for process in processes:
            with suppress(psutil.Error):
                pss = getattr(process.memory_full_info(), "pss", None)
                if pss is not None:
                    self.pss_bytes = (self.pss_bytes or 0) + pss

    @property
    def cpu_s(self) -> float | None:
        """CPU time so far (s), of processes that are gone too."""
        return sum(self._cpu_s.values()) if self._cpu_s else None

    def _found(self) -> list[psutil.Process]:
        processes = []
        for pid in self.pids:
            with suppress(psutil.Error):
                processes.append(psutil.Process(pid))
        return processes

    def _read(self, processes: Sequence[psutil.Process]) -> bool:
        sizes = []
        for process in processes:
            with suppress(psutil.Error), process.oneshot():
                rss, times = process.memory_info().rss, process.cpu_times()
                sizes.append(rss)
                self._cpu_s[process.pid] = times.user + times.system
        if sizes:
            self.rss_peak_bytes = max(sum(sizes), self.rss_peak_bytes or 0)
        return bool(sizes)

    def figures(self, runtimes: Sequence[RuntimeStatistics]) -> Resources:
        """Return the readings (MiB, CPU seconds) beside the runtimes' own."""
        return Resources(
            rss_peak_mb=_mib(self.rss_peak_bytes),
            pss_mb=_mib(self.pss_bytes),
            cpu_seconds=self.cpu_s,
            gc=_collections(runtimes),
        )

    @property
    def rss_peak_mb(self) -> float | None:
        """Peak resident set so far, MiB."""
        return _mib(self.rss_peak_bytes)


def _mib(value: int | None) -> float | None:
    return None if value is None else round(value / MIB, 2)


def _collections(runtimes: Sequence[RuntimeStatistics]) -> GarbageCollection | None:
    if not runtimes:
        return None
    generations = [runtime.gc_collections for runtime in runtimes]
    pause_ns = _sum([runtime.gc_pause_ns for runtime in runtimes])
    known = [counts for counts in generations if counts is not None]
    return GarbageCollection(
        collections=[sum(counts) for counts in zip(*known, strict=False)] if known else None,
        pause_ms=None if pause_ns is None else pause_ns / 1e6,
        heap_mb=_mib(_sum([runtime.heap_bytes for runtime in runtimes])),
    )


def _sum(values: Sequence[int | None]) -> int | None:
    """Return the sum, or None when one of the values is unknown."""
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None
