"""What can go wrong between us and a backend, and in a comparison.

BackendError                 carries the backend's name, the problem and a `kind` for counters
├── BackendUnreachable       no connection, or it broke, or the reply did not come in time
├── BackendRefused           the backend answered with a problem
└── BackendReplyInvalid      the reply is not what the contract says
SideFailed                   a side's run ended before its time
PromptsInvalid               a prompt file cannot be read, with the line
"""

from service_defaults.errors import PerfcompareError
from shared_models import Problem


class BackendError(PerfcompareError):
    """One backend could not do what was asked; `problem` says why, in the wire's words."""

    kind = "backend-failed"

    def __init__(self, backend: str, problem: Problem) -> None:
        super().__init__(sentence(problem))
        self.cause = str(self)
        self.backend = backend
        self.problem = problem


class BackendUnreachable(BackendError):
    """The backend did not answer."""

    kind = "backend-unreachable"

    def __init__(self, backend: str, reason: str) -> None:
        super().__init__(backend, Problem(title=f"{backend} {reason}", status=502))


class BackendRefused(BackendError):
    """The backend answered with a problem."""

    kind = "backend-refused"


class BackendReplyInvalid(BackendError):
    """The backend answered with something that the contract does not know."""

    kind = "backend-reply"

    def __init__(self, backend: str) -> None:
        title = f"{backend} sent a reply that this service does not understand"
        super().__init__(backend, Problem(title=title, status=502))


class SideFailed(PerfcompareError):
    """A side's run failed, or was ended by somebody else; `kind` is the run's own."""

    def __init__(self, label: str, cause: str, *, kind: str | None) -> None:
        super().__init__(f"{label}: {cause}")
        self.cause = cause
        self.kind = kind or "run-failed"


class PromptsInvalid(PerfcompareError):
    """A prompt file is not what it should be; `line` counts from 1."""

    def __init__(self, reason: str, *, line: int | None = None) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.line = line


def sentence(problem: Problem) -> str:
    """Return the problem as one line for people: its detail or title, and the refused fields."""
    text = problem.detail or problem.title
    unsaid = [entry for entry in problem.errors or () if entry.message not in text]
    fields = "; ".join(f"{entry.field}: {entry.message}" for entry in unsaid)
    return f"{text} ({fields})" if fields else text
