"""Start the .NET backend: `python -m backend_dotnet_shim`."""

import sys

from benchmark.app import run_backend

from .app import DEFAULT_PORT, SERVICE, create_app
from .dotnet_sdk import end_builds

if __name__ == "__main__":
    status = run_backend(SERVICE, create_app, port=DEFAULT_PORT)
    end_builds()
    sys.exit(status)
