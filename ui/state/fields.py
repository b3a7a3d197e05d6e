"""The inputs of the dashboard's form, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shared_models import ComparisonRequest, TestConfiguration

Kind = Literal["integer", "decimal", "text", "area", "select", "sides", "model"]
Values = Mapping[str, Any]

SCHEDULES = {
    "parallel": "parallel, no verdict",
    "interleaved": "interleaved, with a verdict",
    "sequential": "sequential, no verdict",
}
ARRIVALS = {"constant": "constant gaps", "poisson": "Poisson"}
OPTIONS: dict[str, dict[str, str]] = {"schedule": SCHEDULES, "arrivals": ARRIVALS}
"""The choices of the selects that no backend has a say in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One input; `name` is the JSON name of the field of the configuration, or of the request.

    `only_when` names another field and the value under which this one means anything.
    """

    name: str
    label: str
    kind: Kind
    initial: Any = None
    hint: str | None = None
    only_when: tuple[str, str] | None = None
    advanced: bool = False
    of_request: bool = False


_DEFAULTS = TestConfiguration()
_REQUEST = ComparisonRequest()

FIELDS: tuple[FormField, ...] = (
    FormField(name="iterations", label="Iterations", kind="integer", initial=_DEFAULTS.iterations),
    FormField(name="model", label="Model", kind="model", initial=_DEFAULTS.model),
    FormField(name="endpoint", label="Endpoint", kind="text"),
    FormField(name="testMode", label="Test mode", kind="select", initial=_DEFAULTS.test_mode),
    FormField(
        name="batchSize",
        label="Batch size",
        kind="integer",
        initial=_DEFAULTS.batch_size,
        only_when=("testMode", "batch"),
    ),
    FormField(
        name="concurrentRequests",
        label="Concurrent requests",
        kind="integer",
        initial=_DEFAULTS.concurrent_requests,
        only_when=("testMode", "concurrent"),
    ),
    FormField(
        name="ratePerSecond",
        label="Calls per second",
        kind="decimal",
        initial=10.0,
        only_when=("testMode", "rate"),
    ),
    FormField(
        name="arrivals",
        label="Arrivals",
        kind="select",
        initial=_DEFAULTS.arrivals,
        only_when=("testMode", "rate"),
    ),
    FormField(
        name="schedule", label="Schedule", kind="select", initial="parallel", of_request=True
    ),
    FormField(
        name="sides",
        label="Sides",
        kind="sides",
        initial=(),
        hint="empty: the agent of each backend",
        advanced=True,
        of_request=True,
    ),
    FormField(
        name="scenario",
        label="Scenario",
        kind="select",
        initial=_DEFAULTS.scenario,
        advanced=True,
    ),
    FormField(
        name="turns",
        label="Turns of a session",
        kind="integer",
        initial=_DEFAULTS.turns,
        only_when=("scenario", "conversation"),
        advanced=True,
    ),
    FormField(
        name="prompt",
        label="Prompt",
        kind="area",
        initial=_DEFAULTS.prompt,
        hint="{n} becomes the iteration’s number",
        advanced=True,
    ),
    FormField(name="instructions", label="Instructions", kind="area", advanced=True),
    FormField(
        name="warmupIterations",
        label="Warm-up iterations",
        kind="text",
        initial="",
        hint="a number, or auto; empty: 1, interleaved: auto",
        advanced=True,
    ),
    FormField(
        name="durationSeconds",
        label="Duration (s)",
        kind="decimal",
        hint="empty: by iterations",
        advanced=True,
    ),
    FormField(
        name="agentProcesses",
        label="Agent processes",
        kind="integer",
        initial=_DEFAULTS.agent_processes,
        advanced=True,
    ),
    FormField(
        name="launches",
        label="Launch pairs",
        kind="integer",
        initial=_REQUEST.launches,
        only_when=("schedule", "interleaved"),
        advanced=True,
        of_request=True,
    ),
    FormField(
        name="equivalenceMargin",
        label="Equivalence margin",
        kind="decimal",
        initial=_REQUEST.equivalence_margin,
        hint="0.05: differences within 5 % do not matter",
        only_when=("schedule", "interleaved"),
        advanced=True,
        of_request=True,
    ),
    FormField(
        name="temperature",
        label="Temperature",
        kind="decimal",
        initial=_DEFAULTS.temperature,
        advanced=True,
    ),
    FormField(
        name="seed", label="Seed", kind="integer", hint="empty: the model’s own", advanced=True
    ),
    FormField(
        name="maxTokens",
        label="Max tokens",
        kind="integer",
        hint="empty: no limit",
        advanced=True,
    ),
    FormField(
        name="requestTimeoutSeconds",
        label="Request timeout (s)",
        kind="decimal",
        initial=_DEFAULTS.request_timeout_seconds,
        advanced=True,
    ),
)


def shown(field: FormField, values: Values) -> bool:
    """Return whether a field means anything beside these values of the others."""
    if field.only_when is None:
        return True
    other, value = field.only_when
    return values.get(other) == value
