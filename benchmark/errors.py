"""Why a run could not be done.

RunError                  carries the cause that the user reads, and a `kind` for counters
├── EndpointUnavailable   nothing usable answers at the endpoint
├── ModelNotFound         the server does not have the model
├── AgentUnavailable      no agent can be launched here
└── BridgeError           the agent process and we no longer understand each other
    ├── BridgeProtocol    it broke the protocol
    ├── BridgeTimeout     it was silent, or did not read, past the deadline
    ├── BridgeDied        it ended
    └── AgentRefused      it answered with a JSON-RPC error
"""

from service_defaults.errors import PerfcompareError


class RunError(PerfcompareError):
    """A run ends `Failed` with this text."""

    kind = "run-failed"


class EndpointUnavailable(RunError):
    """Nothing answers at the endpoint, or something that is no Ollama server."""

    kind = "connect"


class ModelNotFound(RunError):
    """The server answers and does not have the model."""

    kind = "model-not-found"


class AgentUnavailable(RunError):
    """No agent can be launched on this machine."""

    kind = "agent-unavailable"


class BridgeError(RunError):
    """The conversation with the agent process failed."""

    kind = "bridge-protocol"


class BridgeProtocol(BridgeError):
    """The agent wrote something that the protocol does not allow."""


class BridgeTimeout(BridgeError):
    """The agent was silent, or did not read its input, past the deadline."""


class BridgeDied(BridgeError):
    """The agent process ended without being asked to."""

    kind = "bridge-died"


class AgentRefused(BridgeError):
    """The agent answered a request with an error."""

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(f"the agent refused {method}: {message} ({code})")
        self.code = code
