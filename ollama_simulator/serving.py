"""Serving the simulator on an inherited listening socket, or on a port of its own."""

import asyncio
import gc
import socket
import sys

import uvicorn

from ollama_simulator.app import App
from ollama_simulator.clock import precise_loop
from ollama_simulator.connection import Connection
from ollama_simulator.settings import SimulatorSettings

__all__ = ["configuration", "listen", "serve"]

_GRACE_S = 1
_OBJECTS_BETWEEN_COLLECTIONS = 20_000
_KEEP_ALIVE_S = 86_400
"""Go's server never closes an idle connection."""


def serve(app: App, settings: SimulatorSettings) -> int:
    """Serve until SIGINT or SIGTERM. Returns the exit code: 1 when it could not listen.

    The services share `service_defaults.serve`; the simulator needs its own loop, whose timers are
    precise, and no WebSocket library, which costs memory.
    """
    try:
        listener = listen(settings.host, settings.port, inherited_fd=settings.listen_fd)
    except OSError as error:
        sys.stderr.write(f"ollama_simulator: {settings.host}:{settings.port}: {error.strerror}\n")
        return 1
    host, port = listener.getsockname()[:2]
    models = ", ".join(settings.models)
    sys.stderr.write(f"simulating Ollama on {host} port {port} with {models}\n")
    _collect_garbage_seldom()
    server = uvicorn.Server(configuration(app))
    with asyncio.Runner(loop_factory=precise_loop) as runner:
        runner.run(server.serve(sockets=[listener]))
    return 0


def _collect_garbage_seldom() -> None:
    """Leave alone what lives as long as the process, and look at the rest less often.

    A collection in the middle of a call would be a pause of the model.
    """
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)


def listen(host: str, port: int, *, inherited_fd: int | None = None) -> socket.socket:
    """The listening socket: the inherited one, or a new one. Raises OSError.

    Nagle's algorithm is off, which accepted connections inherit: asyncio turns it off by itself
    only for some sockets, and it costs up to 44 ms a request.
    """
    if inherited_fd is not None:
        listener = socket.socket(fileno=inherited_fd)
    else:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=2_048)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def configuration(app: App) -> uvicorn.Config:
    """uvicorn as the simulator needs it, wherever it runs."""
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
    )
