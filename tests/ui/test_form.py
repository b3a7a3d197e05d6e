"""The form's input becomes the API's configuration, or is refused in words at its field."""

from typing import Any

import pytest

from service_defaults.endpoints import EndpointPolicy
from shared_models import ComparisonRequest
from ui.state.fields import FIELDS
from ui.state.form import FormInvalid, read_form, side_choices

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


LABELS = {"python-backend": "Python", "dotnet-backend": ".NET"}


async def read(**changes: Any) -> ComparisonRequest:
    """Return what the form as it opens means, with changes."""
    return await read_form(filled(**changes), EndpointPolicy(), labels=LABELS)


def filled(**changes: Any) -> dict[str, Any]:
    """Return the form as it opens, with changes."""
    values = {field.name: field.initial for field in FIELDS}
    return values | {"endpoint": "http://127.0.0.1:11434"} | changes


@pytest.mark.parametrize(("name", "value", "reason"), REFUSALS)
async def test_an_invalid_field_is_refused(name: str, value: Any, reason: str) -> None:
    """Only that field is refused, and the reason is in plain words."""
    with pytest.raises(FormInvalid) as refusal:
        await read(**{name: value})

    assert {name} == set(refusal.value.reasons)
    found = refusal.value.reasons[name]
    assert found == reason or (not reason.endswith(".") and reason in found)


async def test_every_refused_field_is_named_at_once() -> None:
    """Nobody has to mend one field to hear about the next."""
    with pytest.raises(FormInvalid) as refusal:
        await read(iterations=0, endpoint="x", seed=-1)

    assert {"iterations", "endpoint", "seed"} == set(refusal.value.reasons)


async def test_the_form_as_it_opens_is_the_default_configuration() -> None:
    """Unchanged input gives the contract's defaults, on the seed's schedule."""
    expected = {
        "configuration": {"endpoint": "http://127.0.0.1:11434"},
        "schedule": "parallel",
    }

    assert await read() == ComparisonRequest.model_validate(expected)


async def test_numbers_from_the_browser_may_be_floats() -> None:
    """A browser sends 10 as 10.0 after some edits; it is the same number."""
    configuration = (await read(iterations=10.0, seed=3.0)).configuration

    assert (10, 3) == (configuration.iterations, configuration.seed)


async def test_a_field_that_means_nothing_now_is_not_sent() -> None:
    """What belongs to another mode or schedule stays in the form and out of the request."""
    standard = await read(ratePerSecond=5.0, launches=8)
    rate = await read(testMode="rate", ratePerSecond=5.0, schedule="interleaved", launches=8)

    assert standard.configuration.rate_per_second is None
    assert standard.launches != 8
    assert (5.0, 8) == (rate.configuration.rate_per_second, rate.launches)


async def test_chosen_sides_carry_their_flavour_and_a_name() -> None:
    """Any set of flavours can be compared; an agent is called by its language alone."""
    chosen = ["python-backend/agent", "python-backend/client", "dotnet-backend/aot"]
    request = await read(sides=chosen)

    assert request.sides is not None
    assert ["Python", "Python client", ".NET aot"] == [side.label for side in request.sides]
    assert ["agent", "client", "aot"] == [side.flavour for side in request.sides]


def test_a_backend_that_cannot_be_asked_offers_its_agent() -> None:
    """The seed's comparison is possible before anything is known."""
    assert {
        "python-backend/agent": "Python",
        "dotnet-backend/agent": ".NET",
    } == side_choices(LABELS, {})
