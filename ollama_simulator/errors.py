"""What can go wrong in the simulator.

SimulatorError
├── InvalidSetting   a flag, variable or control value that makes no sense
├── ClientGone       the client closed its connection
├── ReplyEnded       a fault ended the reply early
└── ApiError         a refusal with the status and text that Ollama gives
"""

__all__ = ["ApiError", "ClientGone", "InvalidSetting", "ReplyEnded", "SimulatorError"]


class SimulatorError(Exception):
    """Root of this package's errors."""


class InvalidSetting(SimulatorError, ValueError):
    """A setting whose value makes no sense."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(f"{name} {rule}")
        self.name = name
        self.rule = rule


class ClientGone(SimulatorError):
    """The client closed its connection before the reply was complete."""


class ReplyEnded(SimulatorError):
    """A fault ended the reply before its handler was through."""


class ApiError(SimulatorError):
    """A refusal in Ollama's words."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
