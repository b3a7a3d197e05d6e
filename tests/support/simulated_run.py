"""Interleaved runs with a known truth: lognormal calls, drifting machine, launches that differ."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comparison.statistics import SideObservations

MEDIAN_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedRun:
    """Two sides, A-B-B-A and B-A-A-B in turn, launched first in turn.

    `sigma` is the standard deviation of the logs of calls, `launch_sigma` that of a launch's own
    factor, `drift` the growth of all times from the first call to the last.
    """

    launches: int = 6
    super_blocks: int = 10
    calls: int = 5
    ratio: float = 1.0
    sigma: float = 0.15
    launch_sigma: float = 0.02
    drift: float = 0.10
    seed: int = 1

    def sides(self) -> list[SideObservations]:
        """Return the baseline and the candidate, which takes `ratio` times as long."""
        shape = (self.launches, self.super_blocks, 4, self.calls)
        random = np.random.default_rng(self.seed)
        n = int(np.prod(shape))
        launch, block, segment, _ = (index.ravel() for index in np.indices(shape))
        # Segments 0..3 of a super-block are A-B-B-A, in every other one B-A-A-B.
        side = np.isin(segment, (1, 2)) ^ (block % 2 == 1)
        effects = random.normal(0, self.launch_sigma, (2, self.launches))[side.astype(int), launch]
        trend = np.log1p(self.drift * np.arange(n) / n)
        latency = MEDIAN_S * np.exp(random.normal(0, self.sigma, n) + effects + trend)
        latency = np.where(side, latency * self.ratio, latency)
        start = np.cumsum(latency) - latency
        window = (launch * self.super_blocks + block) * 2 + segment // 2
        columns = (launch, block, window)
        return [
            self._side(number, [column[side == number] for column in columns], start, latency, side)
            for number in (0, 1)
        ]

    def _side(
        self,
        number: int,
        columns: Sequence[NDArray[np.intp]],
        start: NDArray[np.float64],
        latency: NDArray[np.float64],
        side: NDArray[np.bool_],
    ) -> SideObservations:
        own = side == number
        return SideObservations(
            label="AB"[number],
            launch=columns[0],
            super_block=columns[1],
            window=columns[2],
            start_s=start[own],
            latency_s=latency[own],
            ok=np.ones(int(own.sum()), dtype=np.bool_),
            launch_position=tuple((launch + number) % 2 for launch in range(self.launches)),
        )


def simulated_log_ratios(
    run: SimulatedRun, *, trials: int, outliers: float = 0.0, correlation: float = 0.0
) -> NDArray[np.float64]:
    """Return d of many such runs at once, without their calls; (trials, launches, super-blocks).

    `outliers` is the share of calls that take several times as long; `correlation` is that of
    neighbouring calls within a launch, AR(1).
    """
    random = np.random.default_rng(run.seed)
    segments = (trials, run.launches, run.super_blocks, 4, run.calls)
    logs = _autocorrelated(random, segments, correlation) * run.sigma
    logs += np.where(random.random(segments) < outliers, random.exponential(1.0, segments), 0.0)
    n = int(np.prod(segments[1:]))
    logs += np.log1p(run.drift * np.arange(n) / n).reshape(segments[1:])
    # Odd super-blocks are B-A-A-B: put every one into the order A-B-B-A.
    logs[:, :, 1::2] = logs[:, :, 1::2, [1, 0, 3, 2]]
    both = (*segments[:3], 2 * run.calls)
    baseline = np.median(logs[:, :, :, [0, 3]].reshape(both), axis=-1)
    candidate = np.median(logs[:, :, :, [1, 2]].reshape(both), axis=-1)
    effects = random.normal(0, run.launch_sigma, (2, trials, run.launches, 1))
    ratios: NDArray[np.float64] = candidate - baseline + effects[1] - effects[0] + np.log(run.ratio)
    return ratios


def _autocorrelated(
    random: np.random.Generator, shape: tuple[int, ...], correlation: float
) -> NDArray[np.float64]:
    noise: NDArray[np.float64] = random.normal(0, 1, shape)
    if not correlation:
        return noise
    series = noise.reshape(*shape[:2], -1)
    fresh = np.sqrt(1 - correlation**2)
    for call in range(1, series.shape[-1]):
        series[..., call] = correlation * series[..., call - 1] + fresh * series[..., call]
    return series.reshape(shape)
