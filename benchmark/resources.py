"""Memory and CPU of an agent process, read from outside and alike for every language."""

from dataclasses import dataclass

import anyio
import psutil

from shared_models.agent_protocol import RuntimeStatistics
from shared_models.results import GarbageCollection, Resources

INTERVAL_S = 0.2
MIB = 1024 * 1024


@dataclass(slots=True)
class ResourceSampler:
    """Reads one process five times a second until cancelled; unknown figures stay None."""

    pid: int
    rss_peak_bytes: int | None = None
    pss_bytes: int | None = None
    cpu_s: float | None = None

    async def run(self) -> None:
        """Sample for ever; ends by itself when the process is gone."""
        try:
            process = psutil.Process(self.pid)
        except psutil.Error:
            return
        while self._read(process):  # noqa: ASYNC110 - a sampling period, not a wait
            await anyio.sleep(INTERVAL_S)

    def finish(self) -> None:
        """Take the last reading and the proportional set size, which is too slow for each one."""
        try:
            process = psutil.Process(self.pid)
            self._read(process)
            self.pss_bytes = getattr(process.memory_full_info(), "pss", None)
        except psutil.Error:
            return

    def _read(self, process: psutil.Process) -> bool:
        try:
            with process.oneshot():
                rss = process.memory_info().rss
                times = process.cpu_times()
        except psutil.Error:
            return False
        self.rss_peak_bytes = max(rss, self.rss_peak_bytes or 0)
        self.cpu_s = times.user + times.system
        return True

    def figures(self, runtime: RuntimeStatistics | None) -> Resources:
        """Return the readings (MiB, CPU seconds) beside the runtime's own."""
        return Resources(
            rss_peak_mb=_mib(self.rss_peak_bytes),
            pss_mb=_mib(self.pss_bytes),
            cpu_seconds=self.cpu_s,
            gc=_collections(runtime),
        )

    @property
    def rss_peak_mb(self) -> float | None:
        """Peak resident set so far, MiB."""
        return _mib(self.rss_peak_bytes)


def _mib(value: int | None) -> float | None:
    return None if value is None else round(value / MIB, 2)


def _collections(runtime: RuntimeStatistics | None) -> GarbageCollection | None:
    if runtime is None:
        return None
    pause_ns = runtime.gc_pause_ns
    return GarbageCollection(
        collections=runtime.gc_collections,
        pause_ms=None if pause_ns is None else pause_ns / 1e6,
        heap_mb=_mib(runtime.heap_bytes),
    )
