"""Why a check does not pass.

ConformanceError
├── Breach        the agent did something else than what is expected; the text says what
└── Unjudgeable   an earlier breach stands in the way: a malformed sample, a failed introduction
"""

from benchmark.errors import AgentUnavailable
from service_defaults.errors import PerfcompareError

__all__ = ["AgentUnavailable", "Breach", "ConformanceError", "Unjudgeable"]


class ConformanceError(PerfcompareError):
    """The root; the text is what came, in one sentence."""


class Breach(ConformanceError):
    """The check has failed."""


class Unjudgeable(ConformanceError):
    """The check could not be made; the breach behind it is reported by another check."""
