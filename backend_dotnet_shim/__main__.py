"""Start the .NET backend: `python -m backend_dotnet_shim`."""

import sys

from benchmark.app import end_runs
from service_defaults.service import run_service
from service_defaults.settings import ServiceSettings

from .app import DEFAULT_PORT, SERVICE, create_app

if __name__ == "__main__":
    sys.exit(
        run_service(
            SERVICE,
            ServiceSettings,
            create_app,
            default_port=DEFAULT_PORT,
            before_shutdown=end_runs,
        )
    )
