"""Figures per group of rows (super-block, window, launch), without a Python loop over them."""

from dataclasses import dataclass

import numpy as np

from .observations import Floats, Integers


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Rows put together by key: `keys` ascending (g,), `order` the rows (n,), `starts` into it."""

    keys: Integers
    order: Integers
    starts: Integers

    @classmethod
    def by(cls, keys: Integers) -> "Groups":
        """Group rows by an integer each."""
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        first = np.ones(len(ordered), dtype=np.bool_)
        first[1:] = ordered[1:] != ordered[:-1]
        starts = np.flatnonzero(first)
        return cls(ordered[starts], order, starts)

    @property
    def counts(self) -> Integers:
        """Return the rows per group (g,)."""
        return np.diff(np.append(self.starts, len(self.order)))

    def sums(self, values: Floats) -> Floats:
        """Return the sum per group (g,)."""
        return self._reduced(np.add, values)

    def means(self, values: Floats) -> Floats:
        """Return the mean per group (g,)."""
        return self.sums(values) / self.counts

    def minima(self, values: Floats) -> Floats:
        """Return the least value per group (g,)."""
        return self._reduced(np.minimum, values)

    def maxima(self, values: Floats) -> Floats:
        """Return the greatest value per group (g,)."""
        return self._reduced(np.maximum, values)

    def medians(self, values: Floats) -> Floats:
        """Return the median per group (g,): the mean of the two middle ones for even counts."""
        n = len(values)
        ascending = np.argsort(values)
        place = np.empty(n, dtype=np.int64)
        place[ascending] = np.arange(n)
        group = np.repeat(np.arange(len(self.starts)), self.counts)
        # One sort of integers by (group, place) is several times faster than a sort by two keys.
        ordered = np.sort(group * n + place[self.order])
        grouped = values[ascending[ordered % n]] if n else values
        low = self.starts + (self.counts - 1) // 2
        high = self.starts + self.counts // 2
        middle: Floats = (grouped[low] + grouped[high]) / 2
        return middle

    def split(self, values: Floats) -> list[Floats]:
        """Return the values of each group, in the order of the rows."""
        return np.split(values[self.order], self.starts[1:]) if len(self.starts) else []

    def _reduced(self, operation: np.ufunc, values: Floats) -> Floats:
        if not len(self.starts):
            return np.empty(0)
        reduced: Floats = operation.reduceat(values[self.order], self.starts)
        return reduced
