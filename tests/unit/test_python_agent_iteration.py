"""One iteration of the Python agent, around a call that a test plays."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import orjson
import pytest

from backend_python.agent.caller import OnText
from backend_python.agent.iteration import Iteration, prompt_for
from backend_python.agent.recording import Recorder
from backend_python.agent.samples import sample_of
from backend_python.agent.time_limit import CallsInFlight
from backend_python.agent.transport import MAX_BODY_BYTES, RecordingTransport
from shared_models import Sample, TestConfiguration, trace_ids
from tests.support.waiting import eventually

REPLY = {"done": True, "total_duration": 5, "prompt_eval_count": 2, "eval_count": 3}


Ask = Callable[[str], Awaitable[object]]


class Played:
    """A caller whose answer a test plays."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def new_history(self) -> None:
        return None

    async def ask(self, prompt: str, *, history: Any = None, on_text: OnText | None = None) -> None:
        await self._ask(prompt)


def server(handler: httpx.MockTransport, *, times: int = 1) -> Ask:
    """Return what asks the handler `times` times, one after the other."""
    client = httpx.AsyncClient(transport=RecordingTransport(handler, sni_hostname=None))

    async def ask(prompt: str) -> None:
        for _ in range(times):
            await client.post("http://model/api/chat", content=prompt.encode())

    return ask


def response(**reply: object) -> httpx.Response:
    """A reply that arrives as a stream, as from a network."""
    return httpx.Response(200, stream=httpx.ByteStream(orjson.dumps(REPLY | reply)))


def replying(**reply: object) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _request: response(**reply))


def iteration_of(number: int, prompt: str, **fields: Any) -> Iteration:
    return Iteration(number, prompt, Recorder("run", number), **fields)


async def measured(ask: Ask, *, limit_s: float = 30.0, **fields: Any) -> Sample:
    iteration = iteration_of(7, "hello", **fields)
    await iteration.execute(Played(ask), CallsInFlight(limit_s=limit_s))
    return Sample.model_validate_json(orjson.dumps(sample_of(iteration, 0)))


@pytest.mark.parametrize(
    ("prompts", "number", "prompt"),
    [
        (None, 1, "Say hello 1"),
        (None, 10_000, "Say hello 10000"),
        (["a {n}", "b"], 1, "a 1"),
        (["a {n}", "b"], 2, "b"),
        (["a {n}", "b"], 3, "a 3"),
        (["{n}{n} {N} {}"], 4, "44 {N} {}"),
    ],
)
def test_the_prompts_are_cycled_and_numbered(
    prompts: list[str] | None, number: int, prompt: str
) -> None:
    """Only `{n}` is replaced; other braces are text."""
    configuration = TestConfiguration.model_validate({"prompts": prompts} if prompts else {})

    assert prompt == prompt_for(configuration, number)


async def test_a_good_call_becomes_a_sample_with_its_parts_inside_each_other() -> None:
    """Sequence, worker, batch, and call ≥ exchange > 0."""
    sample = await measured(server(replying()), worker=2, batch=3)

    assert (7, 2, 3, "ok") == (sample.sequence, sample.worker, sample.batch, sample.outcome)
    assert (5, 2, 3) == (sample.model_ns, sample.prompt_tokens, sample.completion_tokens)
    assert sample.transport_ns is not None
    assert sample.duration_ns >= sample.transport_ns > 0
    assert 1 == len(sample.calls)


async def test_the_figures_of_several_model_calls_are_summed() -> None:
    """A figure that one of them lacks is unknown for the whole."""
    replies = iter([response(), response(eval_count=0)])
    handler = httpx.MockTransport(lambda _request: next(replies))

    sample = await measured(server(handler, times=2))

    assert (10, 4, None) == (sample.model_ns, sample.prompt_tokens, sample.completion_tokens)
    assert 2 == len(sample.calls)


async def test_each_call_carries_the_trace_that_is_derived_from_its_number() -> None:
    """The backend can name the same span without being told."""
    seen: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["traceparent"])
        return response()

    await measured(server(httpx.MockTransport(handle)))

    assert [trace_ids("run", 7, call=1).traceparent] == seen


