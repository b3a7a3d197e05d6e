"""Trace and span ids that are derived from a run, not stored: agent, backend and exports agree."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TraceIds:
    """Hex ids of one iteration (call 0) or of one model call in it (call k, from 1)."""

    trace_id: str
    span_id: str

    @property
    def traceparent(self) -> str:
        """The W3C `traceparent` header that names this span as the parent."""
        return f"00-{self.trace_id}-{self.span_id}-01"


def warm_up_run_id(run_id: str) -> str:
    """Return the name under which a run's warm-up derives its ids: it has a sequence 1 too."""
    return f"{run_id}:warmup"


def trace_ids(run_id: str, sequence: int, *, call: int = 0) -> TraceIds:
    """Return the ids for a run's iteration `sequence` and its model call `call`.

    trace id = the first 16 bytes of SHA-256("runId:sequence"), span id = the first 8 bytes of
    SHA-256("runId:sequence:call"); every iteration is thus a trace of its own.
    """
    trace = hashlib.sha256(f"{run_id}:{sequence}".encode()).hexdigest()[:32]
    span = hashlib.sha256(f"{run_id}:{sequence}:{call}".encode()).hexdigest()[:16]
    return TraceIds(trace, span)
