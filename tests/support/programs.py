"""Small services for tests that need a process: `python -m tests.support.programs NAME`."""

import sys

from fastapi import FastAPI

from service_defaults.service import create_service, run_service
from service_defaults.settings import ServiceSettings


def thing_service(settings: ServiceSettings) -> FastAPI:
    """Return a service with one route that works and one that fails."""
    app = create_service("thing", settings)

    @app.get("/thing")
    async def thing() -> dict[str, bool]:
        return {"done": True}

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("told to fail")

    return app


if __name__ == "__main__":
    sys.exit(run_service("thing", ServiceSettings, thing_service, default_port=0))
