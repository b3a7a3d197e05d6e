"""The one comparison that this process is running or ran last; every page shows the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from comparison import BackendClient, ComparisonRun
from shared_models import ComparisonReport, RunStatus, SideReport, TestStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class SideRun:
    """One side of the comparison, at one moment; `cause` says why it did not go well.

    `key` tells it from the other sides, `name` is its heading, `label` what people call it.
    `report` is there once the comparison has ended, unless the backend lost the run's samples.
    """

    key: str
    backend: str
    name: str
    label: str
    phase: RunStatus = "Idle"
    status: TestStatus | None = None
    report: SideReport | None = None
    cause: str | None = None


class Board:
    """The comparison as it was seen last: its report, and its sides with where each of them is."""

    def __init__(self, backends: Sequence[BackendClient]) -> None:
        """`backends` are the sides that stand there before anything was compared."""
        self._idle = tuple(
            SideRun(key=backend.name, backend=backend.name, name=backend.name, label=backend.label)
            for backend in backends
        )
        self.report: ComparisonReport | None = None
        self.sides = self._idle
        self._comparison: ComparisonRun | None = None
        self._stopping = False

    @property
    def backend_labels(self) -> dict[str, str]:
        """What people call each backend."""
        return {side.backend: side.label for side in self._idle}

    @property
    def labels(self) -> tuple[str, ...]:
        """What people call the sides."""
        return tuple(side.label for side in self.sides)

    @property
    def running(self) -> bool:
        """Whether a comparison is going on."""
        return self.report is not None and self.report.status == "Running"

    @property
    def stopping(self) -> bool:
        """Whether the running comparison was asked to stop."""
        return self.running and self._stopping

    def show(self, comparison: ComparisonRun) -> None:
        """Show this comparison from now on."""
        self._comparison, self._stopping = comparison, False
        self.refresh(comparison.report)

    def refresh(self, report: ComparisonReport) -> None:
        """Take in what has become of the comparison."""
        if self._comparison is not None and report.id == self._comparison.id:
            self.report = report
            statuses = enumerate(self._comparison.statuses)
            self.sides = tuple(_side(index, report, status) for index, status in statuses)

    async def stop(self) -> None:
        """Ask the running comparison to stop and wait for its end."""
        if self._comparison is not None and self.running:
            self._stopping = True
            await self._comparison.stop()


def _side(index: int, report: ComparisonReport, status: TestStatus | None) -> SideRun:
    side = report.sides[index]
    ended = report.status != "Running"
    agent = side.flavour == "agent"
    name = side.backend if agent else f"{side.backend} · {side.flavour}"
    twice = [(other.backend, other.flavour) for other in report.sides].count(
        (side.backend, side.flavour)
    )
    return SideRun(
        key=f"{side.backend}{'' if agent else f'-{side.flavour}'}{f'-{index}' * (twice > 1)}",
        backend=side.backend,
        name=f"{name} · {side.label}" if twice > 1 else name,
        label=side.label,
        phase=_phase(report, side, status),
        status=status,
        report=side if ended and not _is_lost(side, status) else None,
        cause=side.message,
    )


def _is_lost(side: SideReport, status: TestStatus | None) -> bool:
    """Return whether calls succeeded, but the backend went away with their figures."""
    return side.success_count == 0 and status is not None and status.success_count > 0


def _phase(report: ComparisonReport, side: SideReport, status: TestStatus | None) -> RunStatus:
    """Return the word for a side: its own run's, where runs come and go the comparison's."""
    if side.message is not None:
        return "Failed"
    if report.schedule == "interleaved" or status is None or status.status == "Idle":
        return report.status
    return status.status
