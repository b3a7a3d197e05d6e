"""From samples to the figures of a result (pure)."""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared_models.agent_protocol import InitializeResult, RuntimeStatistics, Sample
from shared_models.configuration import TestConfiguration, TestMode
from shared_models.results import (
    AgentIdentity,
    AgentOrigin,
    Breakdown,
    Environment,
    Metrics,
    Tokens,
    WarmUpEnd,
    WarmUpFigures,
)

from .figures import Batches, ModeColumns, OpenLoop, ScenarioCalls, Streaming
from .launcher import AgentDescription
from .machine import machine_info
from .percentiles import NS_PER_MS, Ranked, median, milliseconds, percentile_or_none
from .preflight import ModelServer
from .resources import ResourceSampler
from .sample_log import SampleLog

COLD_CALLS = 10
_MODE_COLUMNS: dict[TestMode, Callable[[], ModeColumns]] = {
    "batch": Batches,
    "streaming": Streaming,
    "rate": OpenLoop,
}


@dataclass(slots=True)
class WarmUp:
    """The untimed calls: how long they took, how many there were and whether any succeeded."""

    duration_ms: float | None = None
    successful: bool = False
    iterations: int = 0
    failure_count: int = 0
    ended: WarmUpEnd | None = None
    """Why it was over; None until it is."""
    window_medians_ms: list[float] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class RunRecord:
    """All that a run has gathered; filled in as it goes on, None where it never came to it."""

    configuration: TestConfiguration
    description: AgentDescription
    started_at: datetime
    load_average: float | None
    samples: SampleLog
    columns: Sequence[ModeColumns] = ()
    dropped: int = 0
    """Arrivals of an open loop that found too many calls in flight."""
    warm_up: WarmUp
    server: ModelServer | None = None
    agent: InitializeResult | None = None
    agent_origin: AgentOrigin | None = None
    spawn_ms: float | None = None
    """Spawn → `initialize` answered."""
    model_load_ms: float | None = None
    first_sample: Sample | None = None
    cold_calls_ns: "array[int]" = field(default_factory=lambda: array("q"))
    """The durations of the first successful calls of the process, warm-up or not."""
    resources: ResourceSampler | None = None
    runtimes: Sequence[RuntimeStatistics] = ()

    def look_at_first(self, samples: Sequence[Sample]) -> None:
        """Keep what the first calls of the first agent process say of a cold agent."""
        if len(self.cold_calls_ns) >= COLD_CALLS:
            return
        if self.first_sample is None and samples:
            self.first_sample = samples[0]
        good = [sample.duration_ns for sample in samples if sample.outcome == "ok"]
        self.cold_calls_ns.extend(good[: COLD_CALLS - len(self.cold_calls_ns)])


def summarise(record: RunRecord) -> Metrics:
    """Return the figures of a run, complete or not.

    Latencies are over the successful calls; throughput is successes over the time of the blocks,
    each from its first start to its last end.
    """
    log = record.samples
    ordered = Ranked(log.durations_ns)
    elapsed_ns = log.elapsed_ns
    runtime_version = record.agent.runtime_version if record.agent else None
    peak_mb = record.resources.rss_peak_mb if record.resources else None
    lowest, highest = log.extremes_ns
    first_call_ms = _first_call(record.first_sample)
    return Metrics(
        language=record.description.language,
        framework=record.description.framework,
        provider=record.server.provider if record.server else "Ollama",
        model=record.configuration.model,
        endpoint=record.configuration.endpoint or "",
        timestamp=record.started_at,
        warmup_successful=record.warm_up.successful,
        total_iterations=log.attempt_count,
        total_execution_time_ms=round(elapsed_ns / NS_PER_MS),
        average_time_per_iteration_ms=milliseconds(log.average_ns),
        min_iteration_time_ms=milliseconds(lowest),
        max_iteration_time_ms=milliseconds(highest),
        memory_used_mb=peak_mb,
        machine_info=machine_info(runtime_version),
        success_count=log.success_count,
        failure_count=log.failure_count,
        failures=dict(log.failures),
        median_ms=milliseconds(median(ordered)),
        p90_ms=milliseconds(percentile_or_none(ordered, 0.90)),
        p95_ms=milliseconds(percentile_or_none(ordered, 0.95)),
        p99_ms=milliseconds(percentile_or_none(ordered, 0.99)),
        stdev_ms=milliseconds(log.stdev_ns),
        iterations_per_second=per_second(log.success_count, elapsed_ns),
        cold_start_ms=_cold_start(record.spawn_ms, first_call_ms),
        first_call_ms=first_call_ms,
        warmup_time_ms=record.warm_up.duration_ms,
        breakdown=_breakdown(log),
        tokens=_tokens(log, elapsed_ns),
        time_to_first_token_ms=milliseconds(log.first_token_ns.value),
        resources=(record.resources or ResourceSampler(())).figures(record.runtimes),
        environment=_environment(record),
        warm_up=_warm_up(record),
        **_of_the_mode(record),
    )


