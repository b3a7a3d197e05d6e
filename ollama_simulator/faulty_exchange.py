"""Replies that a fault spoils. Each class is one kind of fault, and overrides what it spoils."""

import asyncio
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any

import orjson

from ollama_simulator.errors import ReplyEnded
from ollama_simulator.exchange import JSON, JSON_UTF8, MARK, Exchange, Header
from ollama_simulator.faults import Fault

__all__ = ["FaultyExchange", "spoil"]

_BLOCK = b"x" * 65_536


def spoil(exchange: Exchange, fault: Fault) -> "FaultyExchange":
    """The same exchange with a fault in its reply."""
    return _KINDS[fault.kind](exchange, fault)


class FaultyExchange(Exchange):
    """An exchange with a fault. `seconds` is the fault's, or the default of its kind."""

    __slots__ = ("_fault", "_lines")

    is_faulty = True
    default_seconds = 0.0

    def __init__(self, sound: Exchange, fault: Fault) -> None:
        self._receive = sound._receive
        self._send = sound._send
        self._body = sound._body
        self.has_begun = False
        self.method = sound.method
        self.path = sound.path
        self.headers = sound.headers
        self.started_ns = sound.started_ns
        self.record = sound.record
        self._fault = fault
        self._lines = 0

    @property
    def seconds(self) -> float:
        """How long the fault takes."""
        return self.default_seconds if self._fault.seconds is None else self._fault.seconds

    async def intercept(self) -> None:
        """Answer in place of the handler and raise ReplyEnded, or let the handler answer."""

    async def until_gone(self, work: Awaitable[None]) -> None:
        """The whole exchange is watched already, because a fault can take long."""
        await work

    async def watched(self, work: Awaitable[None]) -> None:
        """Do the work of the whole exchange until it is done or the client has gone."""
        await super().until_gone(work)

    async def _pause(self) -> None:
        await asyncio.sleep(self.seconds)

    async def _cut(self) -> None:
        """Close the connection behind the server's back; what was written is still sent."""
        transport = self._transport()
        if transport is not None:
            transport.close()
            while (await self._receive())["type"] != "http.disconnect":
                pass
        raise ReplyEnded

    def _strikes_now(self) -> bool:
        """Whether the fault's number of lines has been sent."""
        self._lines += 1
        return self._lines == self._fault.lines + 1


class _Status(FaultyExchange):
    """An error status with its text."""

    async def intercept(self) -> None:
        body = orjson.dumps({"error": self._fault.text})
        await self.reply(self._fault.status or 500, JSON_UTF8, body)
        raise ReplyEnded


class _Redirect(FaultyExchange):
    """A redirect to the fault's location."""

    async def intercept(self) -> None:
        location = (b"location", self._fault.location.encode())
        await self.reply(self._fault.status or 302, b"", b"", headers=(location,))
        raise ReplyEnded


class _NotJson(FaultyExchange):
    """A page where JSON was expected."""

    async def intercept(self) -> None:
        body = b"<html><body>502 Bad Gateway</body></html>\n"
        await self.reply(self._fault.status or 200, JSON_UTF8, body)
        raise ReplyEnded


