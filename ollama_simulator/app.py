"""The simulator as an ASGI application: who may call, which route answers, what fails."""

import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ollama_simulator import access
from ollama_simulator.clock import Clock
from ollama_simulator.errors import ApiError, ClientGone, ReplyEnded
from ollama_simulator.exchange import TEXT, Exchange, Message, Receive, Send
from ollama_simulator.faults import GENERATION_PATHS
from ollama_simulator.faulty_exchange import FaultyExchange, spoil
from ollama_simulator.routes import CONTROL_PREFIX, CONTROL_ROUTES, OLLAMA_ROUTES, Handler, Routes
from ollama_simulator.settings import SimulatorSettings
from ollama_simulator.simulator import Simulator

__all__ = ["App", "create_app"]

_log = logging.getLogger(__name__)


def create_app(settings: SimulatorSettings | None = None, *, clock: Clock | None = None) -> "App":
    """An ASGI application that speaks Ollama's API; it starts nothing."""
    return App(Simulator(settings or SimulatorSettings(), clock or Clock()))


class App:
    """The application. `simulator` is its state."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._routes: Routes = dict(OLLAMA_ROUTES)
        if simulator.settings.control:
            self._routes |= CONTROL_ROUTES

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        started_ns = self.simulator.clock.now_ns()
        if scope["type"] != "http":
            await _refuse_protocol(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send, started_ns=started_ns)
        with suppress(ClientGone, ReplyEnded):
            await self._answer(exchange)

    async def _answer(self, exchange: Exchange) -> None:
        status = _refusal(exchange, self.simulator.settings.allowed_hosts)
        if status is not None:
            await exchange.reply(status, b"", b"")
            return
        methods = self._methods(exchange.path)
        handler = methods.get(exchange.method)
        if handler is None:
            await _refuse_route(exchange, methods)
            return
        if self.simulator.settings.control and exchange.path in GENERATION_PATHS:
            await self.simulator.record(exchange)
        fault = self.simulator.faults.take(exchange.path)
        if fault is None:
            await self._handle(handler, exchange)
        else:
            await exchange.body()  # before the watcher of the connection takes over
            spoilt = spoil(exchange, fault)
            await spoilt.watched(self._fail(handler, spoilt))

    async def _fail(self, handler: Handler, exchange: FaultyExchange) -> None:
        await exchange.intercept()
        await self._handle(handler, exchange)

    async def _handle(self, handler: Handler, exchange: Exchange) -> None:
        try:
            await handler(self.simulator, exchange)
        except ApiError as error:
            await exchange.reply_json({"error": error.text}, error.status)
        except (ClientGone, ReplyEnded):
            raise
        except Exception:
            if exchange.has_begun:
                raise
            _log.exception("request failed")
            await exchange.reply(500, b"", b"")

    def _methods(self, path: str) -> Mapping[str, Handler]:
        """The handlers of a path by method; none when there is no such path."""
        return self._routes.get(path) or self._routes.get(_pattern(path)) or {}


async def _refuse_route(exchange: Exchange, methods: Mapping[str, Handler]) -> None:
    """Refuse an unknown path, or a method that the path does not have, as Go's router does."""
    if not methods:
        await exchange.reply(404, TEXT, b"404 page not found")
        return
    allowed = ((b"allow", ", ".join(methods).encode()),)
    await exchange.reply(405, TEXT, b"405 method not allowed", headers=allowed)


def _pattern(path: str) -> str:
    """The route with a parameter that the path belongs to."""
    return _MODEL.sub("/v1/models/{model}", path)


_MODEL = re.compile(r"^/v1/models/[^/]+$")


def _refusal(exchange: Exchange, allowed_hosts: tuple[str, ...]) -> int | None:
    """The status for a stranger, or for one who only asks for permission; None for the others."""
    host = origin = ""
    for name, value in exchange.headers:
        if name == b"host":
            host = value.decode("latin-1")
        elif name == b"origin":
            origin = value.decode("latin-1")
    is_control = exchange.path.startswith(CONTROL_PREFIX)
    allowed = access.is_local_host(host, allowed_hosts) and (
        # No page of any origin has business with the controls.
        not origin or (not is_control and access.is_local_origin(origin, host))
    )
    if not allowed:
        return 403
    return 204 if exchange.method == "OPTIONS" else None


async def _refuse_protocol(scope: Message, receive: Receive, send: Send) -> None:
    """Answer the life cycle, which has nothing to do; refuse anything that is not HTTP."""
    if scope["type"] != "lifespan":
        await send({"type": "websocket.close", "code": 1000})
        return
    while True:
        event: Any = await receive()
        await send({"type": event["type"] + ".complete"})
        if event["type"] == "lifespan.shutdown":
            return
