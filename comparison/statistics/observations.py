"""What the analysis is given: each side's calls as columns, and the design they were made under."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shared_models import Schedule
from shared_models.configuration import TestMode

Floats = NDArray[np.float64]
Integers = NDArray[np.integer]
Booleans = NDArray[np.bool_]
Metric = Literal["latency", "timeToFirstToken", "throughput", "goodput"]

MAX_LOOKS = 4

PRIMARY_METRICS: Mapping[TestMode, Metric] = {
    "standard": "latency",
    "batch": "latency",
    "concurrent": "latency",
    "streaming": "timeToFirstToken",
    "rate": "goodput",
}
"""The one metric per mode that is declared before the run and carries the verdict."""

SECONDARY_METRICS: Mapping[TestMode, tuple[Metric, ...]] = {
    "standard": (),
    "batch": ("throughput",),
    "concurrent": ("throughput",),
    "streaming": ("latency",),
    "rate": ("latency",),
}
"""What is estimated beside it, with p-values adjusted for their number."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SideObservations:
    """One side's attempted calls, one element a call in every column, in any order.

    Shapes: every array is (n,). Unknown figures of a single call are NaN; a column that is unknown
    as a whole is None. Only `ok` calls enter a latency figure.

    - `launch` counts the agent processes from 0, `super_block` those within the launch, alike on
      all sides: what has the same two numbers was measured side by side.
    - `window` numbers the segments, or in the load modes the windows, of this side over the whole
      run.
    - `start_s` counts from the start of the comparison, on one clock for all sides. In rate mode
      it is when the call was *due*, and `latency_s` counts from there, so that in every mode a
      call ends at `start_s + latency_s`. `lag_s` is actual − intended start.
    - `first_token_s` and `last_token_s` count from the start of the call as `latency_s` does.
      `eval_s` is the model server's own decoding time.
    - `after_switch` marks the first call after another side's; those are left out of every figure
      but the failures (they pay for cold caches, statistics of zero-latency targets only).
    - `failures` counts by kind everything attempted that did not succeed, dropped arrivals, which
      have no row, included. Calls cancelled by a person's stop are not attempts.
    - `launch_position[i]` is this side's place in the order in which launch i's agents were
      launched and warmed, from 0. Launches that it does not cover count as launched in the order
      of the sides.
    """

    label: str
    launch: Integers
    super_block: Integers
    window: Integers
    start_s: Floats
    latency_s: Floats
    ok: Booleans
    first_token_s: Floats | None = None
    last_token_s: Floats | None = None
    completion_tokens: Floats | None = None
    prompt_tokens: Floats | None = None
    eval_s: Floats | None = None
    transport_s: Floats | None = None
    model_s: Floats | None = None
    tool_s: Floats | None = None
    lag_s: Floats | None = None
    after_switch: Booleans | None = None
    failures: Mapping[str, int] = field(default_factory=dict)
    launch_position: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError for unequal columns, impossible latencies or too few failures."""
        n = self.latency_s.shape
        for name in self.__dataclass_fields__:
            column = getattr(self, name)
            if isinstance(column, np.ndarray) and column.shape != n:
                raise ValueError(f"{name} has the shape {column.shape}, latency_s {n}")
        latencies = self.latency_s[self.ok]
        if not (np.isfinite(latencies).all() and (latencies > 0).all()):
            raise ValueError("the latency of a successful call is a finite number above 0")
        if self.failure_count < int((~self.ok).sum()):
            raise ValueError("every failed row must be counted in failures")

    @property
    def success_count(self) -> int:
        """How many calls succeeded."""
        return int(self.ok.sum())

    @property
    def failure_count(self) -> int:
        """How many attempts did not."""
        return sum(self.failures.values())

    @property
    def counted(self) -> Booleans:
        """Return which calls enter the latency figures."""
        return self.ok if self.after_switch is None else self.ok & ~self.after_switch


@dataclass(frozen=True, slots=True, kw_only=True)
class Slos:
    """Service level objectives; a call is good when it succeeded and each that is set holds.

    Seconds. A call whose figure is unknown does not meet an objective on it.
    """

    first_token_s: float | None = None
    inter_token_s: float | None = None
    latency_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How the comparison was laid out, all of it decided before the first timed call.

    `margin` is the relative difference that does not matter: 0.05 is 5 %. `look` counts from 1
    how often the figures were looked at in order to decide on more launches; whoever means to
    extend a comparison sets `extendable` from the first look on.
    """

    schedule: Schedule = "interleaved"
    mode: TestMode = "standard"
    margin: float = 0.05
    metric: Metric | None = None
    secondary_metrics: tuple[Metric, ...] | None = None
    alpha: float = 0.05
    resamples: int = 10_000
    seed: int = 1
    slos: Slos = Slos()
    look: int = 1
    extendable: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for a design that cannot be analysed."""
        if not self.margin > 0:
            raise ValueError("the margin is above 0")
        if not 0 < self.alpha < 0.5:
            raise ValueError("alpha lies between 0 and 0.5")
        if not 1 <= self.look <= MAX_LOOKS:
            raise ValueError(f"a comparison is looked at 1 to {MAX_LOOKS} times")

    @property
    def primary(self) -> Metric:
        """The metric that carries the verdict."""
        return self.metric or PRIMARY_METRICS[self.mode]

    @property
    def secondary(self) -> tuple[Metric, ...]:
        """The metrics that are estimated beside it."""
        found = self.secondary_metrics
        chosen = SECONDARY_METRICS[self.mode] if found is None else found
        return tuple(metric for metric in chosen if metric != self.primary)

    @property
    def alpha_at_this_look(self) -> float:
        """Return the error rate that this look may spend: a quarter for each of four looks.

        Bonferroni: four looks at α/4 together stay below α. A comparison that was not declared
        extendable but is extended all the same spends α + 3 α/4 at most.
        """
        if self.extendable or self.look > 1:
            return self.alpha / MAX_LOOKS
        return self.alpha
