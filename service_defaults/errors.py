"""Errors that the defaults raise.

PerfcompareError
├── ConfigurationError     the environment is wrong; exit 78, a restart would not help
├── EndpointError
│   ├── EndpointInvalid    not an http(s) origin
│   ├── EndpointForbidden  not on the allow-list
│   └── EndpointUnresolved the name has no address
└── ProblemError           answered as problem+json with its own status
"""

from shared_models import FieldProblem

EXIT_CONFIGURATION = 78


class PerfcompareError(Exception):
    """The root of our errors; the text is one plain sentence for people."""


class ConfigurationError(PerfcompareError):
    """A setting is unknown, malformed or contradicts another."""


class EndpointError(PerfcompareError):
    """A model endpoint cannot be used."""


class EndpointInvalid(EndpointError):
    """The text is not an http or https origin."""


class EndpointForbidden(EndpointError):
    """The origin is neither on loopback nor configured by the operator."""


class EndpointUnresolved(EndpointError):
    """The host name has no address."""


class ProblemError(PerfcompareError):
    """A refusal that the caller should see as problem+json."""

    def __init__(
        self, status: int, title: str, *, detail: str | None = None, field: str | None = None
    ) -> None:
        super().__init__(detail or title)
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = [FieldProblem(field=field, message=detail or title)] if field else None
