"""What can go wrong between us and a backend.

BackendError
├── BackendUnreachable   no connection, or it broke, or the reply did not come in time
├── BackendRefused       the backend answered with a problem
└── BackendReplyInvalid  the reply is not what the contract says
"""

from service_defaults.errors import PerfcompareError
from shared_models import Problem


class BackendError(PerfcompareError):
    """One backend could not do what was asked; `problem` says why, in the wire's words."""

    def __init__(self, backend: str, problem: Problem) -> None:
        super().__init__(sentence(problem))
        self.backend = backend
        self.problem = problem


class BackendUnreachable(BackendError):
    """The backend did not answer."""

    def __init__(self, backend: str, reason: str) -> None:
        super().__init__(backend, Problem(title=f"{backend} {reason}", status=502))


class BackendRefused(BackendError):
    """The backend answered with a problem."""


class BackendReplyInvalid(BackendError):
    """The backend answered with something that the contract does not know."""

    def __init__(self, backend: str) -> None:
        title = f"{backend} sent a reply that this service does not understand"
        super().__init__(backend, Problem(title=title, status=502))


def sentence(problem: Problem) -> str:
    """Return the problem as one line for people: its detail or title, and the refused fields."""
    fields = "; ".join(f"{entry.field}: {entry.message}" for entry in problem.errors or ())
    text = problem.detail or problem.title
    return f"{text} ({fields})" if fields and fields not in text else text
