"""The agent protocol: JSON-RPC 2.0, one JSON object per line, between a backend and its agent.

The same messages are read by the C# agent; `vectors/` holds examples that both test suites check.
All durations are integers in nanoseconds; a field that is unknown is absent or null, never 0.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from .configuration import Arrivals, Flavour, Scenario, TestConfiguration, TestMode
from .wire import WireModel

PROTOCOL_VERSION = 1
MAX_LINE_BYTES = 8 * 1024 * 1024

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
NOT_INITIALISED = -32001
BUSY = -32002
ENDPOINT_UNAVAILABLE = -32003
MODEL_NOT_FOUND = -32004
UNSUPPORTED_MODE = -32005

Nanoseconds = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Outcome = Literal["ok", "error", "timeout", "cancelled"]
ErrorKind = Literal[
    "connect",
    "timeout",
    "http",
    "model-not-found",
    "incomplete",
    "stream-error",
    "invalid-reply",
    "cancelled",
    "bridge-protocol",
]


class InitializeParams(WireModel):
    """`connect_to` is the address (`127.0.0.1:11434`, `[::1]:11434`) that the backend checked;
    the agent connects there and keeps the endpoint's own name in Host and SNI."""

    protocol_version: Literal[1] = 1
    configuration: TestConfiguration
    connect_to: str | None = None


class InitializeResult(WireModel):
    """Who the agent is and what it can do."""

    protocol_version: Literal[1]
    language: str
    runtime: str
    runtime_version: str
    framework: str
    framework_version: str
    client: str
    client_version: str
    flavour: Flavour
    process_id: Positive
    modes: list[TestMode]
    scenarios: list[Scenario]


class WarmupParams(WireModel):
    """Untimed calls before the run; `iterations` may be 0.

    They are made as the run's calls will be: in the same mode and with the same concurrency
    (a rate run warms up in `standard`). A long warm-up comes in several requests, the next one
    going on at `first_sequence`.
    """

    run_id: str
    iterations: Count
    first_sequence: Positive = 1
    mode: TestMode = "standard"
    concurrency: Positive = 1


class RunParams(WireModel):
    """One block of timed calls, over after `iterations` calls or after `duration_seconds`.

    At least one of the two is set; with both, what comes first ends the block. No call starts
    after the duration, and those in flight are finished.
    `first_sequence` is the number of the first sample; numbers go up by one without a gap.
    `concurrency` is 1 in standard and streaming, the batch's size in batch, the worker count in
    concurrent, and in rate the most calls in flight: an arrival beyond it is dropped.
    Arrival k (from 0) of a rate block is due at k / rate after the block's start, or, when
    `arrivals` is "poisson", at the sum of the k gaps of `arrival_gap_s`.
    """

    run_id: str
    first_sequence: Positive
    iterations: Positive | None = None
    duration_seconds: Annotated[float, Field(gt=0)] | None = None
    mode: TestMode
    concurrency: Positive
    rate_per_second: Annotated[float, Field(gt=0)] | None = None
    arrivals: Arrivals | None = None
    arrival_seed: Count = 0
    trace_parent: Annotated[str, Field(pattern=r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")] | (
        None
    ) = None


class ModelCall(WireModel):
    """One HTTP exchange with the model server inside an iteration.

    `start_ns` counts from the block's start, as the sample's does; `http_start_ns` likewise.
    """

    start_ns: Nanoseconds
    duration_ns: Nanoseconds
    http_start_ns: Nanoseconds | None = None
    transport_ns: Nanoseconds | None = None
    model_ns: Nanoseconds | None = None
    load_ns: Nanoseconds | None = None
    prompt_eval_ns: Nanoseconds | None = None
    eval_ns: Nanoseconds | None = None
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    done_reason: str | None = None


class Sample(WireModel):
    """One iteration: from just before the agent's run to its result.

    The agent counts `start_ns` and `intended_start_ns` from the start of the block; a backend
    that runs several blocks moves them onto the run's own clock. In rate mode the latency of a
    call is `start_ns + duration_ns − intended_start_ns`.
    `first_token_ns` and `last_token_ns` count from the sample's own start to the first and the
    last `chunk` with text, as the caller of the framework saw them.
    `turn` (from 1) is the place in its session of a `conversation`'s iteration. `tool_ns` is the
    time that the framework spent in invoking the `tool_calls` local functions. `parsed` tells
    whether a `structured` answer became a typed object; one that did not is an `invalid-reply`.
    """

    sequence: Positive
    worker: Count
    batch: Count | None = None
    start_ns: Nanoseconds
    intended_start_ns: Nanoseconds | None = None
    duration_ns: Nanoseconds
    transport_ns: Nanoseconds | None = None
    model_ns: Nanoseconds | None = None
    load_ns: Nanoseconds | None = None
    prompt_eval_ns: Nanoseconds | None = None
    eval_ns: Nanoseconds | None = None
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    first_token_ns: Nanoseconds | None = None
    last_token_ns: Nanoseconds | None = None
    chunks: Count | None = None
    turn: Count | None = None
    tool_calls: Count | None = None
    tool_ns: Nanoseconds | None = None
    parsed: bool | None = None
    outcome: Outcome
    error_kind: ErrorKind | None = None
    error_message: Annotated[str, Field(max_length=500)] | None = None
    calls: list[ModelCall]


class WarmupResult(WireModel):
    """The warm-up's calls; they enter no figure but the warm-up's own."""

    samples: list[Sample]


class RunResult(WireModel):
    """How a block ended. `dropped` counts arrivals that were never sent (rate mode)."""

    completed: Count
    cancelled: bool
    dropped: Count
    start_unix_ns: Nanoseconds
    wall_ns: Nanoseconds


class SamplesParams(WireModel):
    """The notification that carries finished samples while a block runs."""

    run_id: str
    samples: list[Sample]


class CancelParams(WireModel):
    """Which run to cancel."""

    run_id: str


class CancelResult(WireModel):
    """Whether that run was in progress."""

    cancelled: bool


class RuntimeStatistics(WireModel):
    """The runtime's own counters since the process started; null where it has none."""

    gc_collections: list[Count] | None = None
    gc_pause_ns: Nanoseconds | None = None
    heap_bytes: Count | None = None
    threads: Count | None = None


class RpcError(WireModel):
    """A JSON-RPC error object."""

    code: int
    message: str
    data: Any = None


class RpcRequest(WireModel):
    """A JSON-RPC call (`id` set) or notification (`id` absent)."""

    jsonrpc: Literal["2.0"] = "2.0"
    id: int | None = None
    method: str
    params: dict[str, Any] = Field(default_factory=dict)


class RpcResponse(WireModel):
    """A JSON-RPC reply: exactly one of `result` and `error`."""

    jsonrpc: Literal["2.0"] = "2.0"
    id: int | None
    result: Any = None
    error: RpcError | None = None
