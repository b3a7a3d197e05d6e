"""Tail percentiles with super-blocks, not calls, resampled (statistics 4.5).

Calls of one super-block are alike, so resampling single calls makes intervals too narrow. From
20 clusters on this is about right; with fewer it is not, and `pooled` is shown instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .figures import Estimated, Interval
from .observations import Floats, Integers, SideObservations

MIN_CLUSTERS = 20
MAX_CLUSTERS = 100
"""Above this, neighbouring super-blocks are taken together; wider blocks only guard more."""
GRID = 128
REACH = 6.0
"""Standard errors around the quantile's rank in which the grid looks for a resample's quantile."""
MAX_RESAMPLES = 2_000
"""These intervals describe and decide nothing; their ends are the 50th resamples from outside."""


@dataclass(frozen=True, slots=True, eq=False)
class Clustered:
    """One side's latencies in ascending order and the cluster of each; both (n,)."""

    values: Floats
    cluster: Integers


def clustered(
    baseline: SideObservations, candidate: SideObservations
) -> tuple[Clustered, Clustered, int] | None:
    """Return both sides' calls by the super-blocks that they share, and how many those are.

    None with fewer than 20.
    """
    width = 1 + max(int(side.super_block.max(initial=0)) for side in (baseline, candidate))
    codes = [
        side.launch[side.counted].astype(np.int64) * width + side.super_block[side.counted]
        for side in (baseline, candidate)
    ]
    shared = np.intersect1d(codes[0], codes[1])
    if len(shared) < MIN_CLUSTERS:
        return None
    count = min(len(shared), MAX_CLUSTERS)
    found = [
        _clustered(side.latency_s[side.counted], own, shared, count)
        for side, own in zip((baseline, candidate), codes, strict=True)
    ]
    return found[0], found[1], count


def _clustered(values: Floats, codes: Integers, shared: Integers, count: int) -> Clustered:
    place = np.minimum(np.searchsorted(shared, codes), len(shared) - 1)
    kept = shared[place] == codes
    values, cluster = values[kept], place[kept] * count // len(shared)
    order = np.argsort(values, kind="stable")
    return Clustered(values[order], cluster[order])


def percentile_ratios(
    baseline: Clustered,
    candidate: Clustered,
    count: int,
    quantiles: Mapping[str, float],
    *,
    resamples: int,
    seed: int,
) -> dict[str, Estimated]:
    """Return candidate / baseline of the pooled quantiles with cluster bootstrap intervals.

    Both sides of a super-block are drawn together, as they were measured.
    """
    random = np.random.default_rng(seed)
    grids = {
        name: (_Grid.around(candidate, q, count), _Grid.around(baseline, q, count))
        for name, q in quantiles.items()
    }
    weights = random.multinomial(count, np.full(count, 1 / count), resamples).astype(np.float64)
    return {
        name: _estimated(
            candidate.values,
            baseline.values,
            quantiles[name],
            above.quantiles(weights) / below.quantiles(weights),
        )
        for name, (above, below) in grids.items()
    }


def _estimated(above: Floats, below: Floats, q: float, ratios: Floats) -> Estimated:
    low, high = np.quantile(ratios, [0.025, 0.975])
    return Estimated(
        value=float(np.quantile(above, q) / np.quantile(below, q)),
        interval=Interval(low=float(low), high=float(high), confidence=0.95),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """How many values of each cluster lie at or below each threshold, around one quantile.

    A resample is a weight per cluster, so its distribution function at the thresholds is one
    product of matrices, and its quantile the place where that reaches q, interpolated.
    """

    q: float
    thresholds: Floats  # (g,)
    counts: Floats  # (clusters, g)
    sizes: Floats  # (clusters,)

    @classmethod
    def around(cls, side: Clustered, q: float, count: int) -> "_Grid":
        n = len(side.values)
        sizes = np.bincount(side.cluster, minlength=count).astype(np.float64)
        below = np.bincount(side.cluster[: int(q * n) + 1], minlength=count)
        error = float(np.sqrt((((below - q * sizes) / n) ** 2).sum()))
        low, high = np.clip([q - REACH * error, q + REACH * error], 0, 1) * (n - 1)
        ranks = np.unique(np.linspace(np.floor(low), np.ceil(high), GRID).astype(np.int64))
        thresholds = np.unique(side.values[ranks])
        # Everything up to the first threshold is in column 0; the last column is beyond the grid.
        column = np.searchsorted(thresholds, side.values, side="left")
        width = len(thresholds) + 1
        table = np.bincount(side.cluster * width + column, minlength=count * width)
        counts = table.reshape(count, width)[:, :-1].cumsum(axis=1).astype(np.float64)
        return cls(q, thresholds, counts, sizes)

    def quantiles(self, weights: Floats) -> Floats:
        """Return the quantile of each resample; weights are (resamples, clusters)."""
        reached = weights @ self.counts
        wanted = self.q * (weights @ self.sizes - 1) + 1
        last = len(self.thresholds) - 1
        upper = np.minimum((reached < wanted[:, None]).sum(axis=1), last)
        lower = np.maximum(upper - 1, 0)
        rows = np.arange(len(weights))
        from_, to = reached[rows, lower], reached[rows, upper]
        share = np.ones(len(weights))
        np.divide(wanted - from_, to - from_, out=share, where=to > from_)
        share = share.clip(0, 1)
        found: Floats = self.thresholds[lower] + share * (
            self.thresholds[upper] - self.thresholds[lower]
        )
        return found
