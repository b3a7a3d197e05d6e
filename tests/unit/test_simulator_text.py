"""What the simulated model says, and the moments and names that it writes."""

import pytest

from ollama_simulator.access import is_local_host, is_local_origin
from ollama_simulator.answers import Answer, ended
from ollama_simulator.durations import parse_duration_ns, rfc3339
from ollama_simulator.models import Catalogue, full_name, is_valid_name
from ollama_simulator.text import words


def answer(key: bytes, *, length: int | None, limit: int, stop: tuple[str, ...]) -> Answer:
    """The text that belongs to a key, as a reply."""
    return ended(words(key, length=length), limit=limit, stop=stop)


def test_the_same_key_gives_the_same_text() -> None:
    first = answer(b"a", length=None, limit=-1, stop=())
    assert first == answer(b"a", length=None, limit=-1, stop=())
    assert first != answer(b"b", length=None, limit=-1, stop=())


@pytest.mark.parametrize("length", [1, 2, 3, 40, 1_000])
def test_a_reply_has_the_length_asked_for(length: int) -> None:
    reply = answer(b"a", length=length, limit=-1, stop=())
    assert len(reply.tokens) == reply.evaluated == length
    assert reply.done_reason == "stop"


def test_a_limit_cuts_the_reply() -> None:
    reply = answer(b"a", length=10, limit=4, stop=())
    assert (len(reply.tokens), reply.evaluated, reply.done_reason) == (4, 4, "length")


def test_a_limit_that_is_not_reached_changes_nothing() -> None:
    assert answer(b"a", length=4, limit=4, stop=()).done_reason == "stop"


def test_a_stop_string_ends_the_reply_and_is_not_part_of_it() -> None:
    whole = answer(b"a", length=10, limit=-1, stop=())
    word = whole.tokens[5].strip()
    text = "".join(whole.tokens)
    reply = answer(b"a", length=10, limit=-1, stop=(word,))
    assert "".join(reply.tokens) == text[: text.index(word)]
    assert reply.done_reason == "stop"


def test_the_earliest_of_several_stop_strings_wins() -> None:
    reply = answer(b"a", length=10, limit=-1, stop=(".", "’s", ""))
    assert "".join(reply.tokens) == "Here"
    assert reply.evaluated == 1


def test_each_reply_has_a_character_of_several_bytes() -> None:
    assert not "".join(answer(b"a", length=1, limit=-1, stop=()).tokens).isascii()


@pytest.mark.parametrize(
    ("wall_ns", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_767_225_600_000_000_000, "2026-01-01T00:00:00Z"),
        (1_767_225_600_500_000_000, "2026-01-01T00:00:00.5Z"),
        (1_767_225_600_000_000_001, "2026-01-01T00:00:00.000000001Z"),
    ],
)
def test_a_moment_has_only_the_digits_it_needs(wall_ns: int, text: str) -> None:
    assert rfc3339(wall_ns) == text


@pytest.mark.parametrize(
    ("text", "duration_ns"),
    [
        ("5m", 300_000_000_000),
        ("1h15m30.5s", 4_530_500_000_000),
        ("-1.5h", -5_400_000_000_000),
        ("+3us", 3_000),
        ("3µs", 3_000),
        ("0", 0),
        (".5s", 500_000_000),
    ],
)
def test_a_go_duration_is_read(text: str, duration_ns: int) -> None:
    assert parse_duration_ns(text) == duration_ns


@pytest.mark.parametrize("text", ["", "5", "m", "5x", "1.2.3s", "s5", "-", "1 h", "9999999h"])
def test_what_is_no_go_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^time: "):
        parse_duration_ns(text)


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("llama2", "llama2:latest"),
        ("LLaMA2:Latest", "llama2:latest"),
        ("library/llama2", "llama2:latest"),
        ("registry.ollama.ai/library/llama2:7b", "llama2:7b"),
        ("someone/llama2", "someone/llama2:latest"),
        ("example.com:5000/a/b:c", "example.com:5000/a/b:c"),
    ],
)
def test_a_name_is_completed_with_what_it_leaves_out(name: str, full: str) -> None:
    assert full_name(name) == full


@pytest.mark.parametrize("name", ["", " ", "a b", "a:", ":a", "a/", "/a", "a:b:c:d", "ä", "a\n"])
def test_a_name_that_no_model_can_have_is_invalid(name: str) -> None:
    assert not is_valid_name(name)


def test_models_are_found_without_regard_to_case_and_newest_first() -> None:
    catalogue = Catalogue(("a", "B:7b", "a:latest"))
    assert [model.name for model in catalogue.all()] == ["a:latest", "b:7b"]
    found = catalogue.find("b:7B")
    assert found is not None
    assert found.name == "b:7b"
    assert catalogue.find("b") is None
    assert catalogue.all()[0].modified_ns > catalogue.all()[1].modified_ns


@pytest.mark.parametrize(
    "host",
    ["localhost:11434", "127.0.0.1", "[::1]:80", "10.1.2.3", "LOCALHOST", "x.local", "a.internal"],
)
def test_a_local_host_may_call(host: str) -> None:
    assert is_local_host(host)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.test", "8.8.8.8:11434", "localhost.evil.test"]
)
def test_a_foreign_host_may_not(host: str) -> None:
    assert not is_local_host(host)


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://127.0.0.1", "app://obsidian"])
def test_a_page_of_this_machine_may_call(origin: str) -> None:
    assert is_local_origin(origin, "localhost:11434")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.test"])
def test_a_foreign_page_may_not(origin: str) -> None:
    assert not is_local_origin(origin, "localhost:11434")
