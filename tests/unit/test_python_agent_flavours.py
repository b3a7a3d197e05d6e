"""The Python agent's flavours against a model server that a test plays."""

from collections.abc import Callable
from typing import Any

import httpx
import ollama
import orjson
import pytest

from backend_python.agent.caller import Caller
from backend_python.agent.flavours import AgentCaller, ClientCaller, HttpCaller
from backend_python.agent.recording import Recorder, current_recorder
from backend_python.agent.structured import InvalidAnswer
from backend_python.agent.tools import MAX_MODEL_CALLS
from shared_models import TestConfiguration

Handler = Callable[[dict[str, Any]], dict[str, Any]]


def caller_of(flavour: str, handler: Handler, **configuration: Any) -> Caller:
    """Return a caller whose requests' bodies the handler answers with a message."""
    wanted = TestConfiguration.model_validate(configuration)

    def answer(request: httpx.Request) -> httpx.Response:
        message = {"role": "assistant", "content": "", **handler(orjson.loads(request.content))}
        reply = {"model": "m", "message": message, "done": True}
        return httpx.Response(200, content=orjson.dumps(reply) + b"\n")

    transport = httpx.MockTransport(answer)
    if flavour == "http":
        return HttpCaller(httpx.AsyncClient(base_url="http://model", transport=transport), wanted)
    client = ollama.AsyncClient(host="http://model", transport=transport)
    return ClientCaller(client, wanted) if flavour == "client" else AgentCaller(client, wanted)


def asking_for(*calls: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    functions = [{"function": {"name": name, "arguments": given}} for name, given in calls]
    return {"tool_calls": functions}


def ignore() -> None:
    """Take no notice of a piece of text."""


each_flavour = pytest.mark.parametrize("flavour", ["agent", "client", "http"])
each_way = pytest.mark.parametrize("on_text", [None, ignore], ids=["whole", "streamed"])


@each_flavour
@each_way
async def test_the_functions_are_dispatched_and_their_results_sent_back(
    flavour: str, on_text: Callable[[], None] | None
) -> None:
    """In order, as text, under their names; each invocation is counted with its time."""
    recorder = Recorder("r", 1)
    current_recorder.set(recorder)
    asked: list[dict[str, Any]] = []

    def handler(body: dict[str, Any]) -> dict[str, Any]:
        asked.append(body)
        if len(asked) > 1:
            return {"content": "done"}
        return asking_for(
            ("add_numbers", {"a": 20, "b": 22}), ("count_words", {"text": " one two  three"})
        )

    await caller_of(flavour, handler, scenario="tools").ask("go", on_text=on_text)

    results = [message for message in asked[1]["messages"] if message["role"] == "tool"]
    assert [("add_numbers", "42"), ("count_words", "3")] == [
        (result["tool_name"], result["content"]) for result in results
    ]
    assert 2 == len(asked)
    assert 2 == recorder.tool_calls
    assert recorder.tool_ns > 0


@each_flavour
async def test_a_model_that_misuses_the_functions_is_told_so(flavour: str) -> None:
    """An unknown name and arguments that do not fit end nothing."""
    asked: list[dict[str, Any]] = []
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("surprise", {}),
        ("add_numbers", {"a": 1}),
        ("count_words", {"text": None}),
    ]

    def handler(body: dict[str, Any]) -> dict[str, Any]:
        asked.append(body)
        return asking_for(wrong[len(asked) - 1]) if len(asked) <= len(wrong) else {"content": "oh"}

    await caller_of(flavour, handler, scenario="tools").ask("go")

    last = [message for message in asked[-1]["messages"] if message["role"] == "tool"]
    assert len(wrong) == len(last)
    assert all("Error" in message["content"] for message in last)


@each_flavour
async def test_a_model_that_never_stops_asking_for_functions_is_left(flavour: str) -> None:
    """After as many model calls as the framework makes."""
    asked = 0

    def handler(body: dict[str, Any]) -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return asking_for(("add_numbers", {"a": asked, "b": asked}))

    await caller_of(flavour, handler, scenario="tools").ask("go")

    assert MAX_MODEL_CALLS <= asked <= MAX_MODEL_CALLS + 1


@each_flavour
@each_way
async def test_tool_calls_that_nobody_offered_crash_nothing(
    flavour: str, on_text: Callable[[], None] | None
) -> None:
    """They are an answer without text."""
    asked = 0

    def handler(body: dict[str, Any]) -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return asking_for(("add_numbers", {"a": 1, "b": 2}))

    await caller_of(flavour, handler).ask("go", on_text=on_text)

    assert 1 == asked


@each_flavour
@each_way
@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        '{"city":"Rome"}',
        '{"city":"Rome","country":"Italy","population":"many"}',
        '{"city":"Rome","country":"Italy","population":1.5}',
        '{"city":"Rome","country":"Italy","population":1,"more":1}',
    ],
)
async def test_a_text_that_is_no_such_object_is_an_invalid_answer(
    flavour: str, on_text: Callable[[], None] | None, text: str
) -> None:
    """Every field is required, has its type, and there is no other one."""
    caller = caller_of(flavour, lambda _: {"content": text}, scenario="structured")

    with pytest.raises(InvalidAnswer):
        await caller.ask("go", on_text=on_text)


@each_flavour
@each_way
async def test_an_object_is_read(flavour: str, on_text: Callable[[], None] | None) -> None:
    """It is asked for by its schema."""
    asked: list[dict[str, Any]] = []

    def handler(body: dict[str, Any]) -> dict[str, Any]:
        asked.append(body)
        return {"content": '{"city":"Rome","country":"Italy","population":2800000}'}

    await caller_of(flavour, handler, scenario="structured").ask("go", on_text=on_text)

    assert {"city", "country", "population"} == set(asked[0]["format"]["required"])
    assert asked[0]["format"]["additionalProperties"] is False


@each_flavour
@each_way
async def test_a_conversation_sends_what_was_said_before(
    flavour: str, on_text: Callable[[], None] | None
) -> None:
    """Instructions first and once, then every turn; another session knows nothing of it."""
    asked: list[list[tuple[str, str]]] = []

    def handler(body: dict[str, Any]) -> dict[str, Any]:
        asked.append([(message["role"], message["content"]) for message in body["messages"]])
        return {"content": f"answer {len(asked)}"}

    caller = caller_of(flavour, handler, scenario="conversation", instructions="Be brief.")
    history = caller.new_history()
    await caller.ask("one", history=history, on_text=on_text)
    await caller.ask("two", history=history, on_text=on_text)
    await caller.ask("three", history=caller.new_history(), on_text=on_text)

    system = ("system", "Be brief.")
    assert [
        [system, ("user", "one")],
        [system, ("user", "one"), ("assistant", "answer 1"), ("user", "two")],
        [system, ("user", "three")],
    ] == asked


@each_flavour
async def test_only_pieces_with_text_are_told_of(flavour: str) -> None:
    """A stream without any has none."""
    heard: list[None] = []
    pieces = iter(["", "text"])
    caller = caller_of(flavour, lambda _: {"content": next(pieces)})
    for _ in range(2):
        await caller.ask("go", on_text=lambda: heard.append(None))

    assert 1 == len(heard)
