"""A run cut into blocks: what each agent process is asked for, and what is left afterwards (pure).

A plain run is one block; a gated run has one for each `advance`. With several agent processes a
block's calls are split among them, and so are the sequence numbers: in contiguous ranges where the
calls are counted, else each process numbers its own million.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared_models.agent_protocol import RunParams, RunResult, Sample
from shared_models.configuration import TestConfiguration, TestMode

from .errors import BridgeProtocol

MAX_CALLS = 1_000_000
"""The most calls of one process in one run: the cap of a block that is limited by time."""
MAX_IN_FLIGHT = 1_000
"""Open loop: an arrival that finds so many calls in flight is dropped."""
SECONDS_TOLERANCE = 1e-6
LEAST_OF_DURATION = 0.9
"""Share of its time that a block must have taken to count as not ended early."""
LONGEST_GAP = 20
"""Mean gaps between two arrivals that pass for silence: e⁻²⁰ of the Poisson gaps are longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The size of a block: so many calls over all processes, or calls for so many seconds."""

    iterations: int | None = None
    duration_s: float | None = None


Shares = Sequence[RunParams | None]
"""One entry per agent process; None for a process that has nothing to do in the block."""
Results = Sequence[RunResult | None]
"""One entry per agent process, None where there was no share."""


class BlockPlan:
    """Hands out the blocks of one run and keeps count of them."""

    def __init__(self, configuration: TestConfiguration, run_id: str) -> None:
        self._configuration = configuration
        self._run_id = run_id
        self._granted = 0
        self.granted_s = 0.0
        """The time of the blocks that have ended."""
        self._blocks = 0
        processes = configuration.agent_processes
        self._own_numbers = configuration.duration_seconds is not None
        """Whether each process numbers its own million; else they share one range."""
        self._next = [1 + process * MAX_CALLS for process in range(processes)]

    @property
    def is_used_up(self) -> bool:
        """Whether nothing is left of the run."""
        return self._left_s <= SECONDS_TOLERANCE if self._timed else self._left == 0

    def whole(self) -> Grant:
        """Return the one block of a run that is not gated."""
        configuration = self._configuration
        if self._timed:
            return Grant(duration_s=configuration.duration_seconds)
        return Grant(iterations=configuration.iterations)

    def refusal(self, grant: Grant) -> tuple[str, str] | None:
        """Return the field and the reason for which a block cannot be granted, or None."""
        if (grant.duration_s is not None) is not self._timed:
            if self._timed:
                return "iterations", "this run is limited by time: grant durationSeconds"
            return "durationSeconds", "this run is limited by calls: grant iterations"
        if grant.duration_s is not None and grant.duration_s > self._left_s + SECONDS_TOLERANCE:
            return "durationSeconds", f"only {self._left_s:g} s of this run are left"
        if grant.iterations is not None and grant.iterations > self._left:
            return "iterations", f"only {self._left} calls of this run are left"
        return None

    def shares(self, grant: Grant) -> Shares:
        """Return what each agent process is asked for in the next block."""
        sizes = self._sizes(grant)
        if not self._own_numbers:
            first = self._next[0]
            self._next = [first + sum(sizes[:process]) for process in range(len(sizes))]
        return [
            self._share(process, size, grant.duration_s) if size > 0 else None
            for process, size in enumerate(sizes)
        ]

    def take(self, grant: Grant, results: Results) -> None:
        """Count a block that has ended."""
        self._blocks += 1
        self._granted += grant.iterations or 0
        self.granted_s += grant.duration_s or 0.0
        used = [result.completed if result else 0 for result in results]
        if self._own_numbers or len(used) == 1:
            self._next = [first + count for first, count in zip(self._next, used, strict=True)]
        else:
            self._next = [self._next[0] + (grant.iterations or 0)] * len(used)

    def silence_s(self) -> float:
        """Return how long no call may end although all is well (s), the calls' own limit apart."""
        rate = self._configuration.rate_per_second
        return LONGEST_GAP * self._configuration.agent_processes / rate if rate else 0.0

    @property
    def _timed(self) -> bool:
        return self._configuration.duration_seconds is not None

    @property
    def _left(self) -> int:
        return self._configuration.iterations - self._granted

    @property
    def _left_s(self) -> float:
        return (self._configuration.duration_seconds or 0.0) - self.granted_s

    def _sizes(self, grant: Grant) -> list[int]:
        processes = len(self._next)
        if grant.iterations is None:
            return [
                1 + (process + 1) * MAX_CALLS - first for process, first in enumerate(self._next)
            ]
        share, rest = divmod(grant.iterations, processes)
        return [share + (process < rest) for process in range(processes)]

    def _share(self, process: int, size: int, duration_s: float | None) -> RunParams:
        configuration = self._configuration
        rate = configuration.rate_per_second
        processes = configuration.agent_processes
        return RunParams(
            run_id=self._run_id,
            first_sequence=self._next[process],
            iterations=size,
            duration_seconds=duration_s,
            mode=configuration.test_mode,
            concurrency=concurrency(configuration, configuration.test_mode),
            rate_per_second=rate / processes if rate else None,
            arrivals=configuration.arrivals if rate else None,
            # A block's arrivals differ from those of the block before, and between processes.
            arrival_seed=(configuration.seed or 0) + self._blocks * processes + process,
        )


