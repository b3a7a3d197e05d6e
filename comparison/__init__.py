"""Comparing agents: typed clients, the schedules, the coordinator and the report.

Reading order: `plan` (who comes when) → `coordinator` (a comparison's life) → `interleaved` (the
plan, executed) → `record` (its samples) → `analysis` and `report`. Imports no user interface, so
that the web service and the command line share it; numpy is loaded by the first analysis.
"""

from .backends import BackendClient, BackendEvent
from .coordinator import ComparisonRun
from .errors import (
    BackendError,
    BackendRefused,
    BackendReplyInvalid,
    BackendUnreachable,
    PromptsInvalid,
    SideFailed,
)
from .following import follow
from .observed import compared_side, observed
from .parallel import run_parallel
from .probing import probe_backend
from .prompts import PromptList, parse_prompts, read_prompts
from .rows import report_json
from .sides import check_supported, sides_of

__all__ = [
    "BackendClient",
    "BackendError",
    "BackendEvent",
    "BackendRefused",
    "BackendReplyInvalid",
    "BackendUnreachable",
    "ComparisonRun",
    "PromptList",
    "PromptsInvalid",
    "SideFailed",
    "check_supported",
    "compared_side",
    "follow",
    "observed",
    "parse_prompts",
    "probe_backend",
    "read_prompts",
    "report_json",
    "run_parallel",
    "sides_of",
]
