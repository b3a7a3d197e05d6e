"""uvicorn's connection, with each reply's headers and first bytes in one segment as Go sends them.

uvicorn writes the headers on their own. A client is then woken twice for one small reply, and
that would be counted as its agent's time.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ollama_simulator.exchange import MARK

__all__ = ["Connection"]

_HEAD = b"HTTP/1.1 "


class Connection(HttpToolsProtocol):
    """One client's connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self.transport: Any = _HeadHolder(transport)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP in the words of Go's server, and with our mark."""
        mark = b": ".join(MARK)
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
            b"connection: close\r\n" + mark + b"\r\n\r\n400 Bad Request"
        )
        self.transport.close()

    def on_response_complete(self) -> None:
        self.transport.flush()  # a reply to HEAD has no body that would do it
        super().on_response_complete()


class _HeadHolder:
    """A transport that keeps the headers of a reply back until more is written."""

    __slots__ = ("_held", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held = b""
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        if self._held:
            data, self._held = self._held + data, b""
        elif data.startswith(_HEAD):
            self._held = data
            return
        self._transport.write(data)

    def flush(self) -> None:
        """Send what is held back."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
