"""What a run gave: the seed's fields under the seed's names, and ours beside them."""

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from .agent_protocol import Sample
from .configuration import TestConfiguration
from .wire import RequestModel, WireModel

RunStatus = Literal["Idle", "Running", "Completed", "Stopped", "Failed"]
AgentOrigin = Literal["installed", "source", "prebuilt"]
Count = Annotated[int, Field(ge=0)]
Milliseconds = Annotated[float, Field(ge=0)]


class MachineInfo(WireModel):
    """The machine that the agent ran on."""

    os: str
    architecture: str
    cpu_model: str
    logical_cores: Count
    memory_mb: Count
    runtime_version: str | None


class Breakdown(WireModel):
    """Mean milliseconds per successful call, by where they were spent; null where unknown.

    framework = call − transport; transport = HTTP exchange − model; model = the server's own
    `total_duration`.
    """

    framework_ms: float | None
    transport_ms: float | None
    model_ms: float | None


class Tokens(WireModel):
    """Token sums over the successful calls; `per_second` is completion tokens per run second."""

    prompt: Count | None
    completion: Count | None
    per_second: float | None


class GarbageCollection(WireModel):
    """The runtime's own garbage collection figures; null where the runtime has none."""

    collections: list[Count] | None
    pause_ms: Milliseconds | None
    heap_mb: Milliseconds | None


class Resources(WireModel):
    """What the agent process used, read alike for every language (MiB, CPU seconds)."""

    rss_peak_mb: float | None
    pss_mb: float | None
    cpu_seconds: float | None
    gc: GarbageCollection | None


class AgentIdentity(WireModel):
    """The software that was measured, as the agent itself reports it."""

    language: str
    runtime: str
    runtime_version: str
    framework: str
    framework_version: str
    client: str
    client_version: str
    flavour: str


class Environment(WireModel):
    """What else may explain the figures."""

    agent: AgentIdentity | None
    agent_origin: AgentOrigin | None = None
    """How the agent came here: a prebuilt one starts faster than one built from source."""
    ollama_version: str | None
    model_parameter_size: str | None
    model_quantization: str | None
    load_average: float | None


class Metrics(WireModel):
    """One run's figures. Latencies are milliseconds over the successful calls only.

    Percentiles and the standard deviation are null when there are too few calls for them:
    q is given from n ≥ 10 / (1 − q) on, the standard deviation from n ≥ 2.
    """

    language: str
    framework: str
    provider: Literal["Ollama", "ollama-simulator"]
    model: str
    endpoint: str
    timestamp: AwareDatetime
    warmup_successful: bool
    total_iterations: Count
    total_execution_time_ms: Count
    average_time_per_iteration_ms: Milliseconds | None
    min_iteration_time_ms: Milliseconds | None
    max_iteration_time_ms: Milliseconds | None
    memory_used_mb: float | None
    machine_info: MachineInfo
    success_count: Count
    failure_count: Count
    failures: dict[str, Count]
    median_ms: Milliseconds | None
    p90_ms: Milliseconds | None
    p95_ms: Milliseconds | None
    p99_ms: Milliseconds | None
    stdev_ms: Milliseconds | None
    iterations_per_second: float | None
    cold_start_ms: Milliseconds | None
    first_call_ms: Milliseconds | None
    warmup_time_ms: Milliseconds | None
    breakdown: Breakdown
    tokens: Tokens
    time_to_first_token_ms: Milliseconds | None
    resources: Resources
    environment: Environment


class TestResult(WireModel):
    """The end of a run. `success` = Completed and at least one successful call.

    `failure_kind` names what ended a failed run (`connect`, `model-not-found`, `bridge-died`, …).
    """

    __test__: ClassVar[bool] = False

    success: bool
    message: str
    failure_kind: str | None = None
    metrics: Metrics | None
    samples: list[Sample] | None = None


class TestStatus(WireModel):
    """A run while it goes on. Counts and `elapsedTimeMs` are integers: typed clients read Int64."""

    __test__: ClassVar[bool] = False

    session_id: str | None
    status: RunStatus
    current_iteration: Count
    total_iterations: Count
    elapsed_time_ms: Count
    progress_percentage: float
    average_time_per_iteration_ms: Milliseconds | None
    min_iteration_time_ms: Milliseconds | None
    max_iteration_time_ms: Milliseconds | None
    last_iteration_time_ms: Milliseconds | None
    iterations_per_second: float | None
    estimated_time_remaining_ms: Count | None
    success_count: Count
    failure_count: Count
    memory_used_mb: float | None
    warmup_successful: bool
    warmup_time_ms: Milliseconds | None
    error_message: str | None
    failure_kind: str | None = None
    configuration: TestConfiguration | None
    machine_info: MachineInfo | None


class StartReply(WireModel):
    """A run has been accepted."""

    session_id: str
    message: str


class StopRequest(RequestModel):
    """Which run to stop; the active one when it is not named."""

    session_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class StopReply(WireModel):
    """Whether there was something to stop."""

    stopped: bool
    message: str


class SampleBatch(WireModel):
    """The payload of a `samples` event."""

    session_id: str
    samples: list[Sample]