def columns_for(configuration: TestConfiguration) -> list[ModeColumns]:
    """Return the columns of the figures that this run will have beside those of every run."""
    columns: list[ModeColumns] = []
    if configuration.test_mode in _MODE_COLUMNS:
        columns.append(_MODE_COLUMNS[configuration.test_mode]())
    if configuration.scenario != "chat":
        columns.append(ScenarioCalls())
    return columns


def per_second(count: int, elapsed_ns: int) -> float | None:
    """Return a rate, or None without time to divide by."""
    return count * 1e9 / elapsed_ns if elapsed_ns > 0 and count else None


def identity(agent: InitializeResult) -> AgentIdentity:
    """Return who was measured, without what belongs to the one process."""
    process_only = {"protocol_version", "process_id", "modes", "scenarios"}
    return AgentIdentity(**agent.model_dump(by_alias=False, exclude=process_only))


def _first_call(sample: Sample | None) -> float | None:
    return sample.duration_ns / NS_PER_MS if sample and sample.outcome == "ok" else None


def _cold_start(spawn_ms: float | None, first_call_ms: float | None) -> float | None:
    # The look at the server lies between the two, and is ours: it must not count.
    if spawn_ms is None or first_call_ms is None:
        return None
    return spawn_ms + first_call_ms


def _warm_up(record: RunRecord) -> WarmUpFigures | None:
    warm_up = record.warm_up
    if warm_up.ended is None:
        return None
    return WarmUpFigures(
        iterations=warm_up.iterations,
        failure_count=warm_up.failure_count,
        ended=warm_up.ended,
        time_ms=warm_up.duration_ms or 0.0,
        window_medians_ms=warm_up.window_medians_ms,
        cold_calls=len(record.cold_calls_ns),
        cold_median_ms=milliseconds(median(Ranked(record.cold_calls_ns))),
    )


def _of_the_mode(record: RunRecord) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for column in record.columns:
        if isinstance(column, Batches):
            figures["batches"] = column.figures()
        elif isinstance(column, Streaming):
            figures["streaming"] = column.figures()
        elif isinstance(column, OpenLoop):
            figures["rate"] = column.figures(
                record.configuration.rate_per_second or 0.0, dropped=record.dropped
            )
        elif isinstance(column, ScenarioCalls):
            figures["scenario"] = column.figures()
    return figures


def _breakdown(log: SampleLog) -> Breakdown:
    framework_ns, transport_ns = log.framework_ns.value, log.transport_ns.value
    model_ns, tool_ns = log.model_ns.value, log.tool_ns.value
    share = None
    if framework_ns is not None and transport_ns is not None and model_ns is not None:
        total_ns = framework_ns + transport_ns + model_ns + (tool_ns or 0)
        share = framework_ns / total_ns if total_ns else None
    return Breakdown(
        framework_ms=milliseconds(framework_ns),
        transport_ms=milliseconds(transport_ns),
        model_ms=milliseconds(model_ns),
        tool_ms=milliseconds(tool_ns),
        framework_share=share,
    )


def _tokens(log: SampleLog, elapsed_ns: int) -> Tokens:
    completion = log.completion_tokens
    return Tokens(
        prompt=log.prompt_tokens.total if log.prompt_tokens.count else None,
        completion=completion.total if completion.count else None,
        per_second=per_second(completion.total, elapsed_ns),
    )


def _environment(record: RunRecord) -> Environment:
    server = record.server
    return Environment(
        agent=identity(record.agent) if record.agent else None,
        agent_origin=record.agent_origin,
        ollama_version=server.version if server else None,
        model_parameter_size=server.parameter_size if server else None,
        model_quantization=server.quantization if server else None,
        load_average=record.load_average,
        model_load_ms=record.model_load_ms,
    )
