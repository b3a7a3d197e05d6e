"""Errors of the orchestrator, each with the exit code it ends the command with.

OrchestratorError             1
├── DiagramError              a mistake in the diagram
│   ├── DuplicateResource
│   ├── UnknownResource
│   └── DependencyCycle
├── ModelServerError          no usable model server under the given options
├── PortInUse                 somebody else listens on a port that we need
├── DataDirectoryError        the data directory cannot be used
├── SpawnFailed               a child could not be started at all
├── StopFailed                a running stack did not stop
├── UsageError            2   an option has a value that cannot be used
├── ServicesUnreachable   4   no backend answers where one is needed
├── SettingError         78   an environment variable is malformed
└── AlreadyRunning       75   another stack uses the data directory
"""

# The same numbers as design.md and service_defaults.errors, which would import pydantic.
EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INVALID = 3
EXIT_RUN_FAILED = 4
EXIT_ALREADY_RUNNING = 75
EXIT_CONFIGURATION = 78
EXIT_INTERRUPTED = 130


class OrchestratorError(Exception):
    """The root; the text is one plain sentence for people."""

    exit_code = EXIT_FAILED


class DiagramError(OrchestratorError):
    """The diagram contradicts itself."""


class DuplicateResource(DiagramError):
    """Two resources have one name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the resource {name} is declared twice")


class UnknownResource(DiagramError):
    """A resource refers to one that is not declared."""

    def __init__(self, resource: str, missing: str) -> None:
        super().__init__(f"{resource} refers to {missing}, which is not declared")


class DependencyCycle(DiagramError):
    """Resources wait for each other in a circle."""

    def __init__(self, names: list[str]) -> None:
        super().__init__("resources wait for each other: " + " → ".join(names))
        self.names = names


class ModelServerError(OrchestratorError):
    """No model server can be used as asked."""


class PortInUse(OrchestratorError):
    """Another process listens on the port."""

    def __init__(self, *, resource: str, port: int, owner: str | None) -> None:
        by = f" by {owner}" if owner else ""
        super().__init__(
            f"port {port} for {resource} is already in use{by}; "
            "stop that process, or choose other ports with --port-… or --isolated"
        )
        self.port = port
        self.owner = owner


class DataDirectoryError(OrchestratorError):
    """The data directory cannot be created or written."""


class SpawnFailed(OrchestratorError):
    """The operating system refused to start a child."""


class StopFailed(OrchestratorError):
    """A running stack is still there after the deadline."""


class UsageError(OrchestratorError):
    """What was asked for makes no sense; nothing was started."""

    exit_code = EXIT_USAGE


class ServicesUnreachable(OrchestratorError):
    """A service that must run does not answer."""

    exit_code = EXIT_RUN_FAILED


class SettingError(OrchestratorError):
    """An environment variable is malformed."""

    exit_code = EXIT_CONFIGURATION


class AlreadyRunning(OrchestratorError):
    """Another stack holds the lock of the data directory."""

    exit_code = EXIT_ALREADY_RUNNING

    def __init__(self, *, pid: int | None, dashboard_url: str | None) -> None:
        where = f" (pid {pid})" if pid else ""
        url = f": {dashboard_url}" if dashboard_url else ""
        super().__init__(f"a stack is already running{where}{url}")
        self.pid = pid
        self.dashboard_url = dashboard_url
