"""What neither agent may take for a success, whole or streamed, whatever its library thinks."""

import pytest

from ollama_simulator import Fault
from tests.support.backends import each_language, introduced_agent

FAULTS = {
    "incomplete": Fault(kind="missing-done", lines=2),
    "stream-error": Fault(kind="error-line", lines=2),
    "model-not-found": Fault(kind="status", status=404, text="model 'x' not found"),
    "http": Fault(kind="status", status=500),
}

pytestmark = each_language


@pytest.mark.parametrize("flavour", ["agent", "client", "http"])
async def test_a_reply_that_is_no_success_is_counted_by_its_kind(
    language: str, flavour: str
) -> None:
    """A stream that ends without `done`, an error in mid-stream, a missing model, a failure."""
    async with introduced_agent(language, flavour=flavour, slots=4) as (talk, simulator):
        for mode in ("standard", "streaming"):
            for kind, fault in FAULTS.items():
                simulator.app.simulator.faults.replace([fault])
                talk.samples = []
                end = await talk.run(runId="r", mode=mode, iterations=2)

                assert 2 == end["completed"]
                found = {(sample.outcome, sample.error_kind) for sample in talk.samples}
                # Before the first line an error has a status of its own.
                whole = mode == "standard" and kind == "stream-error"
                assert {("error", "http" if whole else kind)} == found, (mode, kind)
            simulator.app.simulator.faults.replace([])
            talk.samples = []
            await talk.run(runId="r", mode=mode, iterations=2)
            assert {"ok"} == {sample.outcome for sample in talk.samples}


async def test_a_structured_answer_that_is_none_is_an_invalid_reply(language: str) -> None:
    """The model answered, but the object was not to be had."""
    async with introduced_agent(language, scenario="structured") as (talk, simulator):
        simulator.app.simulator.faults.replace([Fault(kind="invalid-structured")])
        for mode in ("standard", "streaming"):
            await talk.run(runId=mode, mode=mode, iterations=2)

        assert {("error", "invalid-reply", False)} == {
            (sample.outcome, sample.error_kind, sample.parsed) for sample in talk.samples
        }


async def test_a_failed_turn_ends_its_session(language: str) -> None:
    """The turn after it is the first of a new one, and knows nothing of the others."""
    async with introduced_agent(language, scenario="conversation", turns=3) as (talk, simulator):
        await talk.run(firstSequence=1, iterations=1)
        simulator.app.simulator.faults.replace([Fault(kind="missing-done", count=1)])
        await talk.run(firstSequence=2, iterations=5)

        assert [1, 2, 1, 2, 3, 1] == [sample.turn for sample in talk.samples]
        assert ["ok", "error", "ok", "ok", "ok", "ok"] == [one.outcome for one in talk.samples]
        assert [1, 3, 1, 3, 5, 1] == [len(body["messages"]) for body in simulator.requests]
