"""A FastAPI application with everything that all services share, and the way to run it."""

import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from .errors import EXIT_CONFIGURATION, ConfigurationError, EndpointInvalid
from .health import Readiness, always_ready, health_router
from .logs import configure_logging
from .parent import die_with_parent
from .problems import PROBLEM_TYPE, install_problem_handlers, problem_response
from .security import install_security, with_security_headers
from .serve import Hook, serve
from .settings import ServiceSettings
from .telemetry import configure_telemetry, server_telemetry

MAX_BODY_BYTES = 1024 * 1024

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


class Service(FastAPI):
    """An application whose every reply carries the security headers, refusals and 500 included.

    Middleware would be too late: the framework's own 413 and 500 come from outside of it.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        guarded = with_security_headers(scope, send)
        if _declared_length(scope) > MAX_BODY_BYTES:
            refusal = problem_response(413, "The body is too large")
            await refusal(scope, receive, guarded)
        else:
            await super().__call__(scope, receive, guarded)

    def openapi(self) -> dict[str, Any]:
        """Return the document, with refusals under the content type that they really have."""
        document = super().openapi()
        for path in document["paths"].values():
            for operation in path.values():
                for response in operation["responses"].values():
                    content = response.get("content", {})
                    if PROBLEM_TYPE in content and "application/json" in content:
                        content[PROBLEM_TYPE] = content.pop("application/json")
        return document


def create_service(
    name: str,
    settings: ServiceSettings,
    *,
    readiness: Readiness = always_ready,
    lifespan: Lifespan | None = None,
    **options: Any,
) -> FastAPI:
    """Return an application with limits, security, problem+json, health and telemetry."""
    app = Service(
        title=f"perfcompare {name}",
        lifespan=lifespan,
        max_body_size=MAX_BODY_BYTES,
        telemetry=server_telemetry(),
        # The interactive pages load their code from other hosts, which our policy forbids.
        docs_url=None,
        redoc_url=None,
        **options,
    )
    install_problem_handlers(app)
    install_security(app, settings)
    app.include_router(health_router(name, readiness))
    return app


def run_service(
    name: str,
    settings_class: type[SettingsT],
    build: Callable[[SettingsT], FastAPI],
    *,
    default_port: int,
    websockets: bool = False,
    before_shutdown: Callable[[FastAPI], Hook] | None = None,
) -> int:
    """Read the settings, build the service and serve it until a signal; returns the exit code.

    78 means that the configuration is wrong and a restart would fail the same way.
    """
    configure_logging(name)
    try:
        settings = settings_class.load()
    except ConfigurationError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return EXIT_CONFIGURATION
    if settings.listen_fd is not None:
        # The socket came from a launcher; without it this service would serve nobody's user.
        die_with_parent()
    shut_down_telemetry = configure_telemetry(name)
    try:
        app = build(settings)
        return serve(
            app,
            host=settings.bind,
            port=settings.port or default_port,
            listen_fd=settings.listen_fd,
            websockets=websockets,
            before_shutdown=before_shutdown(app) if before_shutdown else None,
        )
    except (ConfigurationError, EndpointInvalid) as error:
        sys.stderr.write(f"{name}: {error}\n")
        return EXIT_CONFIGURATION
    finally:
        shut_down_telemetry()


def _declared_length(scope: Scope) -> int:
    if scope["type"] == "http":
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit():
                return int(value[:20])
    return 0
