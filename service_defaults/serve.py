"""Serving an application on an inherited socket, or on a host and port when there is none."""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import uvicorn

Hook = Callable[[], Awaitable[None]]

GRACE_S = 1
"""Connections get this long at shutdown; it keeps the whole stack's stop within its promise."""


def serve(
    app: Any,
    *,
    host: str,
    port: int,
    listen_fd: int | None = None,
    http: Literal["h11", "httptools"] = "h11",
    websockets: bool = False,
    before_shutdown: Hook | None = None,
    access_log: bool = False,
) -> int:
    """Serve `app` until SIGINT or SIGTERM; returns 0, or 1 when it could not start.

    h11 refuses oversized headers, which httptools lets pass. The descriptor is wrapped here and
    handed over as a socket: uvicorn's own `fd=` takes it for a Unix socket, leaves Nagle's
    algorithm on and costs 44 ms a request.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=http,
        ws="websockets-sansio" if websockets else "none",
        ws_max_size=1024 * 1024,
        timeout_graceful_shutdown=GRACE_S,
        log_config=None,
        access_log=access_log,
        server_header=False,
    )
    sockets = None if listen_fd is None else [socket.socket(fileno=listen_fd)]
    server = _Server(config, before_shutdown)
    # uvicorn raises the signal again once it has stopped; with the default handler that would
    # kill the process before the caller could flush what it holds.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.ask_to_exit)
    asyncio.run(server.serve(sockets=sockets))
    return 0 if server.started else 1


class _Server(uvicorn.Server):
    """Ends long-running work before uvicorn waits for the requests that are watching it."""

    def __init__(self, config: uvicorn.Config, before_shutdown: Hook | None) -> None:
        super().__init__(config)
        self._before_shutdown = before_shutdown

    def ask_to_exit(self, _number: int, _frame: object) -> None:
        """Leave the main loop; a signal handler."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._before_shutdown is not None:
            await self._before_shutdown()
        await super().shutdown(sockets)
