"""The form's input becomes the API's configuration, or is refused in words at its field."""

from typing import Any

import pytest

from service_defaults.endpoints import EndpointPolicy
from shared_models import TestConfiguration
from ui.state.form import FIELDS, FormInvalid, read_form

REFUSALS = [
    pytest.param("iterations", 0, "Must be at least 1.", id="no iterations"),
    pytest.param("iterations", 1_000_001, "Must be at most 1,000,000.", id="too many iterations"),
    pytest.param("iterations", 1.5, "Enter a whole number.", id="half an iteration"),
    pytest.param("iterations", None, "Enter a whole number.", id="iterations left empty"),
    pytest.param(
        "model",
        "../x",
        "Letters, digits and . _ : / - only, a letter or digit first.",
        id="model name",
    ),
    pytest.param("endpoint", "ftp://x", "must be an http:// or https:// address", id="ftp"),
    pytest.param("endpoint", "http://192.0.2.1:11434", "is not an allowed", id="foreign host"),
    pytest.param("endpoint", "http://169.254.169.254", "metadata", id="metadata address"),
    pytest.param("endpoint", "", "Must not be empty.", id="endpoint left empty"),
    pytest.param("prompt", "", "Must not be empty.", id="prompt"),
    pytest.param("warmupIterations", "some", "or auto", id="warm-up word"),
    pytest.param("warmupIterations", "-1", "or auto", id="negative warm-up"),
    pytest.param("temperature", 2.5, "Must be at most 2.", id="temperature"),
    pytest.param("seed", -1, "Must be at least 0.", id="seed"),
    pytest.param("maxTokens", 0, "Must be at least 1.", id="max tokens"),
    pytest.param("requestTimeoutSeconds", 0, "Must be more than 0.", id="timeout"),
]


def filled(**changes: Any) -> dict[str, Any]:
    """Return the form as it opens, with changes."""
    values = {field.name: field.initial for field in FIELDS}
    return values | {"endpoint": "http://127.0.0.1:11434"} | changes


@pytest.mark.parametrize(("name", "value", "reason"), REFUSALS)
async def test_an_invalid_field_is_refused(name: str, value: Any, reason: str) -> None:
    """Only that field is refused, and the reason is in plain words."""
    with pytest.raises(FormInvalid) as refusal:
        await read_form(filled(**{name: value}), EndpointPolicy())

    assert {name} == set(refusal.value.reasons)
    found = refusal.value.reasons[name]
    assert found == reason or (not reason.endswith(".") and reason in found)


async def test_every_refused_field_is_named_at_once() -> None:
    """Nobody has to mend one field to hear about the next."""
    with pytest.raises(FormInvalid) as refusal:
        await read_form(filled(iterations=0, endpoint="x", seed=-1), EndpointPolicy())

    assert {"iterations", "endpoint", "seed"} == set(refusal.value.reasons)


async def test_the_form_as_it_opens_is_the_default_configuration() -> None:
    """Unchanged input gives the contract's defaults."""
    configuration = await read_form(filled(), EndpointPolicy())

    assert configuration == TestConfiguration.model_validate({"endpoint": "http://127.0.0.1:11434"})


async def test_numbers_from_the_browser_may_be_floats() -> None:
    """A browser sends 10 as 10.0 after some edits; it is the same number."""
    configuration = await read_form(filled(iterations=10.0, seed=3.0), EndpointPolicy())

    assert (10, 3) == (configuration.iterations, configuration.seed)
