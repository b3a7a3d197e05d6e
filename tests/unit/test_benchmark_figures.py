"""What only some runs have: batches, open loops, streamed replies, scenarios."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.figures import Batches, OpenLoop, ScenarioCalls, Streaming
from benchmark.metrics import columns_for, summarise
from shared_models import Sample, TestConfiguration
from tests.support.runs import MS, make_record, make_sample

CALL = {"startNs": 0, "durationNs": 1}


def configured(**fields: Any) -> TestConfiguration:
    return TestConfiguration.model_validate({"endpoint": "http://localhost:11434"} | fields)


def test_a_run_has_the_figures_of_its_mode_and_scenario_only() -> None:
    """A plain run carries no empty tables."""

    def kinds(**fields: Any) -> set[str]:
        record = make_record([make_sample(1)], configuration=configured(**fields))
        record.columns = columns_for(record.configuration)
        metrics = summarise(record)
        names = ("batches", "streaming", "rate", "scenario")
        return {name for name in names if getattr(metrics, name) is not None}

    assert set() == kinds() == kinds(testMode="concurrent")
    assert {"batches"} == kinds(testMode="batch")
    assert {"streaming", "scenario"} == kinds(testMode="streaming", scenario="tools")
    assert {"rate"} == kinds(testMode="rate", ratePerSecond=5.0)
    assert {"scenario"} == kinds(scenario="conversation")


def in_batch(sequence: int, batch: int, start_ms: float, duration_ms: float, **more: Any) -> Sample:
    times = {"start_ns": round(start_ms * MS), "duration_ns": round(duration_ms * MS)}
    return make_sample(sequence, batch=batch, **times, **more)


def test_a_batch_lasts_from_its_first_start_to_its_last_end() -> None:
    """Whatever the order in which its calls are told; a failed batch has no time."""
    batches = Batches()
    for sample in (
        in_batch(2, 1, 1, 9),
        in_batch(1, 1, 0, 4),
        in_batch(3, 2, 10, 5),
        in_batch(4, 2, 11, 19),
        in_batch(5, 3, 30, 1),
        in_batch(6, 3, 30, 500, outcome="timeout", error_kind="timeout"),
    ):
        batches.add(0, sample, 0)
    figures = batches.figures()

    assert (3, 10.0, 20.0) == (figures.count, figures.min_ms, figures.max_ms)
    assert 15.0 == figures.average_ms == figures.median_ms
    assert figures == batches.figures()


def test_batches_of_other_processes_and_blocks_are_others() -> None:
    """Each numbers its own from 1."""
    batches = Batches()
    for block in range(2):
        batches.open_block()
        for process in range(64):
            for sequence in (1, 2):
                batches.add(process, in_batch(sequence, 1, sequence, 2), block * 10**9)
    figures = batches.figures()

    assert (128, 3.0, 3.0) == (figures.count, figures.min_ms, figures.max_ms)


def test_a_run_of_many_batches_keeps_one_number_for_each() -> None:
    """The ones that are over are closed."""
    batches = Batches()
    for number in range(1, 1_001):
        batches.add(0, in_batch(number, number, number, number % 2 + 1), 0)
    figures = batches.figures()

    assert (1_000, 1.5) == (figures.count, figures.average_ms)
    assert len(batches._open) <= 128


def due(sequence: int, intended_ms: float, lag_ms: float, **more: Any) -> Sample:
    wanted: dict[str, Any] = {"start_ns": round((intended_ms + lag_ms) * MS)} | more
    return make_sample(sequence, intended_start_ns=round(intended_ms * MS), **wanted)


def test_an_open_loop_tells_its_lag_apart_from_the_calls() -> None:
    """Ten a second, one of them 8 ms late; the calls themselves took 1 ms."""
    loop = OpenLoop()
    loop.open_block()
    for number in range(11):
        loop.add(0, due(number + 1, number * 100, 8 if number == 5 else 0), 0)
    loop.add(0, due(12, 1_000, 0, outcome="error", error_kind="http"), 0)
    figures = loop.figures(10.0, dropped=3)

    assert (10.0, 15, 3, 1) == (
        figures.intended_per_second,
        figures.arrivals,
        figures.dropped,
        figures.late_starts,
    )
    assert pytest.approx(11.0) == figures.achieved_per_second
    assert (0.0, None, 8.0) == (figures.lag_median_ms, figures.lag_p99_ms, figures.lag_max_ms)
    assert 1.0 == figures.service_median_ms


def test_the_pause_between_two_blocks_is_no_gap_between_arrivals() -> None:
    """The achieved rate is that of the blocks."""
    loop = OpenLoop()
    for block in range(3):
        loop.open_block()
        for number in range(5):
            loop.add(0, due(5 * block + number + 1, number * 10, 0), block * 10**10)

    assert pytest.approx(100.0) == loop.figures(100.0, dropped=0).achieved_per_second


def test_an_open_loop_s_latencies_count_from_the_intended_start() -> None:
    """In every figure of the result, while the breakdown stays that of the call."""
    sample = due(1, 0, 9, transport_ns=MS // 2, model_ns=MS // 4)
    metrics = summarise(make_record([sample]))

    assert 10.0 == metrics.median_ms == metrics.average_time_per_iteration_ms
    assert 10 == metrics.total_execution_time_ms
    assert 0.5 == metrics.breakdown.framework_ms


def streamed(sequence: int, **fields: Any) -> Sample:
    wanted: dict[str, Any] = {
        "duration_ns": 100 * MS,
        "first_token_ns": 20 * MS,
        "last_token_ns": 90 * MS,
        "chunks": 8,
        "completion_tokens": 8,
    }
    return make_sample(sequence, **(wanted | fields))


def test_a_streamed_reply_has_a_first_token_and_a_pace() -> None:
    """(90 − 20) / 7 between tokens; 100 ms for 8 of them."""
    streaming = Streaming()
    for sequence in range(1, 201):
        streaming.add(0, streamed(sequence), 0)
    streaming.add(0, streamed(201, first_token_ns=MS, outcome="error", error_kind="http"), 0)
    figures = streaming.figures()

    assert 20.0 == figures.time_to_first_token_ms == figures.median_time_to_first_token_ms
    assert 20.0 == figures.p95_time_to_first_token_ms
    assert (10.0, 12.5, 80.0) == (
        figures.inter_token_latency_ms,
        figures.time_per_output_token_ms,
        figures.output_tokens_per_second,
    )


def test_what_a_stream_does_not_tell_stays_unknown() -> None:
    """One token has no pace, a reply without text no first token."""
    streaming = Streaming()
    streaming.add(0, streamed(1, completion_tokens=1), 0)
    streaming.add(0, make_sample(2, chunks=0), 0)
    figures = streaming.figures()

    assert (20.0, None) == (figures.time_to_first_token_ms, figures.inter_token_latency_ms)
    assert 100.0 == figures.time_per_output_token_ms
    assert None is figures.p95_time_to_first_token_ms
    assert Streaming().figures().output_tokens_per_second is None


def test_a_scenario_s_iterations_are_counted_by_their_calls() -> None:
    """Over the successful ones; answers that did not parse are told beside them."""
    scenario = ScenarioCalls()
    scenario.add(0, make_sample(1, calls=[CALL, CALL], tool_calls=2, tool_ns=5), 0)
    scenario.add(0, make_sample(2, calls=[CALL], parsed=True), 0)
    scenario.add(
        0,
        make_sample(3, calls=[CALL], parsed=False, outcome="error", error_kind="invalid-reply"),
        0,
    )
    figures = scenario.figures()

    assert (3, 2, 1) == (figures.model_calls, figures.tool_calls, figures.invalid_answers)
    assert [] == figures.turns


def test_the_turns_of_a_conversation_are_told_apart() -> None:
    """The later the turn, the longer the history that the model was sent."""
    scenario = ScenarioCalls()
    for sequence in range(1, 10):
        turn = (sequence - 1) % 3 + 1
        scenario.add(
            0,
            make_sample(
                sequence,
                turn=turn,
                duration_ns=turn * 10 * MS,
                transport_ns=turn * 8 * MS,
                prompt_tokens=turn * 100,
            ),
            0,
        )
    turns = scenario.figures().turns

    assert [1, 2, 3] == [one.turn for one in turns]
    assert [3, 3, 3] == [one.success_count for one in turns]
    assert [10.0, 20.0, 30.0] == [one.median_ms for one in turns]
    assert [2.0, 4.0, 6.0] == [one.framework_ms for one in turns]
    assert [100.0, 200.0, 300.0] == [one.prompt_tokens for one in turns]


TIMES = st.integers(min_value=0, max_value=10**9)


@given(st.lists(st.tuples(TIMES, TIMES, TIMES, TIMES), min_size=1, max_size=20))
def test_the_parts_of_an_iteration_add_up_to_it(parts: list[tuple[int, int, int, int]]) -> None:
    """Framework, transport, model and tools; the share is that of the first."""
    samples = [
        make_sample(
            number,
            duration_ns=framework + transport + model + tool,
            transport_ns=transport + model,
            model_ns=model,
            tool_ns=tool,
        )
        for number, (framework, transport, model, tool) in enumerate(parts, 1)
    ]
    metrics = summarise(make_record(samples))
    breakdown = metrics.breakdown
    known = [
        breakdown.framework_ms,
        breakdown.transport_ms,
        breakdown.model_ms,
        breakdown.tool_ms,
    ]

    assert pytest.approx(metrics.average_time_per_iteration_ms) == sum(one or 0 for one in known)
    total = sum(sum(part) for part in parts)
    expected = sum(part[0] for part in parts) / total if total else None
    assert pytest.approx(expected) == breakdown.framework_share


def test_without_the_server_s_own_time_there_is_no_share() -> None:
    """Unknown parts cannot be divided by."""
    breakdown = summarise(make_record([make_sample(1, transport_ns=MS // 2)])).breakdown

    assert (0.5, None, None) == (
        breakdown.framework_ms,
        breakdown.framework_share,
        breakdown.tool_ms,
    )