class _EndlessBody(FaultyExchange):
    """A reply that never ends: one endless string, or the first line again and again."""

    async def reply(
        self, status: int, content_type: bytes, body: bytes, *, headers: tuple[Header, ...] = ()
    ) -> None:
        await self._start(status, content_type, headers)
        await self._write(b'{"model":"', more=True)
        await self._repeat(_BLOCK)

    async def write_line(self, line: bytes) -> None:
        await self._repeat(line * (1 + len(_BLOCK) // len(line)))

    async def _repeat(self, data: bytes) -> None:
        while True:
            await self._write(data, more=True)
            await asyncio.sleep(0)  # the watcher needs a turn to see the client go


class _InvalidStructured(FaultyExchange):
    """Plain text where a format was asked for; other replies stay sound."""

    honours_format = False


class _CutBeforeHeaders(FaultyExchange):
    """A connection closed without a reply."""

    async def intercept(self) -> None:
        await self._cut()


class _CutMidBody(FaultyExchange):
    """A connection closed in the middle of the body."""

    async def reply(
        self, status: int, content_type: bytes, body: bytes, *, headers: tuple[Header, ...] = ()
    ) -> None:
        length = (b"content-length", b"%d" % len(body))
        await self._start(status, content_type, (*headers, length))
        await self._write(body[: len(body) // 3], more=True)  # its `done` is past the middle
        await self._cut()

    async def write_line(self, line: bytes) -> None:
        if self._strikes_now():
            await self._write(line[: len(line) // 2], more=True)
            await self._cut()
        await self._write(line, more=True)

    async def close_stream(self, last: bytes) -> None:
        await self._write(last[: len(last) // 2], more=True)
        await self._cut()


class _MissingDone(FaultyExchange):
    """A reply that ends in good order and is not done, as Ollama's own repetition guard does."""

    async def reply_json(
        self, value: Any, status: int = 200, *, content_type: bytes = JSON_UTF8
    ) -> None:
        if isinstance(value, dict) and value.get("done"):
            kept = ("model", "created_at", "message", "response")
            value = {name: value[name] for name in kept if name in value} | {"done": False}
        await super().reply_json(value, status, content_type=content_type)

    async def close_stream(self, last: bytes) -> None:
        await self._write(b"", more=False)


class _ErrorLine(FaultyExchange):
    """An error after the first lines; status 500 when nothing has been sent."""

    async def reply_json(
        self, value: Any, status: int = 200, *, content_type: bytes = JSON_UTF8
    ) -> None:
        error = {"error": self._fault.text}
        await super().reply_json(error, self._fault.status or 500, content_type=JSON)

    async def write_line(self, line: bytes) -> None:
        if self._strikes_now():
            await self.close_stream(b"")
            raise ReplyEnded
        await self._write(line, more=True)

    async def close_stream(self, last: bytes) -> None:
        error = orjson.dumps({"error": self._fault.text})
        await self._write(error + b"\n", more=False)


class _StallBeforeHeaders(FaultyExchange):
    """Silence before the reply begins."""

    default_seconds = 3_600.0

    async def intercept(self) -> None:
        await self._pause()


class _StallBetweenLines(FaultyExchange):
    """Silence in the middle of the body."""

    default_seconds = 3_600.0

    async def reply(
        self, status: int, content_type: bytes, body: bytes, *, headers: tuple[Header, ...] = ()
    ) -> None:
        await self._start(status, content_type, headers)
        await self._write(body[: len(body) // 2], more=True)
        await self._pause()
        await self._write(body[len(body) // 2 :], more=False)

    async def write_line(self, line: bytes) -> None:
        if self._strikes_now():
            await self._pause()
        await self._write(line, more=True)

    async def close_stream(self, last: bytes) -> None:
        if self._strikes_now():
            await self._pause()
        await self._write(last, more=False)


class _SlowHeader(FaultyExchange):
    """A header that comes byte by byte over the fault's seconds; the body ends with a close."""

    default_seconds = 1.0

    async def _start(self, status: int, content_type: bytes, headers: tuple[Header, ...]) -> None:
        head = b"HTTP/1.1 %d %s\r\n" % (status, HTTPStatus(status).phrase.encode())
        fields = (*headers, (b"content-type", content_type), MARK, (b"connection", b"close"))
        head += b"".join(b"%s: %s\r\n" % field for field in fields) + b"\r\n"
        for at in range(len(head)):
            self._raw(head[at : at + 1])
            await asyncio.sleep(self.seconds / len(head))

    async def _write(self, data: bytes, *, more: bool) -> None:
        self._raw(data)
        if not more:
            await self._cut()

    def _raw(self, data: bytes) -> None:
        transport = self._transport()
        if transport is None:
            raise ReplyEnded
        transport.write(data)


class _Split(FaultyExchange):
    """Each line in two parts that arrive in segments of their own."""

    default_seconds = 0.005

    async def _write(self, data: bytes, *, more: bool) -> None:
        at = self._place(data)
        if 0 < at < len(data):
            await super()._write(data[:at], more=True)
            await self._pause()
            data = data[at:]
        await super()._write(data, more=more)

    def _place(self, data: bytes) -> int:
        return len(data) // 2


class _SplitUtf8(_Split):
    """A part that ends inside a character of several bytes."""

    def _place(self, data: bytes) -> int:
        first = next((at for at, byte in enumerate(data) if byte >= 0x80), -1)
        return first + 1


class _MergeLines(FaultyExchange):
    """All lines of a stream at once, at its end."""

    __slots__ = ("_held",)

    def __init__(self, sound: Exchange, fault: Fault) -> None:
        super().__init__(sound, fault)
        self._held: list[bytes] = []

    async def write_line(self, line: bytes) -> None:
        self._held.append(line)

    async def close_stream(self, last: bytes) -> None:
        await self._write(b"".join(self._held) + last, more=False)


_KINDS: dict[str, type[FaultyExchange]] = {
    "status": _Status,
    "redirect": _Redirect,
    "not-json": _NotJson,
    "invalid-structured": _InvalidStructured,
    "endless-body": _EndlessBody,
    "cut-before-headers": _CutBeforeHeaders,
    "cut-mid-body": _CutMidBody,
    "missing-done": _MissingDone,
    "error-line": _ErrorLine,
    "stall-before-headers": _StallBeforeHeaders,
    "stall-between-lines": _StallBetweenLines,
    "slow-header": _SlowHeader,
    "split-lines": _Split,
    "split-utf8": _SplitUtf8,
    "merge-lines": _MergeLines,
}