def concurrency(configuration: TestConfiguration, mode: TestMode) -> int:
    """Return how many calls of one process may be in flight at once."""
    in_flight = {
        "batch": configuration.batch_size,
        "concurrent": configuration.concurrent_requests,
        "rate": MAX_IN_FLIGHT,
    }
    return in_flight.get(mode, 1)


class Block:
    """One block while it runs and when it is over."""

    def __init__(self, shares: Shares, *, offset_ns: int) -> None:
        """`offset_ns` is its start on the run's clock; the agents count from the block's start."""
        self.offset_ns = offset_ns
        self.wall_ns: int | None = None
        """The longest of the processes' own; None until the block has ended."""
        self.dropped = 0
        self._shares = shares
        self._received = 0

    def receive(self, process: int, samples: Sequence[Sample]) -> None:
        """Count samples; raises BridgeProtocol for numbers that the process was not given."""
        share = self._shares[process]
        for sample in samples:
            if share is None or sample.sequence >= share.first_sequence + (share.iterations or 0):
                raise BridgeProtocol("the agent sent more samples than it was asked for")
            if sample.sequence < share.first_sequence:
                raise BridgeProtocol(f"the agent sent sample {sample.sequence} in a later block")
            self._received += sample.outcome != "cancelled"

    def end(self, results: Results, *, early: bool) -> None:
        """Keep what the agents say of the block; `early` when we ended it ourselves.

        Raises BridgeProtocol when that is not what they sent, or not what they were asked for.
        """
        ended = [
            (share, result)
            for share, result in zip(self._shares, results, strict=True)
            if share is not None and result is not None
        ]
        self.wall_ns = max((result.wall_ns for _, result in ended), default=0)
        self.dropped = sum(result.dropped for _, result in ended)
        completed = sum(result.completed for _, result in ended)
        if completed != self._received:
            raise BridgeProtocol(f"the agent counts {completed} calls, but sent {self._received}")
        if not early and any(_is_short(share, result) for share, result in ended):
            raise BridgeProtocol(f"the agent ended after {completed} calls of its own accord")


def _is_short(share: RunParams, result: RunResult) -> bool:
    if result.completed + result.dropped >= (share.iterations or 0):
        return False
    if share.duration_seconds is None:
        return True
    # The last arrival of an open loop may come long before the end of its time.
    return (
        share.mode != "rate" and result.wall_ns < LEAST_OF_DURATION * share.duration_seconds * 1e9
    )
