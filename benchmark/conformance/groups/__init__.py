"""The checks, a file for each group; a check is a function whose docstring is the expectation."""

from collections.abc import Sequence

from benchmark.conformance.check import Group

from . import (
    batch,
    blocks,
    cancelling,
    concurrent,
    framing,
    introduction,
    judgement,
    leaving,
    rate,
    requests,
    scenarios,
    standard,
    streaming,
    timing,
    warm_up,
)

ALL_GROUPS: Sequence[Group] = (
    introduction.GROUP,
    framing.GROUP,
    requests.GROUP,
    blocks.GROUP,
    standard.GROUP,
    batch.GROUP,
    concurrent.GROUP,
    streaming.GROUP,
    rate.GROUP,
    warm_up.GROUP,
    timing.GROUP,
    judgement.GROUP,
    cancelling.GROUP,
    scenarios.GROUP,
    leaving.GROUP,
)
"""All groups but `conduct`, which looks back on the others and therefore always comes last."""

__all__ = ["ALL_GROUPS"]
