"""One HTTP request and its reply, over ASGI."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

import orjson

from ollama_simulator.errors import ClientGone
from ollama_simulator.recorded import Recorded
from ollama_simulator.reply_transport import ReplyTransport

__all__ = ["JSON", "JSON_UTF8", "MARK", "NDJSON", "SSE", "TEXT", "TEXT_UTF8", "Exchange"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

MARK: Header = (b"x-perfcompare-simulator", b"1")
"""On every reply, so that a simulated figure never passes for a model's."""

JSON = b"application/json"
JSON_UTF8 = b"application/json; charset=utf-8"
NDJSON = b"application/x-ndjson"
SSE = b"text/event-stream"
TEXT = b"text/plain"
TEXT_UTF8 = b"text/plain; charset=utf-8"

_LONGEST_WITH_LENGTH = 2_048
"""Go's server gives a longer body in chunks, without its length."""


class Exchange:
    """A request and the reply to it.

    `started_ns` is when its handler was entered; `record` is where those look who ask later.
    """

    __slots__ = (
        "_body",
        "_receive",
        "_send",
        "has_begun",
        "headers",
        "method",
        "path",
        "record",
        "started_ns",
    )

    is_faulty = False
    honours_format = True
    """Whether a reply keeps to the format that was asked for."""

    def __init__(self, scope: Message, receive: Receive, send: Send, *, started_ns: int) -> None:
        self._receive = receive
        self._send = send
        self._body: bytes | None = None
        self.has_begun = False
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: list[Header] = scope["headers"]
        self.started_ns = started_ns
        self.record: Recorded | None = None

    def header(self, name: bytes) -> str:
        """The first header of that lower-case name, or an empty string."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return ""

    async def body(self) -> bytes:
        """The whole request body. Raises ClientGone when it does not arrive."""
        if self._body is None:
            self._body = await self._read()
        return self._body

    async def _read(self) -> bytes:
        message = await self._receive()
        body: bytes = message.get("body", b"")
        if not message.get("more_body", False) and message["type"] == "http.request":
            return body
        parts = [body]
        while message["type"] == "http.request" and message.get("more_body", False):
            message = await self._receive()
            parts.append(message.get("body", b""))
        if message["type"] != "http.request":
            raise ClientGone
        return b"".join(parts)

    async def reply_json(
        self, value: Any, status: int = 200, *, content_type: bytes = JSON_UTF8
    ) -> None:
        """Answer with one JSON value."""
        await self.reply(status, content_type, orjson.dumps(value))

    async def reply(
        self, status: int, content_type: bytes, body: bytes, *, headers: tuple[Header, ...] = ()
    ) -> None:
        """Answer with a whole body."""
        if len(body) <= _LONGEST_WITH_LENGTH:
            headers = (*headers, (b"content-length", b"%d" % len(body)))
        await self._start(status, content_type, headers)
        await self._write(body, more=False)

    async def open_stream(self, content_type: bytes) -> None:
        """Begin a reply that comes line by line."""
        await self._start(200, content_type, ())

    async def write_line(self, line: bytes) -> None:
        """Send one line of an open stream."""
        await self._write(line, more=True)

    async def close_stream(self, last: bytes) -> None:
        """Send the last line of a stream and end it."""
        await self._write(last, more=False)

    async def until_gone(self, work: Awaitable[None]) -> None:
        """Do the work, and stop at once when the client closes its connection.

        In process there is no connection, and the work is always done.
        """
        transport = self._transport()
        if not isinstance(transport, ReplyTransport):
            await work
            return
        task = cast("asyncio.Task[None]", asyncio.current_task())
        transport.on_loss = task.cancel
        if transport.is_lost:
            task.cancel()
        try:
            await work
        except asyncio.CancelledError:
            if not transport.is_lost:
                raise
            task.uncancel()
        finally:
            transport.on_loss = None

    def _transport(self) -> Any:
        """The connection of uvicorn's request cycle, or None in process.

        ASGI has no word for a broken reply, and asking it for the end of a connection takes a
        task; so faults and watching reach below it.
        """
        return getattr(getattr(self._receive, "__self__", None), "transport", None)

    async def _start(self, status: int, content_type: bytes, headers: tuple[Header, ...]) -> None:
        """Send the status line and the headers; an empty content type is left out."""
        self.has_begun = True
        kind = ((b"content-type", content_type),) if content_type else ()
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*kind, *headers, MARK],
            }
        )

    async def _write(self, data: bytes, *, more: bool) -> None:
        """Send a part of the body; the last one when there is no more."""
        await self._send({"type": "http.response.body", "body": data, "more_body": more})
