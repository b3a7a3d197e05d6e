"""A transport for replies: headers and first bytes in one segment, and word of a lost client.

uvicorn writes the headers on their own. A client is then woken twice for one small reply, and
that would be counted as its agent's time. Go sends them together.
"""

import asyncio
from collections.abc import Callable
from typing import Any

__all__ = ["ReplyTransport"]

_HEAD = b"HTTP/1.1 "


class ReplyTransport:
    """A transport that keeps the headers of a reply back until more is written.

    `on_loss` is called once when the connection is gone; a task to watch for that costs more.
    """

    __slots__ = ("_held", "_transport", "is_closing", "is_lost", "on_loss")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held = b""
        self.is_closing = transport.is_closing
        self.is_lost = False
        self.on_loss: Callable[[], object] | None = None

    def lose(self) -> None:
        """The connection is gone."""
        self.is_lost = True
        if self.on_loss is not None:
            self.on_loss()

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
