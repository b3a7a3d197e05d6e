"""Serving the simulator on an inherited listening socket, or on a port of its own."""

import asyncio
import socket

import uvicorn

from ollama_simulator.app import App
from ollama_simulator.clock import precise_loop
from ollama_simulator.connection import Connection
from ollama_simulator.settings import SimulatorSettings

__all__ = ["serve"]

_GRACE_S = 1


def serve(app: App, settings: SimulatorSettings) -> int:
    """Serve until SIGINT or SIGTERM. Returns the exit code: 1 when it could not start.

    The services share `service_defaults.serve`; the simulator needs its own loop, whose timers are
    precise, and no WebSocket library, which costs memory.
    """
    server = uvicorn.Server(configuration(app, host=settings.host, port=settings.port))
    sockets = None
    if settings.listen_fd is not None:
        # uvicorn's own `fd=` takes it for a Unix socket and leaves Nagle's algorithm on.
        sockets = [socket.socket(fileno=settings.listen_fd)]
    with asyncio.Runner(loop_factory=precise_loop) as runner:
        runner.run(server.serve(sockets=sockets))
    return 0 if server.started else 1


def configuration(app: App, *, host: str, port: int) -> uvicorn.Config:
    """uvicorn as the simulator needs it, wherever it runs."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_GRACE_S,
    )
