"""The wire models against the examples that the C# tests read as well."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import shared_models
from shared_models import WireModel

VECTORS = Path(shared_models.__file__).parent / "vectors"
FILES = [json.loads(path.read_text()) for path in sorted(VECTORS.glob("*.json"))]
VALID = [(file["model"], value) for file in FILES for value in file["valid"]]
INVALID = [(file["model"], case) for file in FILES for case in file["invalid"]]


def model_named(name: str) -> type[WireModel]:
    model: type[WireModel] = getattr(shared_models, name)
    return model


@pytest.mark.parametrize(("name", "value"), VALID)
def test_a_valid_message_survives_reading_and_writing(name: str, value: Any) -> None:
    """Nothing is lost, renamed or added when a message passes through its model."""
    message = model_named(name).model_validate_json(json.dumps(value))

    assert value == json.loads(message.model_dump_json(exclude_none=True))


@pytest.mark.parametrize(("name", "case"), INVALID, ids=[case["why"] for _, case in INVALID])
def test_an_invalid_message_is_refused(name: str, case: dict[str, Any]) -> None:
    """Wrong types, unknown fields and values out of range never pass."""
    with pytest.raises(ValidationError):
        model_named(name).model_validate_json(json.dumps(case["value"]))


def test_every_protocol_message_has_vectors() -> None:
    """A message without examples would be untested on the C# side."""
    covered = {file["model"] for file in FILES}

    assert {"Sample", "RunParams", "RunResult", "InitializeResult", "RpcResponse"} <= covered
    assert len(FILES) == len(covered)


def test_derived_trace_ids_are_the_same_in_every_language() -> None:
    """The ids in the vectors are what this side derives."""
    for case in json.loads((VECTORS / "derived" / "trace_ids.json").read_text()):
        ids = shared_models.trace_ids(case["runId"], case["sequence"], call=case["call"])

        assert case["traceId"] == ids.trace_id
        assert case["spanId"] == ids.span_id
        assert case["traceparent"] == ids.traceparent


def test_derived_arrivals_are_the_same_in_every_language() -> None:
    """The gaps in the vectors are what this side derives, to the last digits of a logarithm."""
    for case in json.loads((VECTORS / "derived" / "arrivals.json").read_text()):
        gap_s = shared_models.arrival_gap_s(
            case["seed"], case["number"], rate_per_second=case["ratePerSecond"]
        )

        assert math.isclose(case["gapS"], gap_s, rel_tol=1e-12)
