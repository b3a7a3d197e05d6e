"""Quantiles of one run, without numpy: an idle backend should not carry its 30 MB."""

import math
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from typing import overload

NS_PER_MS = 1e6
CHUNK = 16_384
"""Sorted in one go, which keeps every other thread waiting: about 3 ms."""


class Ranked(Sequence[int]):
    """The values of a column in ascending order, by rank.

    A million values take half a second to sort, and Python sorts without a pause: a service would
    answer nobody meanwhile. So only chunks are sorted, and a rank is looked up by bisection over
    the values, in all chunks at once.
    """

    def __init__(self, values: "array[int]") -> None:
        """`values` are whole numbers; the column may grow meanwhile, what comes is left out."""
        self._chunks = [
            array("q", sorted(values[start : start + CHUNK]))
            for start in range(0, len(values), CHUNK)
        ]
        self._length = sum(len(chunk) for chunk in self._chunks)

    @property
    def mean(self) -> float | None:
        """The mean, None without a value."""
        return sum(sum(chunk) for chunk in self._chunks) / self._length if self._length else None

    def __len__(self) -> int:
        """Return the number of values."""
        return self._length

    @overload
    def __getitem__(self, rank: int) -> int: ...
    @overload
    def __getitem__(self, rank: slice) -> Sequence[int]: ...
    def __getitem__(self, rank: int | slice) -> int | Sequence[int]:
        """Return the value that `rank` others precede; raises IndexError past the ends."""
        if isinstance(rank, slice):
            return [self[place] for place in range(*rank.indices(self._length))]
        place = rank + self._length if rank < 0 else rank
        if not 0 <= place < self._length:
            raise IndexError(rank)
        if len(self._chunks) == 1:
            return self._chunks[0][place]
        lowest = min(chunk[0] for chunk in self._chunks)
        highest = max(chunk[-1] for chunk in self._chunks)
        while lowest < highest:
            middle = (lowest + highest) // 2
            if sum(bisect_right(chunk, middle) for chunk in self._chunks) > place:
                highest = middle
            else:
                lowest = middle + 1
        return lowest


def quantile(ordered: Sequence[float], q: float) -> float:
    """Return the q-quantile of ascending values by linear interpolation (numpy's `linear`, R7).

    Raises ValueError for an empty sequence or q outside 0..1.
    """
    if not ordered or not 0 <= q <= 1:
        raise ValueError("a quantile needs values and 0 ≤ q ≤ 1")
    position = (len(ordered) - 1) * q
    lower = math.floor(position)
    upper = min(lower + 1, len(ordered) - 1)
    return ordered[lower] + (ordered[upper] - ordered[lower]) * (position - lower)


def percentile_or_none(ordered: Sequence[float], q: float) -> float | None:
    """Return the q-quantile when at least 10 values lie beyond it (n ≥ 10 / (1 − q))."""
    if len(ordered) * (1 - q) < 10 - 1e-9:
        return None
    return quantile(ordered, q)


def median(ordered: Sequence[float]) -> float | None:
    """Return the median of ascending values, None without one."""
    return quantile(ordered, 0.5) if ordered else None


def milliseconds(value_ns: float | None) -> float | None:
    """Return nanoseconds as milliseconds; unknown stays unknown."""
    return None if value_ns is None else value_ns / NS_PER_MS
