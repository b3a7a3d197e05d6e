"""What the children print: read in chunks, cut into bounded lines, the last ones kept.

A pump never waits for a line end and never raises, because a pump that stops fills the pipe and
freezes the child.
"""

import json
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anyio
from anyio.abc import ByteReceiveStream

CHUNK_BYTES = 64 * 1024
MAX_LINE_BYTES = 16 * 1024
MAX_KEPT_BYTES = 512 * 1024
TRUNCATED = " …[truncated]"
SHOWN_LEVELS = frozenset({"warning", "error", "critical"})

# C0 and C1 controls without tab, and the marks that reverse the direction of text.
_UNPRINTABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a child's console."""

    resource: str
    text: str
    is_error: bool
    """Whether it came from stderr."""


class LineCutter:
    """Cuts chunks into lines; what exceeds the cap is dropped and marked. Pure."""

    def __init__(self, *, cap: int = MAX_LINE_BYTES) -> None:
        self._cap = cap
        self._rest = b""
        self._dropping = False

    def feed(self, chunk: bytes) -> list[str]:
        """Return the lines that end in this chunk."""
        *ended, rest = chunk.split(b"\n")
        lines = [self._end(part) for part in ended]
        self._grow(rest)
        return lines

    def flush(self) -> list[str]:
        """Return the last line if it has no end."""
        return [self._end(b"")] if self._rest else []

    def _grow(self, part: bytes) -> None:
        room = self._cap - len(self._rest)
        self._dropping = self._dropping or len(part) > room
        self._rest += part[:room]

    def _end(self, part: bytes) -> str:
        self._grow(part)
        text = self._rest.removesuffix(b"\r").decode("utf-8", "replace")
        if self._dropping:
            text += TRUNCATED
        self._rest, self._dropping = b"", False
        return text


class Console:
    """The last lines of one child, bounded in number and in bytes; the oldest go first."""

    def __init__(
        self, resource: str, *, on_line: Callable[[Line], None], capacity: int = 1000
    ) -> None:
        self._resource = resource
        self._on_line = on_line
        self._lines: deque[Line] = deque()
        self._capacity = capacity
        self._kept_bytes = 0

    def tail(self, count: int) -> list[Line]:
        """Return the last lines."""
        return list(self._lines)[-count:]

    async def pump(self, stream: ByteReceiveStream, *, is_error: bool) -> None:
        """Read a pipe to its end."""
        cutter = LineCutter()
        try:
            while True:
                chunk = await stream.receive(CHUNK_BYTES)
                for text in cutter.feed(chunk):
                    self._keep(text, is_error=is_error)
        except (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
            for text in cutter.flush():
                self._keep(text, is_error=is_error)

    def _keep(self, text: str, *, is_error: bool) -> None:
        line = Line(resource=self._resource, text=text, is_error=is_error)
        self._lines.append(line)
        self._kept_bytes += len(text)
        while len(self._lines) > self._capacity or self._kept_bytes > MAX_KEPT_BYTES:
            self._kept_bytes -= len(self._lines.popleft().text)
        self._on_line(line)


def printable(text: str) -> str:
    """Return `text` with everything escaped that could move or recolour a terminal."""
    return _UNPRINTABLE.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def shown(line: Line) -> bool:
    """Return whether a line is worth a person's eye: a warning or worse."""
    record = _record(line.text)
    return line.is_error if record is None else record.get("level") in SHOWN_LEVELS


def rendered(line: Line) -> str:
    """Return a line for people: our structured records as `level event key=value`."""
    record = _record(line.text)
    if record is None:
        return printable(line.text)
    level, event = record.pop("level", "info"), record.pop("event", "")
    exception = record.pop("exception", None)
    for noise in ("timestamp", "service"):
        record.pop(noise, None)
    pairs = "".join(f" {name}={value}" for name, value in record.items())
    text = printable(f"{level} {event}{pairs}")
    if exception is None:
        return text
    return "\n".join([text, *(printable(part) for part in str(exception).splitlines())])


def _record(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
