"""The web service's pages and routes over fake backends, in this process and on real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Response
from nicegui import ElementFilter, ui
from nicegui.testing.user import User
from nicegui.testing.user_simulation import user_simulation

from comparison import BackendClient
from service_defaults.endpoints import EndpointPolicy
from tests.support.app_transport import AppTransport
from tests.support.fake_backend import DOTNET, FakeBackend

DEADLINE_S = 10.0
OLLAMA = "http://127.0.0.1:11434"
LABELS = {"python-backend": "Python", "dotnet-backend": ".NET"}


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so, with a deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - nothing would set an event for it
            await asyncio.sleep(0.01)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to pytest."""
        yield


@asynccontextmanager
async def serving(
    app: Any, *, websockets: bool = False, listener: socket.socket | None = None
) -> AsyncIterator[str]:
    """Serve `app` on `listener`, else on a free port of this machine; yields its address."""
    listener = listener or socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
        lifespan="on" if websockets else "off",
        ws="websockets-sansio" if websockets else "none",
    )
    server = _Server(config)
    with listener:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(server.serve(sockets=[listener]))
            try:
                await until(lambda: server.started or task.done())
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True
                # Waited for here, so that a failing test ends its server in good order too.
                await asyncio.wait([task])
                # Transports close in the loop's next turns, which must still come.
                await asyncio.sleep(0.01)


@dataclass(slots=True, kw_only=True)
class FakeOllama:
    """A model server that is only probed and asked for its models."""

    simulated: bool = False
    models: tuple[str, ...] = ("ministral-3:latest", "llama3.2:3b")

    def app(self) -> FastAPI:
        """Return the server as an application."""
        app = FastAPI()

        @app.get("/api/version")
        async def version(response: Response) -> dict[str, str]:
            if self.simulated:
                response.headers["x-perfcompare-simulator"] = "1"
            return {"version": "0.9"}

        @app.get("/api/tags")
        async def tags() -> dict[str, list[dict[str, str]]]:
            return {"models": [{"name": name} for name in self.models]}

        return app


def both() -> tuple[FakeBackend, FakeBackend]:
    """Return the two backends in the order of the sides, whose calls take 30 and 20 ms."""
    return (
        FakeBackend(median_ms=30.0, latency_ms=30.0, noise=0.0),
        FakeBackend(
            name="dotnet-backend", identity=DOTNET, median_ms=20.0, latency_ms=20.0, noise=0.0
        ),
    )


@asynccontextmanager
async def connected(*backends: FakeBackend, ollama: FakeOllama | None = None) -> AsyncIterator[Any]:
    """Yield Deps that reach the fakes without a socket."""
    from ui.clients import Deps, OllamaClient

    apps: dict[str, Any] = {b.name: b.app() for b in backends}
    # Models are asked for at the address that was checked, so the model server has two names.
    apps["ollama"] = apps["127.0.0.1"] = (ollama or FakeOllama()).app()
    async with asyncio.TaskGroup() as group:
        http = httpx.AsyncClient(transport=AppTransport(apps, group))
        async with http:
            policy = EndpointPolicy()
            clients = [BackendClient(b.name, label=LABELS[b.name], http=http) for b in backends]
            yield Deps(
                backends=tuple(clients),
                ollama=OllamaClient(http, url=OLLAMA, policy=policy),
                policy=policy,
                addresses={"ollama": OLLAMA},
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A simulated user before the pages, and the feed behind them."""

    user: User
    feed: Any

    def text(self, marker: str) -> str:
        """Return the text of the element with this mark."""
        return str(self.element(marker).text)

    def element(self, marker: str) -> Any:
        """Return the element with this mark, shown or not."""
        with self.user:
            (element,) = ElementFilter(marker=marker)
        return element

    def visible(self, marker: str) -> bool:
        """Return whether the element with this mark is shown, itself and all around it."""
        element = self.element(marker)
        return element.visible and all(around.visible for around in element.ancestors())

    def items(self) -> dict[str, ui.menu_item]:
        """Return the entries of the page's menus by their text."""
        with self.user:
            entries = list(ElementFilter(kind=ui.menu_item))
        return {
            str(getattr(part, "text", "")): entry
            for entry in entries
            for part in entry.descendants()
        }


@asynccontextmanager
async def stage(*backends: FakeBackend, ollama: FakeOllama | None = None) -> AsyncIterator[Stage]:
    """Put the pages before a simulated user; the states have been collected once."""
    async with (
        user_simulation() as user,
        connected(*(backends or both()), ollama=ollama) as deps,
    ):
        from ui import pages, theme
        from ui.feed import Feed

        feed = Feed(deps)
        theme.install()
        pages.register(feed)
        await feed.refresh()
        async with asyncio.TaskGroup() as group:
            serving_comparisons = group.create_task(feed.comparisons.serve())
            yield Stage(user=user, feed=feed)
            serving_comparisons.cancel()
