"""What a run gave: the seed's fields under the seed's names, and ours beside them."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from .agent_protocol import Sample
from .configuration import Seconds, TestConfiguration
from .wire import RequestModel, WireModel

RunStatus = Literal["Idle", "Running", "Completed", "Stopped", "Failed"]
AgentOrigin = Literal["installed", "source", "prebuilt"]
RunPhase = Literal[
    "Idle", "Starting", "WarmingUp", "Running", "Waiting", "Completed", "Stopped", "Failed"
]
"""Where a run really is; `RunStatus` is what clients of the original know of it."""
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
    """Mean milliseconds per successful iteration, by where they were spent; null where unknown.

    framework = iteration − HTTP exchanges − tool; transport = HTTP exchanges − model; model = the
    server's own `total_duration`, summed; tool = time in the invocation of local functions.
    `framework_share` is framework / (framework + transport + model + tool), 0 to 1.
    """

    framework_ms: float | None
    transport_ms: float | None
    model_ms: float | None
    tool_ms: float | None = None
    framework_share: float | None = None


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
    model_load_ms: Milliseconds | None = None
    """How long the model server took to load the model before the first call; null when it was
    not asked to, as in a plain run with a fixed number of warm-up calls."""


WarmUpEnd = Literal["fixed", "time", "steady", "call-cap", "time-cap"]
"""Why a warm-up was over: the asked-for number or time; steady calls; or a cap of the automatic."""


class WarmUpFigures(WireModel):
    """The untimed calls before the run: how many, what they cost, and what a cold agent felt like.

    `window_medians_ms` are the medians of the windows that an automatic warm-up looked at.
    `cold_median_ms` is over the process's first `cold_calls` (≤ 10) successful calls, warm-up or
    not: what a first user feels. The run's own `medianMs` is its steady counterpart.
    """

    iterations: Count
    failure_count: Count
    ended: WarmUpEnd
    time_ms: Milliseconds
    window_medians_ms: list[Milliseconds]
    cold_calls: Count
    cold_median_ms: Milliseconds | None


class BatchFigures(WireModel):
    """Batches: first start → last end of the calls that were launched together (milliseconds)."""

    count: Count
    average_ms: Milliseconds | None
    median_ms: Milliseconds | None
    min_ms: Milliseconds | None
    max_ms: Milliseconds | None


class StreamingFigures(WireModel):
    """Streamed replies, over the successful calls.

    Time to first token: start → first text. Inter-token latency of a call: (last − first token) /
    (tokens − 1), from two tokens on. Time per output token: call / tokens. Output tokens per
    second of a call: tokens / call. All but the means are medians over calls.
    """

    time_to_first_token_ms: Milliseconds | None
    """Mean."""
    median_time_to_first_token_ms: Milliseconds | None
    p95_time_to_first_token_ms: Milliseconds | None
    inter_token_latency_ms: Milliseconds | None
    time_per_output_token_ms: Milliseconds | None
    output_tokens_per_second: float | None


class RateFigures(WireModel):
    """An open loop: what was asked for and what the generator really did.

    `lag` is actual − intended start; a start is late beyond 5 ms. `dropped` arrivals found too
    many calls in flight. `service_*` are the calls without their lag, in milliseconds; the run's
    own latencies count from the intended start.
    """

    intended_per_second: float
    achieved_per_second: float | None
    arrivals: Count
    dropped: Count
    late_starts: Count
    lag_median_ms: Milliseconds | None
    lag_p99_ms: Milliseconds | None
    lag_max_ms: Milliseconds | None
    service_median_ms: Milliseconds | None


class TurnFigures(WireModel):
    """The calls that were the n-th turn of their session (milliseconds)."""

    turn: Annotated[int, Field(ge=1)]
    success_count: Count
    median_ms: Milliseconds | None
    framework_ms: float | None
    """Mean."""
    prompt_tokens: float | None
    """Mean: the history that the model was sent."""


class ScenarioFigures(WireModel):
    """What a scenario's iterations were made of, over the successful ones."""

    model_calls: Count
    tool_calls: Count
    invalid_answers: Count
    """Structured answers that did not parse; they are failures."""
    turns: list[TurnFigures]


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
    warm_up: WarmUpFigures | None = None
    batches: BatchFigures | None = None
    streaming: StreamingFigures | None = None
    rate: RateFigures | None = None
    scenario: ScenarioFigures | None = None


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
    """A run while it goes on. Counts and `elapsedTimeMs` are integers: typed clients read Int64.

    `total_iterations` of a run that is limited by time is what has been done of it.
    """

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
    warmup_iterations: Count = 0
    """Warm-up calls so far."""
    error_message: str | None
    failure_kind: str | None = None
    phase: RunPhase | None = None
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


class AdvanceRequest(RequestModel):
    """The next block of a gated run: exactly one of `iterations` and `duration_seconds`."""

    session_id: Annotated[str, Field(min_length=1, max_length=64)]
    iterations: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    duration_seconds: Seconds | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.iterations is None) == (self.duration_seconds is None):
            raise ValueError("give either iterations or durationSeconds")
        return self


class AdvanceReply(WireModel):
    """A block that has ended: its samples on the run's clock, its own wall time, the run's state.

    `dropped` counts the arrivals of this block that were never sent (rate mode).
    """

    samples: list[Sample]
    wall_ns: Count
    dropped: Count = 0
    status: TestStatus
