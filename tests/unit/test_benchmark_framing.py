"""Cutting a byte stream into lines."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import BridgeProtocol
from benchmark.framing import LineSplitter

PIECES = st.sampled_from([b"\n", b"\r\n", b"\r", b"a", b"{}", b"\xc3", b"\xbc", b"\x00", b"xyz"])
STREAMS = st.lists(PIECES, max_size=40).map(b"".join)


def lines_of(chunks: list[bytes], *, max_bytes: int = 1_000) -> tuple[list[bytes], bool]:
    splitter = LineSplitter(max_bytes)
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return lines, splitter.has_partial_line


@given(STREAMS, st.lists(st.integers(min_value=0, max_value=120), max_size=20))
def test_any_split_of_a_stream_gives_the_same_lines(stream: bytes, cuts: list[int]) -> None:
    """Where the kernel cuts a pipe's data never matters."""
    places = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    chunks = [stream[start:end] for start, end in pairwise(places)]

    assert lines_of([stream]) == lines_of(chunks)


@given(STREAMS)
def test_the_lines_are_what_stands_between_the_line_ends(stream: bytes) -> None:
    """Only LF ends a line; one CR before it and empty lines are dropped, nothing else."""
    *whole, rest = stream.split(b"\n")
    expected = [line.removesuffix(b"\r") for line in whole]

    assert ([line for line in expected if line], bool(rest)) == lines_of([stream])


def test_a_byte_order_mark_is_dropped() -> None:
    """A writer that begins with one is understood."""
    assert ([b"{}"], False) == lines_of([b"\xef\xbb", b"\xbf{}\r", b"\n"])


@pytest.mark.parametrize("chunk", [1, 3, 64])
def test_a_line_may_be_as_long_as_the_cap_and_no_longer(chunk: int) -> None:
    """The memory held is bounded, whether or not a line end ever comes."""

    def chunks(size: int) -> list[bytes]:
        return [b"x" * min(chunk, size - start) for start in range(0, size, chunk)]

    assert ([b"x" * 50], False) == lines_of([*chunks(50), b"\n"], max_bytes=50)
    with pytest.raises(BridgeProtocol, match="longer than 50 bytes"):
        lines_of(chunks(51), max_bytes=50)


def test_many_lines_in_one_chunk_are_not_taken_for_a_long_one() -> None:
    """The cap bounds a line, not a burst."""
    lines, _ = lines_of([b"12345\n" * 1_000], max_bytes=5)

    assert [b"12345"] * 1_000 == lines