async def test_a_call_that_takes_too_long_is_a_time_out_and_leaves_the_task_alone() -> None:
    """The worker goes on with the next iteration."""

    async def stuck(_prompt: str) -> object:
        return await asyncio.Event().wait()

    late = await measured(stuck, limit_s=0.01)
    task = asyncio.current_task()
    assert task is not None
    assert 0 == task.cancelling()
    good = await measured(server(replying()))

    assert ("timeout", "timeout", "ok") == (late.outcome, late.error_kind, good.outcome)


async def test_each_call_in_flight_has_the_whole_limit_for_itself() -> None:
    """One timer serves all: the later call ends later, and an ended one is left alone."""
    loop = asyncio.get_running_loop()
    took_s: dict[str, float] = {}

    class Call:
        def __init__(self, name: str) -> None:
            self._name = name
            self._started = loop.time()
            in_flight.begin(self)

        def expire(self) -> None:
            assert self._name not in took_s
            took_s[self._name] = loop.time() - self._started

    in_flight = CallsInFlight(limit_s=0.05)
    Call("first")
    in_flight.end(Call("quick"))
    await asyncio.sleep(0.02)
    Call("second")
    await eventually(lambda: "second" in took_s)
    Call("third")
    await eventually(lambda: "third" in took_s)

    assert ["first", "second", "third"] == list(took_s)
    assert min(took_s.values()) >= 0.05
    assert 0 == len(in_flight)


async def test_a_cancelled_call_is_neither_a_success_nor_a_failure() -> None:
    """It was aborted on request."""

    async def stuck(_prompt: str) -> object:
        return await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        asked = group.create_task(measured(stuck))
        await asyncio.sleep(0)
        asked.cancel()

    assert ("cancelled", "cancelled") == (asked.result().outcome, asked.result().error_kind)


async def test_a_failure_of_the_framework_is_told_with_its_name_and_cut() -> None:
    """An error text is never longer than the protocol allows."""

    async def failing(_prompt: str) -> object:
        raise ValueError("x" * 5_000)

    sample = await measured(failing)

    assert ("error", "invalid-reply") == (sample.outcome, sample.error_kind)
    assert (sample.error_message or "").startswith("ValueError: xxx")
    assert 500 == len(sample.error_message or "")


async def test_an_answer_without_a_model_call_is_no_success() -> None:
    """A framework that answers from a cache measures nothing."""

    async def cached(prompt: str) -> object:
        return prompt

    assert "invalid-reply" == (await measured(cached)).error_kind


async def test_a_reply_is_judged_here_also_when_the_library_is_content() -> None:
    """Neither client library misses `done`; we do."""
    assert "incomplete" == (await measured(server(replying(done=False)))).error_kind


async def test_a_reply_past_the_cap_is_dropped_unread() -> None:
    """The memory of the agent is bounded, whatever the server sends."""
    sent = 0

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def] # httpx's own signature
            nonlocal sent
            while True:
                sent += 2**20
                yield b" " * 2**20

    handler = httpx.MockTransport(lambda _request: httpx.Response(200, stream=Endless()))

    sample = await measured(server(handler))

    assert "invalid-reply" == sample.error_kind
    assert MAX_BODY_BYTES + 2**20 >= sent


async def test_a_compressed_reply_is_not_inflated() -> None:
    """What we did not ask for fails as no JSON instead of filling the memory."""
    handler = httpx.MockTransport(
        lambda _request: httpx.Response(
            200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"\x1f\x8b\x08")
        )
    )

    assert "invalid-reply" == (await measured(server(handler))).error_kind


async def test_calls_side_by_side_do_not_mix_their_records() -> None:
    """Each iteration sees its own exchange only."""

    async def handle(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.001)
        return response(eval_count=len(request.content))

    caller = Played(server(httpx.MockTransport(handle)))
    iterations = [iteration_of(number, "x" * number) for number in range(1, 30)]

    in_flight = CallsInFlight(limit_s=30)

    async with asyncio.TaskGroup() as group:
        for iteration in iterations:
            group.create_task(iteration.execute(caller, in_flight))

    assert 0 == len(in_flight)
    assert list(range(1, 30)) == [
        sample_of(iteration, 0)["completionTokens"] for iteration in iterations
    ]
