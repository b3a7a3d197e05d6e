"""Which calls were good enough, and how many of those that were attempted (statistics 4.14)."""

import numpy as np

from .failures import wilson_interval
from .figures import Estimated
from .observations import Booleans, SideObservations, Slos
from .streaming import inter_token_s


def good_calls(side: SideObservations, slos: Slos) -> Booleans:
    """Return which calls succeeded and met every objective; (n,).

    A comparison with NaN is false, so an unknown figure meets no objective.
    """
    good = side.ok
    if slos.latency_s is not None:
        good = good & (side.latency_s <= slos.latency_s)
    if slos.first_token_s is not None:
        first = side.first_token_s
        good = good & (np.False_ if first is None else first <= slos.first_token_s)
    if slos.inter_token_s is not None:
        good = good & (inter_token_s(side) <= slos.inter_token_s)
    return good


def good_share(side: SideObservations, slos: Slos) -> Estimated | None:
    """Return good / attempted with Wilson's interval; failed and dropped calls were attempted."""
    attempted = side.success_count + side.failure_count
    if not attempted:
        return None
    good = int(good_calls(side, slos).sum())
    return Estimated(value=good / attempted, interval=wilson_interval(good, attempted))
