"""The web service: REST routes, pages and the collector behind them, as one application."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from fastapi import FastAPI
from nicegui import core, ui
from nicegui.storage import Storage

from service_defaults.security import allowed_origins
from service_defaults.service import create_service

from . import pages, theme
from .api import ComparisonApi, api_router, refuse_unknown
from .clients import Deps
from .feed import Feed
from .settings import WebSettings, listening_port, storage_secret

RECONNECT_S = 30.0
"""A sleeping laptop or a hidden tab comes back to the same page within this time."""

COOKIE_AGE_S = 365 * 24 * 3600
"""How long a browser keeps its theme."""


class _WithoutSockets(logging.Filter):
    """Keeps the addresses of page sockets out of the log: they carry the page's access token."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = str(record.msg)
        return '"WebSocket ' not in message and not message.startswith("connection ")


def create_app(settings: WebSettings, deps: Deps) -> FastAPI:
    """Return the service; `deps` is everything outside that it talks to."""
    feed = Feed(deps)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(feed.collect)
            group.start_soon(feed.comparisons.serve)
            yield
            group.cancel_scope.cancel()
        await deps.aclose()

    # The documentation pages of FastAPI load scripts from elsewhere, which our policy forbids.
    app = create_service("web", settings, lifespan=lifespan)
    app.include_router(api_router(deps))
    app.include_router(ComparisonApi(deps, feed.comparisons).router())
    refuse_unknown(app)
    theme.install()
    pages.register(feed)
    _mount_pages(app, settings)
    return app


def _mount_pages(app: FastAPI, settings: WebSettings) -> None:
    logging.getLogger("uvicorn.error").addFilter(_WithoutSockets())
    secret = storage_secret(settings.data_dir)
    # NiceGUI has no argument for it, and its default is the working directory.
    Storage.path = settings.data_dir / "web"
    # NiceGUI lets every origin open its socket; this knob has no argument either.
    core.sio.eio.cors_allowed_origins = allowed_origins(
        settings.allowed_hosts, listening_port(settings)
    )
    ui.run_with(
        app,
        mount_path="/",
        title=theme.PRODUCT,
        favicon=theme.FAVICON,
        dark=None,
        language="en-US",
        binding_refresh_interval=None,
        reconnect_timeout=RECONNECT_S,
        tailwind=False,
        storage_secret=secret,
        session_middleware_kwargs={"same_site": "strict", "max_age": COOKIE_AGE_S},
        show_welcome_message=False,
    )
