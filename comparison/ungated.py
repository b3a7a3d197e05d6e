"""The schedules that carry no verdict: every side's whole run at once, or one after the other."""

import random
from contextlib import aclosing

import anyio

from shared_models import AdvanceReply, ComparisonRequest, TestResult, TestStatus

from .errors import BackendError, SideFailed
from .following import follow
from .progress import MS, Progress
from .record import LaunchRecord, Place, Record, SideRecord
from .sessions import Session, open_sessions

NS_PER_MS = 1_000_000
RESULTS_LIMIT_S = 10.0
"""How long the samples of a run that was cut short are waited for."""


async def run_parallel_sides(
    request: ComparisonRequest, record: Record, progress: Progress
) -> None:
    """Run all sides at the same time; one that fails leaves the others alone.

    Raises the first side's BackendError or SideFailed when all have ended.
    """
    runs = _Runs(request, record, progress)
    failed: dict[int, BackendError | SideFailed] = {}

    async def run_one(index: int) -> None:
        try:
            await runs.execute(index, position=0)
        except (BackendError, SideFailed) as error:
            failed[index] = error

    record.order.append([side.side.index for side in record.sides])
    progress.enter("measuring", launch=1)
    async with anyio.create_task_group() as group:
        for index in range(len(record.sides)):
            group.start_soon(run_one, index)
    if failed:
        raise failed[min(failed)]


async def run_sequential(request: ComparisonRequest, record: Record, progress: Progress) -> None:
    """Run one side after the other, in an order that the request's seed decides.

    Raises BackendError or SideFailed; the sides that have ended keep their figures.
    """
    runs = _Runs(request, record, progress)
    order = [side.side.index for side in record.sides]
    random.Random(request.seed).shuffle(order)  # noqa: S311 - a schedule, no secret
    record.order.append(order)
    for position, index in enumerate(order):
        progress.enter(f"measuring {record.sides[index].side.label}", launch=1)
        await runs.execute(index, position=position)


class _Runs:
    """Executes whole runs and adds up how far they are."""

    def __init__(self, request: ComparisonRequest, record: Record, progress: Progress) -> None:
        self._record = record
        self._progress = progress
        configuration = request.configuration
        duration_s = configuration.duration_seconds
        self._amount = round(duration_s * MS) if duration_s else configuration.iterations
        self._one_by_one = request.schedule == "sequential"
        progress.expect_amount(self._amount * len(record.sides))

    async def execute(self, index: int, *, position: int) -> None:
        """Run one side to its end and keep its samples; raises BackendError or SideFailed."""
        record = self._record.sides[index]
        with record.noting_failure():
            await self._execute(index, record, position)

    async def _execute(self, index: int, record: SideRecord, position: int) -> None:
        async with open_sessions() as sessions:
            session = await sessions.start(record.side, record.side.configuration)
            record.launches.append(LaunchRecord(launch=0, position=position, session_id=session.id))
            try:
                async with aclosing(follow(record.side.backend, session.id)) as payloads:
                    async for payload in payloads:
                        if isinstance(payload, TestStatus):
                            record.status = payload
                            self._tell()
            finally:
                with anyio.move_on_after(RESULTS_LIMIT_S, shield=True):
                    await sessions.end()
                    await self._keep(index, session)
        session.check(await record.side.backend.status(session.id))

    async def _keep(self, index: int, session: Session) -> None:
        record = self._record.sides[index]
        try:
            record.status = await record.side.backend.status(session.id)
            result = await record.side.backend.results(session.id)
        except BackendError:
            return  # whatever went wrong before is what counts
        record.launches[-1].metrics = result.metrics
        record.add(_PLACE, session.id, _as_one_block(result, record.status))
        self._tell()

    def _tell(self) -> None:
        begun = [side.status for side in self._record.sides if side.status is not None]
        done = sum(status.progress_percentage for status in begun) / 100 * self._amount
        self._progress.at(round(done), left_s=self._left_s(begun))

    def _left_s(self, begun: list[TestStatus]) -> float | None:
        known = [(s, s.estimated_time_remaining_ms) for s in begun]
        left_ms = [left for _, left in known if left is not None]
        if not left_ms:
            return None
        to_come = len(self._record.sides) - len(begun) if self._one_by_one else 0
        one_run_ms = max(status.elapsed_time_ms + (left or 0) for status, left in known)
        return (max(left_ms) + to_come * one_run_ms) / MS


_PLACE = Place(launch=0, block=0, segment=0, position=0)


def _as_one_block(result: TestResult, status: TestStatus) -> AdvanceReply:
    metrics = result.metrics
    return AdvanceReply(
        samples=result.samples or [],
        wall_ns=metrics.total_execution_time_ms * NS_PER_MS if metrics else 0,
        dropped=metrics.rate.dropped if metrics and metrics.rate else 0,
        status=status,
    )
