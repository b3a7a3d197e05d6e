"""When the calls of an open loop are due, and waiting for a moment better than a sleep does."""

import asyncio
from collections.abc import Iterator
from itertools import accumulate, count, islice
from time import perf_counter_ns

from shared_models.agent_protocol import RunParams
from shared_models.arrivals import arrival_gap_s

SPIN_NS = 1_500_000
"""A sleep ends up to a millisecond late; the rest is spent in letting the other tasks go on."""


async def until(due_ns: int) -> None:
    """Return as soon as `perf_counter_ns()` has reached `due_ns`; other tasks run meanwhile."""
    ahead_ns = due_ns - perf_counter_ns()
    if ahead_ns > SPIN_NS:
        await asyncio.sleep((ahead_ns - SPIN_NS) / 1e9)
    while perf_counter_ns() < due_ns:  # noqa: ASYNC110 - the clock sets no event
        await asyncio.sleep(0)


def arrivals_ns(params: RunParams) -> Iterator[int]:
    """Yield when each call of an open loop is due, in ns after the block's start.

    The schedule is absolute: a late call does not move those after it. It ends with the block's
    number of arrivals or with its duration, whichever comes first.
    """
    due_s = _poisson_s(params) if params.arrivals == "poisson" else _constant_s(params)
    for arrival_s in islice(due_s, params.iterations):
        if params.duration_seconds is not None and arrival_s >= params.duration_seconds:
            return
        yield int(arrival_s * 1e9)


def _constant_s(params: RunParams) -> Iterator[float]:
    rate = _rate(params)
    return (arrival / rate for arrival in count())


def _poisson_s(params: RunParams) -> Iterator[float]:
    rate = _rate(params)
    gaps = (arrival_gap_s(params.arrival_seed, gap, rate_per_second=rate) for gap in count(1))
    return accumulate(gaps, initial=0.0)


def _rate(params: RunParams) -> float:
    if params.rate_per_second is None:
        raise ValueError("an open loop needs a rate")
    return params.rate_per_second
