"""How both agents keep time: durations, open loops, warm-ups that are like the run."""

from typing import Any

import anyio
import pytest

from ollama_simulator import LatencyModel
from shared_models import INVALID_PARAMS, WarmupResult
from tests.support.backends import STUCK, each_language, introduced_agent
from tests.support.conversation import block
from tests.support.waiting import eventually

MODES: dict[str, dict[str, Any]] = {
    "standard": {"concurrency": 1},
    "streaming": {"concurrency": 1},
    "batch": {"concurrency": 3},
    "concurrent": {"concurrency": 3},
    "rate": {"concurrency": 50, "ratePerSecond": 50.0},
}

pytestmark = each_language


async def test_no_call_starts_after_the_duration(language: str) -> None:
    """In every mode; those in flight are finished, and what comes first ends the block."""
    latency = LatencyModel(latency_ms=30, load_ms=0)
    async with introduced_agent(language, latency=latency, slots=64) as (talk, _):
        for mode, params in MODES.items():
            talk.samples = []
            end = await talk.ask(
                "run", runId=mode, firstSequence=1, mode=mode, durationSeconds=0.2, **params
            )
            timed, talk.samples = talk.samples, []
            both = await talk.run(
                runId="both", mode=mode, iterations=3, durationSeconds=60.0, **params
            )

            assert len(timed) == end["result"]["completed"] >= 1, mode
            assert {"ok"} == {sample.outcome for sample in timed}
            for sample in timed:
                due_ns = sample.intended_start_ns
                assert due_ns is None or due_ns < 200_000_000
                # On a busy machine some time passes between the last look at the clock and a start.
                assert sample.start_ns < 2 * 200_000_000
            assert 3 == both["completed"]
            if mode == "rate":
                assert 10 == len(timed)


async def test_an_open_loop_shows_a_pause_in_all_the_calls_that_fell_into_it(language: str) -> None:
    """A closed loop would have one slow call; here every arrival goes out, and waits."""
    async with introduced_agent(language, slots=64) as (talk, simulator):
        await talk.run(runId="warm", iterations=10)
        talk.samples = []
        running = await talk.request(
            "run", **block(mode="rate", iterations=60, concurrency=100, ratePerSecond=100.0)
        )
        before = len(simulator.requests)
        await eventually(lambda: len(simulator.requests) > before)
        simulator.app.simulator.gate.close_for(0.4)
        result = (await talk.reply_to(running))["result"]

    assert (60, 0) == (result["completed"], result["dropped"])
    ends = {one.sequence: one.start_ns + one.duration_ns for one in talk.samples}
    waited = [
        sample
        for sample in talk.samples
        if ends[sample.sequence] - (sample.intended_start_ns or 0) > 200_000_000
    ]
    assert len(waited) >= 10
    first_answer_ns = min(ends[sample.sequence] for sample in waited)
    assert len([one for one in waited if one.start_ns < first_answer_ns]) >= 10


async def test_an_arrival_beyond_the_cap_is_counted_and_never_sent(language: str) -> None:
    """It takes no number either."""
    async with introduced_agent(language, latency=STUCK, slots=64) as (talk, simulator):
        running = await talk.request(
            "run",
            **block(
                firstSequence=7, mode="rate", iterations=20, concurrency=2, ratePerSecond=200.0
            ),
        )
        await eventually(lambda: len(simulator.requests) == 2)
        await anyio.sleep(0.2)
        cancelled = await talk.ask("cancel", runId="r")
        result = (await talk.reply_to(running))["result"]

        assert {"cancelled": True} == cancelled["result"]
        assert (True, 0) == (result["cancelled"], result["completed"])
        assert 0 < result["dropped"] <= 18
        assert 2 == len(simulator.requests)
        assert [7, 8] == sorted(sample.sequence for sample in talk.samples)


async def test_poisson_arrivals_follow_their_seed(language: str) -> None:
    """The intended starts are the derived schedule, the same on both sides."""
    async with introduced_agent(language, slots=64) as (talk, _):
        await talk.run(
            mode="rate",
            iterations=4,
            concurrency=50,
            ratePerSecond=200.0,
            arrivals="poisson",
            arrivalSeed=0,
        )
        due = sorted(sample.intended_start_ns or 0 for sample in talk.samples)

        assert pytest.approx([0, 1_882_000, 6_326_667], abs=1_000) == due[:3]


async def test_a_warm_up_is_made_as_the_run_will_be(language: str) -> None:
    """Its mode, its number of workers, and its numbers going on."""
    async with introduced_agent(language, slots=64) as (talk, simulator):
        for mode, concurrency in (("streaming", 1), ("concurrent", 3), ("batch", 3)):
            simulator.app.simulator.recorded.clear()
            reply = await talk.ask(
                "warmup",
                runId="r",
                iterations=6,
                firstSequence=4,
                mode=mode,
                concurrency=concurrency,
            )
            samples = WarmupResult.model_validate(reply["result"]).samples

            assert list(range(4, 10)) == sorted(sample.sequence for sample in samples)
            assert {mode == "streaming"} == {body["stream"] for body in simulator.requests}
            assert {mode == "streaming"} == {sample.chunks is not None for sample in samples}
            assert ({1, 2} if mode == "batch" else {None}) == {one.batch for one in samples}
        assert [] == talk.samples


async def test_the_turns_of_a_run_go_on_in_its_next_block(language: str) -> None:
    """And those of its warm-up are separate."""
    async with introduced_agent(language, scenario="conversation", turns=3) as (talk, _):
        await talk.run(firstSequence=1, iterations=2)
        warm = await talk.ask("warmup", runId="r", iterations=1)
        await talk.run(firstSequence=3, iterations=3)

        assert [1, 2, 3, 1, 2] == [sample.turn for sample in talk.samples]
        (first,) = WarmupResult.model_validate(warm["result"]).samples
        assert 1 == first.turn


async def test_what_a_mode_needs_is_asked_for(language: str) -> None:
    """A missing rate, workers where there is one, a warm-up at a rate."""
    async with introduced_agent(language) as (talk, simulator):
        refused = [
            await talk.ask("run", **block(mode="rate")),
            await talk.ask("run", **block(mode="streaming", concurrency=2)),
            await talk.ask("warmup", runId="r", iterations=1, mode="rate"),
            await talk.ask("warmup", runId="r", iterations=1, concurrency=2),
        ]

        assert [INVALID_PARAMS] * 4 == [reply["error"]["code"] for reply in refused]
        assert [] == simulator.requests
