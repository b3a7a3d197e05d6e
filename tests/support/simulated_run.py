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
        columns = (launch, block, segment % 2, window)
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
            position=columns[2],
            window=columns[3],
            start_s=start[own],
            latency_s=latency[own],
            ok=np.ones(int(own.sum()), dtype=np.bool_),
            launch_position=tuple((launch + number) % 2 for launch in range(self.launches)),
        )
