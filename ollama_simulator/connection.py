"""uvicorn's connection, with what the simulator needs below ASGI."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ollama_simulator.exchange import MARK
from ollama_simulator.reply_transport import ReplyTransport

__all__ = ["Connection"]


class Connection(HttpToolsProtocol):
    """One client's connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self.transport: Any = ReplyTransport(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.transport.lose()

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
