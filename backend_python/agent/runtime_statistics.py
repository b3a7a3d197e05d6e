"""The interpreter's own counters: garbage collections, their pauses, threads."""

import gc
import threading
from time import perf_counter_ns
from typing import Any

from shared_models.agent_protocol import RuntimeStatistics


class GarbageCollectionClock:
    """Adds up the time that collections stop the process, through the interpreter's callbacks."""

    def __init__(self) -> None:
        self._started_ns = 0
        self._pause_ns = 0
        gc.callbacks.append(self._on_collection)

    def statistics(self) -> RuntimeStatistics:
        """Return the counters since this clock was made; CPython knows no heap size."""
        return RuntimeStatistics(
            gc_collections=[generation["collections"] for generation in gc.get_stats()],
            gc_pause_ns=self._pause_ns,
            threads=threading.active_count(),
        )

    def _on_collection(self, phase: str, _info: dict[str, Any]) -> None:
        if phase == "start":
            self._started_ns = perf_counter_ns()
        else:
            self._pause_ns += perf_counter_ns() - self._started_ns
