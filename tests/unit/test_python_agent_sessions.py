"""Conversations of the Python agent: how long a session lives, and who gets it."""

import asyncio
from time import perf_counter_ns

import orjson

from backend_python.agent.caller import OnText
from backend_python.agent.recording import current_recorder
from backend_python.agent.run_loop import RunLoop
from backend_python.agent.sessions import SessionPool
from shared_models import RunParams, Sample, TestConfiguration


def test_a_session_is_thrown_away_after_its_turns() -> None:
    """The next worker opens a new one."""
    pool = SessionPool(list, turns=2)

    first = pool.take()
    pool.give_back(first, succeeded=True)
    assert first is pool.take()
    assert 2 == first.turns
    pool.give_back(first, succeeded=True)

    assert pool.take() is not first


def test_a_failed_turn_ends_its_session() -> None:
    """What its history holds is not known."""
    pool = SessionPool(list, turns=9)
    failed = pool.take()
    pool.give_back(failed, succeeded=False)

    assert pool.take() is not failed


def test_two_workers_never_share_a_session() -> None:
    """One that is out is not idle."""
    pool = SessionPool(list, turns=9)

    one, other = pool.take(), pool.take()

    assert one is not other
    assert one.history is not other.history


class Chatty:
    """A caller that keeps its prompts, and gets no `done` for some."""

    def new_history(self) -> list[str]:
        return []

    async def ask(
        self, prompt: str, *, history: list[str] | None = None, on_text: OnText | None = None
    ) -> None:
        recorder = current_recorder.get()
        assert recorder is not None
        assert history is not None
        exchange, _ = recorder.begin()
        await asyncio.sleep(0)
        history.append(prompt)
        done = prompt != "4"
        exchange.status, exchange.body = (
            200,
            [orjson.dumps({"done": done, "eval_count": len(history)})],
        )
        exchange.end_ns = perf_counter_ns()


async def test_iterations_are_the_turns_of_sessions_over_several_blocks() -> None:
    """Turn ((n − 1) mod turns) + 1, until a turn fails: that is known at once."""
    configuration = TestConfiguration.model_validate(
        {"scenario": "conversation", "turns": 3, "prompt": "{n}"}
    )
    caller = Chatty()
    pool = SessionPool(caller.new_history, turns=3)
    packed: list[bytes] = []
    for first, count in ((1, 2), (3, 7)):
        block = RunParams(
            run_id="r", first_sequence=first, iterations=count, mode="standard", concurrency=1
        )
        loop = RunLoop(caller, configuration, block, packed.extend, sessions=pool)
        assert count == (await loop.execute()).completed
    samples = [Sample.model_validate_json(one) for one in packed]

    assert [1, 2, 3, 1, 1, 2, 3, 1, 2] == [one.turn for one in samples]
    assert [one.turn for one in samples] == [one.completion_tokens for one in samples]
    assert ["incomplete"] == [one.error_kind for one in samples if one.outcome != "ok"]
