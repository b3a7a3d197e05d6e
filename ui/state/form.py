"""The way of the form's input into a ComparisonRequest.

The wire model itself judges the input, so that the form and the REST API cannot differ; this
module only words its refusals for people and puts each at its field.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from comparison import PromptList
from service_defaults.endpoints import EndpointPolicy
from service_defaults.errors import EndpointError, ProblemError
from shared_models import Capabilities, ComparisonRequest, Scenario, TestMode

from .fields import FIELDS, FormField, Values, shown

Choice = TypeVar("Choice", bound=str)

FALLBACK_MODES: tuple[TestMode, ...] = ("standard", "batch", "concurrent")
FORM_MODES: tuple[TestMode, ...] = (*FALLBACK_MODES, "streaming", "rate")
FALLBACK_SCENARIOS: tuple[Scenario, ...] = ("chat",)
FORM_SCENARIOS: tuple[Scenario, ...] = ("chat", "tools", "conversation", "structured")


class FormInvalid(Exception):
    """The input is refused; `reasons` says why, by field."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {reason}" for name, reason in reasons.items()))
        self.reasons = reasons


_MAY_BE_EMPTY = frozenset(
    {"instructions", "warmupIterations", "seed", "maxTokens", "durationSeconds", "sides"}
)

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


def common_modes(capabilities: Sequence[Capabilities | None]) -> list[TestMode]:
    """Return the modes that every backend supports; the seed's when one cannot be asked."""
    offers = [entry.modes if entry else None for entry in capabilities]
    return _common(FORM_MODES, offers, fallback=FALLBACK_MODES)


def common_scenarios(capabilities: Sequence[Capabilities | None]) -> list[Scenario]:
    """Return the scenarios that every backend supports; chat when one cannot be asked."""
    offers = [entry.scenarios if entry else None for entry in capabilities]
    return _common(FORM_SCENARIOS, offers, fallback=FALLBACK_SCENARIOS)


def _common(
    order: Sequence[Choice],
    offers: Sequence[Sequence[Choice] | None],
    *,
    fallback: Sequence[Choice],
) -> list[Choice]:
    known = [offer for offer in offers if offer is not None]
    if len(known) < len(offers) or not known:
        return list(fallback)
    return [choice for choice in order if all(choice in offer for offer in known)]


def side_choices(
    labels: Mapping[str, str], capabilities: Mapping[str, Capabilities]
) -> dict[str, str]:
    """Return the sides that can be compared, `backend/flavour` with the words for it."""
    return {
        f"{backend}/{flavour}": side_label(label, flavour)
        for backend, label in labels.items()
        for flavour in (capabilities[backend].flavours if backend in capabilities else ["agent"])
    }


def side_label(label: str, flavour: str) -> str:
    """Return what people call a side: the backend, and the flavour unless it is the agent."""
    return label if flavour == "agent" else f"{label} {flavour}"


async def read_form(
    values: Values, policy: EndpointPolicy, *, labels: Mapping[str, str]
) -> ComparisonRequest:
    """Return the comparison that the input means; raises FormInvalid."""
    reasons: dict[str, str] = {}
    request = None
    try:
        request = ComparisonRequest.model_validate_json(orjson.dumps(_message(values, labels)))
    except ValidationError as error:
        reasons = _reasons(error.errors(include_url=False))
    if "endpoint" not in reasons:
        try:
            await policy.check(str(values.get("endpoint") or "").strip())
        except EndpointError as refusal:
            reasons["endpoint"] = f"{refusal}."
    if request is None or reasons:
        raise FormInvalid(reasons)
    return request


def refusals(problem: ProblemError) -> dict[str, str]:
    """Return why a comparison was not accepted, at its field where it has one."""
    if problem.status == 409:
        return {"": "A comparison is already running; stop it first."}
    words = (problem.detail or problem.title).rstrip(".")
    path = problem.errors[0].field if problem.errors else ""
    field = path.removeprefix("configuration.").partition(".")[0]
    return {field: f"{words[:1].upper()}{words[1:]}."}


def _message(values: Values, labels: Mapping[str, str]) -> dict[str, Any]:
    configuration: dict[str, Any] = {}
    request: dict[str, Any] = {"configuration": configuration}
    for field in FIELDS:
        value = _plain(field, values.get(field.name))
        if not shown(field, values) or (
            field.name in _MAY_BE_EMPTY and value in (None, "", [], ())
        ):
            continue
        if field.kind == "sides":
            value = [_side(key, labels) for key in value]
        (request if field.of_request else configuration)[field.name] = value
    if isinstance(chosen := values.get("prompts"), PromptList):
        configuration["prompts"] = chosen.prompts
        request["expectedTokens"] = chosen.expected_tokens
    return request


def _side(key: str, labels: Mapping[str, str]) -> dict[str, str]:
    backend, _, flavour = key.partition("/")
    label = side_label(labels[backend], flavour)
    return {"backend": backend, "flavour": flavour, "label": label}


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
        # A configuration's field stands below it, a side's below the list of sides.
        path = [str(part) for part in error["loc"] if part != "configuration"]
        name = path[0] if path else ""
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
