"""Child output: bounded lines, a bounded ring, nothing that moves a terminal."""

import json

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.console import (
    MAX_KEPT_BYTES,
    MAX_LINE_BYTES,
    TRUNCATED,
    Console,
    Line,
    LineCutter,
    printable,
    rendered,
    shown,
)


def _line(text: str, *, is_error: bool = True) -> Line:
    return Line(resource="web", text=text, is_error=is_error)


@given(st.lists(st.binary(max_size=40)))
def test_cutting_does_not_depend_on_where_the_chunks_end(chunks: list[bytes]) -> None:
    """The same bytes give the same lines, however the pipe delivers them."""
    pieces, whole = LineCutter(), LineCutter()
    by_piece = [line for chunk in chunks for line in pieces.feed(chunk)] + pieces.flush()

    assert whole.feed(b"".join(chunks)) + whole.flush() == by_piece


def test_a_line_without_end_is_cut_and_marked() -> None:
    """100 chunks of 64 KiB keep 16 KiB, and the next line is whole again."""
    cutter = LineCutter()
    for _ in range(100):
        assert cutter.feed(b"x" * 65_536) == []

    assert cutter.feed(b"\nnext\n") == ["x" * MAX_LINE_BYTES + TRUNCATED, "next"]


def test_bytes_that_are_no_text_are_replaced() -> None:
    """Invalid UTF-8 and carriage returns never raise."""
    assert LineCutter().feed(b"\xffok\r\n") == ["\ufffdok"]


async def test_the_ring_is_bounded_in_lines_and_in_bytes() -> None:
    """The oldest lines go first."""
    many = await _pumped([b"\n".join(b"%d" % n for n in range(50)) + b"\n"], capacity=10)
    large = await _pumped([b"y" * 10_000 + b"\n"] * 200, capacity=1000)

    assert [str(n) for n in range(40, 50)] == [line.text for line in many.tail(99)]
    assert sum(len(line.text) for line in large.tail(999)) <= MAX_KEPT_BYTES


async def test_the_last_line_needs_no_end() -> None:
    """What a dying child wrote last is kept."""
    assert [line.text for line in (await _pumped([b"last words"])).tail(1)] == ["last words"]


async def _pumped(chunks: list[bytes], *, capacity: int = 100) -> Console:
    console = Console("web", on_line=lambda line: None, capacity=capacity)
    send, receive = anyio.create_memory_object_stream[bytes](len(chunks))
    with send:
        for chunk in chunks:
            send.send_nowait(chunk)

    class Pipe(anyio.abc.ByteReceiveStream):
        async def receive(self, max_bytes: int = 65536) -> bytes:
            return await receive.receive()

        async def aclose(self) -> None:
            receive.close()

    async with Pipe() as pipe:
        await console.pump(pipe, is_error=False)
    return console


@pytest.mark.parametrize(
    "text",
    ["\x1b[31mred", "\x1b]8;;javascript:x\x07", "a\rb", "\x9b2J", "\u202eevil", "bell\x07"],
)
def test_nothing_reaches_the_terminal_that_could_move_or_recolour_it(text: str) -> None:
    """C0, C1 and direction marks are shown as text."""
    shown_text = printable(text)

    assert "\\x" in shown_text
    assert all(character.isprintable() for character in shown_text)


@pytest.mark.parametrize(
    ("text", "is_error", "expected"),
    [
        ('{"event":"a","level":"info"}', True, False),
        ('{"event":"a","level":"warning"}', True, True),
        ('{"event":"a","level":"error"}', False, True),
        ("Traceback (most recent call last):", True, True),
        ("hello", False, False),
        ("{not json", True, True),
        ("[1]", False, False),
    ],
)
def test_warnings_and_worse_are_shown(text: str, is_error: bool, expected: bool) -> None:
    """Unstructured text counts by the pipe that it came from."""
    assert expected is shown(_line(text, is_error=is_error))


def test_a_structured_record_becomes_a_sentence_with_its_traceback() -> None:
    """Level and event first, the noise left out, the traceback line by line."""
    record = {
        "event": "run_failed",
        "level": "error",
        "timestamp": "2026",
        "service": "web",
        "run": 7,
        "exception": "Traceback\n\x1b[0mboom",
    }

    text = rendered(_line(json.dumps(record)))
    assert text.split("\n") == ["error run_failed run=7", "Traceback", "\\x1b[0mboom"]


@given(st.text())
def test_rendering_never_fails(text: str) -> None:
    """Whatever a child prints."""
    line = _line(text)
    assert isinstance(rendered(line), str)
    assert shown(line) in (True, False)
