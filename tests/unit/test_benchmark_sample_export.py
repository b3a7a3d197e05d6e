"""A result with its samples, as JSON and as CSV."""

import csv
import io
import json

import pytest

from benchmark.sample_export import CSV_FIELDS, result_json, samples_csv
from benchmark.session import RunSession
from benchmark.views import result_of
from shared_models import Sample, TestConfiguration, TestResult
from tests.support.agents import ScriptedAgent
from tests.support.runs import make_sample


def session_with(samples: list[Sample], *, batch: int = 3) -> RunSession:
    session = RunSession(ScriptedAgent(), TestConfiguration.model_validate({"endpoint": "x"}))
    for start in range(0, len(samples), batch):
        session.record.samples.extend(samples[start : start + batch])
    return session


@pytest.mark.parametrize("count", [0, 1, 3, 10])
async def test_the_streamed_json_is_the_result_with_every_sample_in_order(count: int) -> None:
    """However many batches, the pieces make one valid result."""
    samples = [make_sample(number + 1, transport_ns=5) for number in range(count)]
    session = session_with(samples)

    text = b"".join(result_json(session))

    result = TestResult.model_validate_json(text)
    assert samples == result.samples
    assert result_of(session) == result.model_copy(update={"samples": None})


async def test_the_csv_has_one_line_per_sample_under_the_wire_names() -> None:
    """Unknown is an empty cell."""
    session = session_with([make_sample(1, transport_ns=5), make_sample(2)])

    rows = list(csv.DictReader(io.StringIO("".join(samples_csv(session)), newline="")))

    assert CSV_FIELDS == list(rows[0])
    assert "calls" not in rows[0]
    assert [("1", "5"), ("2", "")] == [(row["sequence"], row["transportNs"]) for row in rows]


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@x", "\tx", "\rx"])
async def test_text_that_a_spreadsheet_would_run_is_made_inert(text: str) -> None:
    """A model server's error text becomes no formula."""
    session = session_with([make_sample(1, outcome="error", error_message=text)])

    rows = list(csv.DictReader(io.StringIO("".join(samples_csv(session)), newline="")))

    assert f"'{text}" == rows[0]["errorMessage"]


@pytest.mark.parametrize(
    "text", ["a,b", 'say "x"', "line\nbreak", "x\r=cmd()", "ünïcode", "<script>"]
)
async def test_any_other_text_survives_the_csv(text: str) -> None:
    """Separators, quotes and line ends are escaped."""
    session = session_with([make_sample(1, outcome="error", error_message=text)])

    rows = list(csv.DictReader(io.StringIO("".join(samples_csv(session)), newline="")))

    assert text == rows[0]["errorMessage"]


async def test_samples_that_arrive_while_an_export_runs_do_no_harm() -> None:
    """The export is valid JSON and holds at least what was there at its start."""
    session = session_with([make_sample(number + 1) for number in range(6)])
    pieces = result_json(session)
    text = next(pieces)

    session.record.samples.extend([make_sample(7)])
    text += b"".join(pieces)

    assert 6 <= len(json.loads(text)["samples"])
