"""Start the Python backend: `python -m backend_python`."""

import sys

from benchmark.app import run_backend

from .app import DEFAULT_PORT, SERVICE, create_app

if __name__ == "__main__":
    sys.exit(run_backend(SERVICE, create_app, port=DEFAULT_PORT))
