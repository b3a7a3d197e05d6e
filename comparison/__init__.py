"""Comparing backends: typed clients, the parallel schedule and the observed difference.

Imports no user interface, so that the web service and the command line share it.
"""

from .backends import BackendClient, BackendEvent
from .errors import BackendError, BackendRefused, BackendReplyInvalid, BackendUnreachable
from .following import follow
from .observed import compared_side, observed
from .parallel import run_parallel
from .probing import probe_backend

__all__ = [
    "BackendClient",
    "BackendError",
    "BackendEvent",
    "BackendRefused",
    "BackendReplyInvalid",
    "BackendUnreachable",
    "compared_side",
    "follow",
    "observed",
    "probe_backend",
    "run_parallel",
]
