"""What a service says about itself, and what the comparison says about the backends."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from .configuration import Flavour, Scenario, TestConfiguration, TestMode
from .results import AgentIdentity, MachineInfo, TestResult
from .wire import WireModel

Schedule = Literal["parallel", "sequential", "interleaved"]
Verdict = Literal["faster", "slower", "equivalent", "inconclusive", "invalid", "none"]
VerdictReason = Literal["failures", "generator", "drift", "contended", "order-biased", "too-few"]


class Problem(WireModel):
    """An RFC 9457 problem; `errors` names the fields of a refused body."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    errors: list["FieldProblem"] | None = None


class FieldProblem(WireModel):
    """One refused field, by its JSON path."""

    field: str
    message: str


class HealthReport(WireModel):
    """A service's health. More fields may follow."""

    model_config = ConfigDict(extra="ignore")

    status: Literal["healthy", "unhealthy"]
    service: str
    reason: str | None = None
    simulated: bool | None = None


class Capabilities(WireModel):
    """What a backend can run, as its agent reports it."""

    service: str
    agent: AgentIdentity
    modes: list[TestMode]
    scenarios: list[Scenario]
    flavours: list[Flavour]
    machine_info: MachineInfo


class BackendState(WireModel):
    """A service as the dashboard sees it; `latency_ms` is the health call's round trip."""

    name: str
    url: str | None
    state: Literal["healthy", "unhealthy", "unreachable"]
    reason: str | None = None
    latency_ms: Annotated[float, Field(ge=0)] | None = None
    simulated: bool | None = None
    checked_at: AwareDatetime


class BackendStates(WireModel):
    """The reply of `GET /api/backends`."""

    backends: list[BackendState]


class BackendResult(WireModel):
    """One backend's part of a comparison: its result, or why there is none."""

    backend: str
    result: TestResult | None
    problem: Problem | None = None


class ComparedSide(WireModel):
    """The figures that a comparison rests on."""

    backend: str
    label: str
    median_ms: float | None
    success_count: int
    failure_count: int


class Comparison(WireModel):
    """Side 2 against side 1. `ratio` = side 2 / side 1, above 1 = side 2 is slower.

    All three figures are null unless both sides have a successful call.
    """

    schedule: Schedule
    verdict: Verdict
    reason: VerdictReason | None
    sides: list[ComparedSide]
    difference_ms: float | None
    difference_percent: float | None
    ratio: float | None


class ComparisonReply(WireModel):
    """The reply of the fan-out run."""

    configuration: TestConfiguration
    results: list[BackendResult]
    comparison: Comparison
