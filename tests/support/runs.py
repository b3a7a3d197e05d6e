"""Samples and run records for tests of what is computed from them."""

from datetime import UTC, datetime
from typing import Any

from benchmark.launcher import AgentDescription
from benchmark.metrics import RunRecord, WarmUp
from benchmark.sample_log import SampleLog
from shared_models import Sample, TestConfiguration

MS = 1_000_000


def make_sample(sequence: int, **fields: Any) -> Sample:
    """Return a good sample of 1 ms; `fields` change it."""
    wanted: dict[str, Any] = {
        "sequence": sequence,
        "worker": 0,
        "start_ns": (sequence - 1) * MS,
        "duration_ns": MS,
        "outcome": "ok",
        "calls": [],
    }
    return Sample.model_validate(wanted | fields)


def make_record(samples: list[Sample], **fields: Any) -> RunRecord:
    """Return the record of a run that has these samples."""
    log = SampleLog()
    log.extend(samples)
    wanted: dict[str, Any] = {
        "configuration": TestConfiguration.model_validate({"endpoint": "http://localhost:11434"}),
        "description": AgentDescription(
            service="python-backend", language="Python", framework="Python"
        ),
        "started_at": datetime(2026, 1, 2, tzinfo=UTC),
        "load_average": 0.5,
        "samples": log,
        "warm_up": WarmUp(),
    }
    return RunRecord(**(wanted | fields))
