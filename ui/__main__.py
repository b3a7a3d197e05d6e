"""`python -m ui`: serve the dashboard until a signal."""

import sys

from service_defaults.service import run_service

from .app import create_app
from .clients import connect
from .settings import DEFAULT_PORT, WebSettings


def main() -> int:
    """Read the settings, build the service and run it; returns the exit code."""
    return run_service(
        "web",
        WebSettings,
        lambda settings: create_app(settings, connect(settings)),
        default_port=DEFAULT_PORT,
        websockets=True,
    )


if __name__ == "__main__":
    sys.exit(main())
