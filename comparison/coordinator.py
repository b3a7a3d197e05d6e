"""One comparison from its request to its report: it runs, can be watched and can be stopped."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio
import structlog

from shared_models import (
    ComparisonReport,
    ComparisonRequest,
    ComparisonStatus,
    Finding,
    Schedule,
    TestStatus,
)

from .analysis import analyse_record
from .backends import BackendClient
from .errors import BackendError, SideFailed
from .findings import of_record
from .interleaved import run_interleaved
from .progress import Progress
from .record import Record
from .report import Outcome, build_report
from .sides import Side, sides_of
from .ungated import run_parallel_sides, run_sequential

if TYPE_CHECKING:
    from .statistics import Analysis

REPORT_PERIOD_S = 0.25

SCHEDULES: dict[Schedule, Callable[[ComparisonRequest, Record, Progress], Awaitable[None]]] = {
    "interleaved": run_interleaved,
    "parallel": run_parallel_sides,
    "sequential": run_sequential,
}

_log = structlog.get_logger()


class ComparisonRun:
    """A comparison. `run` is its whole life; everything else looks at it or asks it to end."""

    def __init__(self, request: ComparisonRequest, backends: Sequence[BackendClient]) -> None:
        """Raises ProblemError (422) that names the field for what cannot be compared."""
        self.id = uuid.uuid4().hex
        self.request = request
        self.created_at = datetime.now(UTC)
        self.finished = anyio.Event()
        self.record = Record.empty(sides_of(request, backends))
        self.progress = Progress(self._notify)
        self._outcome: Outcome | None = None
        self._analysis: Analysis | None = None
        self._changed = anyio.Event()
        self._scope = anyio.CancelScope()

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides in their order; the first is the baseline."""
        return tuple(record.side for record in self.record.sides)

    @property
    def statuses(self) -> tuple[TestStatus | None, ...]:
        """What each side's latest run says of itself; None before its first."""
        return tuple(record.status for record in self.record.sides)

    @property
    def status(self) -> ComparisonStatus:
        """Where the comparison is."""
        return self._outcome.status if self.finished.is_set() and self._outcome else "Running"

    @property
    def next_change(self) -> anyio.Event:
        """Set at the next change; take it before looking, lest one be missed."""
        return self._changed

    @property
    def report(self) -> ComparisonReport:
        """The report as it is now, provisional until the comparison has ended."""
        return build_report(
            self.request,
            self.record,
            self.progress.snapshot(),
            identity=self.id,
            created_at=self.created_at,
            outcome=self._outcome if self.finished.is_set() else None,
            analysis=self._analysis,
        )

    async def reports(self) -> AsyncIterator[ComparisonReport]:
        """Yield the report at every change, at most four times a second, until it is final."""
        while True:
            changed = self._changed
            report = self.report
            yield report
            if report.status != "Running":
                return
            await changed.wait()
            with anyio.move_on_after(REPORT_PERIOD_S):
                await self.finished.wait()

    async def run(self) -> None:
        """Run to the end; never raises for what can go wrong in a comparison.

        Cancelling this call ends every session first; the comparison is then `Stopped`.
        """
        try:
            await self._execute()
            await self._analyse()
        finally:
            self._outcome = self._outcome or _ended("Stopped", "The comparison was cancelled")
            self.progress.end()
            self.finished.set()
            self._notify()

    async def stop(self) -> None:
        """End the comparison and wait until every session has ended; idempotent."""
        self._scope.cancel()
        await self.finished.wait()

    async def _execute(self) -> None:
        schedule = SCHEDULES[self.request.schedule]
        try:
            with self._scope:
                await schedule(self.request, self.record, self.progress)
        except (BackendError, SideFailed) as error:
            self._outcome = _ended("Failed", str(error), kind=error.kind)
        except Exception:
            _log.exception("comparison_failed", comparison=self.id)
            self._outcome = _ended(
                "Failed", "The comparison itself failed; the log says why", kind="internal"
            )
        else:
            stopped = self._scope.cancelled_caught
            self._outcome = (
                _ended("Stopped", "Stopped on request")
                if stopped
                else _ended("Completed", "The comparison is complete")
            )

    async def _analyse(self) -> None:
        self.progress.enter("analysing")
        self.record.findings.extend(of_record(self.request, self.record))
        try:
            self._analysis = await analyse_record(self.request, self.record)
        except Exception:
            # The samples are there all the same, and whoever reads the report must be told.
            _log.exception("analysis_failed", comparison=self.id)
            self.record.findings.append(ANALYSIS_FAILED)

    def _notify(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()


ANALYSIS_FAILED = Finding(
    code="analysis-failed",
    severity="error",
    text="The figures could not be analysed; the log says why. The samples were kept.",
)


def _ended(status: ComparisonStatus, message: str, *, kind: str | None = None) -> Outcome:
    return Outcome(status=status, message=message, failure_kind=kind, ended_at=datetime.now(UTC))
