"""A FastAPI application with everything that all services share, and the way to run it."""

import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from fastapi import FastAPI

from .errors import EXIT_CONFIGURATION, ConfigurationError
from .health import Readiness, always_ready, health_router
from .logs import configure_logging
from .parent import die_with_parent
from .problems import install_problem_handlers
from .security import install_security
from .serve import Hook, serve
from .settings import ServiceSettings
from .telemetry import configure_telemetry, server_telemetry

MAX_BODY_BYTES = 64 * 1024

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


def create_service(
    name: str,
    settings: ServiceSettings,
    *,
    readiness: Readiness = always_ready,
    lifespan: Lifespan | None = None,
    **options: Any,
) -> FastAPI:
    """Return an application with limits, security, problem+json, health and telemetry."""
    app = FastAPI(
        title=f"perfcompare {name}",
        lifespan=lifespan,
        max_body_size=MAX_BODY_BYTES,
        telemetry=server_telemetry(),
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
    app = build(settings)
    try:
        return serve(
            app,
            host=settings.bind,
            port=settings.port or default_port,
            listen_fd=settings.listen_fd,
            websockets=websockets,
            before_shutdown=before_shutdown(app) if before_shutdown else None,
        )
    finally:
        shut_down_telemetry()
