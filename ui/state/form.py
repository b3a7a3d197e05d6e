"""The form's fields, and their way into a TestConfiguration.

The wire model itself judges the input, so that the form and the REST API cannot differ; this
module only words its refusals for people and puts each at its field.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from service_defaults.endpoints import EndpointPolicy
from service_defaults.errors import EndpointError
from shared_models import Capabilities, TestConfiguration, TestMode

Kind = Literal["integer", "decimal", "text", "area", "select", "model"]
Values = Mapping[str, Any]

FALLBACK_MODES: tuple[TestMode, ...] = ("standard", "batch", "concurrent")
# `rate` needs fields that this form does not have yet.
FORM_MODES: tuple[TestMode, ...] = (*FALLBACK_MODES, "streaming")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One input; `name` is the JSON name of the configuration's field."""

    name: str
    label: str
    kind: Kind
    initial: Any = None
    hint: str | None = None
    only_for: TestMode | None = None
    advanced: bool = False


class FormInvalid(Exception):
    """The input is refused; `reasons` says why, by field."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {reason}" for name, reason in reasons.items()))
        self.reasons = reasons


_DEFAULTS = TestConfiguration()

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
        only_for="batch",
    ),
    FormField(
        name="concurrentRequests",
        label="Concurrent requests",
        kind="integer",
        initial=_DEFAULTS.concurrent_requests,
        only_for="concurrent",
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
        initial=str(_DEFAULTS.warmup_iterations),
        hint="a number, or auto",
        advanced=True,
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

_MAY_BE_EMPTY = frozenset({"instructions", "seed", "maxTokens"})

_WORDED = {
    "warmupIterations": "Enter a whole number from 0 to 100,000, or auto.",
}

_TEMPLATES = {
    "int_type": "Enter a whole number.",
    "int_parsing": "Enter a whole number.",
    "int_from_float": "Enter a whole number.",
    "float_type": "Enter a number.",
    "finite_number": "Enter a finite number.",
    "string_type": "Enter some text.",
    "greater_than_equal": "Must be at least {ge:,}.",
    "greater_than": "Must be more than {gt:,}.",
    "less_than_equal": "Must be at most {le:,}.",
    "string_too_short": "Must not be empty.",
    "string_too_long": "At most {max_length:,} characters.",
    "string_pattern_mismatch": "Letters, digits and . _ : / - only, a letter or digit first.",
    "literal_error": "Must be {expected}.",
}


def shown(field: FormField, mode: str) -> bool:
    """Return whether a field means anything under this test mode."""
    return field.only_for is None or field.only_for == mode


def common_modes(capabilities: list[Capabilities | None]) -> list[TestMode]:
    """Return the modes that every backend supports; the seed's when one cannot be asked."""
    known = [entry.modes for entry in capabilities if entry is not None]
    if len(known) < len(capabilities) or not known:
        return list(FALLBACK_MODES)
    return [mode for mode in FORM_MODES if all(mode in modes for modes in known)]


async def read_form(values: Values, policy: EndpointPolicy) -> TestConfiguration:
    """Return the configuration that the input means; raises FormInvalid."""
    reasons: dict[str, str] = {}
    configuration = None
    try:
        configuration = TestConfiguration.model_validate_json(orjson.dumps(_message(values)))
    except ValidationError as error:
        reasons = _reasons(error.errors(include_url=False))
    if "endpoint" not in reasons:
        try:
            await policy.check(str(values.get("endpoint") or "").strip())
        except EndpointError as refusal:
            reasons["endpoint"] = f"{refusal}."
    if configuration is None or reasons:
        raise FormInvalid(reasons)
    return configuration


def _message(values: Values) -> dict[str, Any]:
    mode = str(values.get("testMode"))
    raw = {
        field.name: _plain(field, values.get(field.name)) for field in FIELDS if shown(field, mode)
    }
    return {
        name: value
        for name, value in raw.items()
        if not (name in _MAY_BE_EMPTY and value in (None, ""))
    }


def _plain(field: FormField, value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and field.kind == "integer":
        return int(value)
    if not isinstance(value, str):
        return value
    text = value if field.kind == "area" else value.strip()
    if field.name == "warmupIterations" and text.isascii() and text.isdigit():
        return int(text)
    return text


def _reasons(errors: list[ErrorDetails]) -> dict[str, str]:
    reasons: dict[str, str] = {}
    for error in errors:
        name = str(error["loc"][0])
        reasons.setdefault(name, _WORDED.get(name) or _worded(error))
    return reasons


def _worded(error: ErrorDetails) -> str:
    template = _TEMPLATES.get(error["type"])
    if template is None:
        return f"{error['msg']}."
    limits = error.get("ctx", {})
    return template.format(**{name: _plain_number(limit) for name, limit in limits.items()})


def _plain_number(limit: Any) -> Any:
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit
