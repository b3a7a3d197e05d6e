"""The interleaved schedule, executed: launch pairs, and segments strictly one at a time."""

from time import monotonic

import anyio

from shared_models import ComparisonRequest, WarmUpFigures

from .findings import of_plan
from .layout import for_launch, plan_for, typical_call_ms
from .plan import Launch, Plan, Segment
from .progress import Progress
from .record import NS, LaunchRecord, Place, Record
from .sessions import POLL_S, Session, Sessions, open_sessions


async def run_interleaved(request: ComparisonRequest, record: Record, progress: Progress) -> None:
    """Execute every launch of the plan.

    Raises BackendError or SideFailed; `record` then has everything up to there. No session is
    left open, whichever way this ends.
    """
    plan = plan_for(request, sides=len(record.sides))
    progress.expect(plan)
    calls_before = 0
    for number in range(request.launches):
        pair = _LaunchPair(number, record, progress, calls_before=calls_before)
        try:
            async with open_sessions() as sessions:
                await pair.start(sessions, plan.launches[number])
                if number == 0:
                    plan = await _adapted(request, pair, record)
                    progress.expect(plan)
                await pair.measure(plan.launches[number])
        finally:
            await pair.keep_figures()
        calls_before += plan.launches[number].calls_of(0)


async def _adapted(request: ComparisonRequest, pair: "_LaunchPair", record: Record) -> Plan:
    """Return the plan for all launches, now that it is known what a warm call takes."""
    call_ms = typical_call_ms(await pair.warm_ups())
    plan = plan_for(request, sides=len(record.sides), call_ms=call_ms)
    record.findings.extend(of_plan(request, plan))
    return plan


class _LaunchPair:
    """One fresh agent for each side, from its start to the end of its last segment."""

    def __init__(
        self, number: int, record: Record, progress: Progress, *, calls_before: int
    ) -> None:
        self._number = number
        self._calls_before = calls_before
        self._record = record
        self._progress = progress
        self._sessions: dict[int, Session] = {}
        self._offsets_s: dict[int, float] = {}

    async def start(self, sessions: Sessions, launch: Launch) -> None:
        """Start and warm the sides one after the other: starting would disturb warming up."""
        started = monotonic()
        self._record.order.append(list(launch.order))
        for position, index in enumerate(launch.order):
            with self._record.sides[index].noting_failure():
                await self._start_side(sessions, launch, index, position)
        self._progress.opened(monotonic() - started)

    async def _start_side(
        self, sessions: Sessions, launch: Launch, index: int, position: int
    ) -> None:
        record = self._record.sides[index]
        side = record.side
        self._progress.enter(f"warming up {side.label}", launch=self._number + 1)
        configuration = for_launch(
            side.configuration, launch, index, calls_before=self._calls_before
        )
        session = self._sessions[index] = await sessions.start(side, configuration)
        record.launches.append(
            LaunchRecord(launch=self._number, position=position, session_id=session.id)
        )
        await self._until_warm(index)

    async def warm_ups(self) -> list[WarmUpFigures | None]:
        """Return what is known of each side's warm-up."""
        return [await session.warm_up() for session in self._sessions.values()]

    async def measure(self, launch: Launch) -> None:
        """Grant all segments in turn."""
        self._progress.enter("measuring")
        numbered = enumerate(
            (block_number, segment)
            for block_number, block in enumerate(launch.blocks)
            for segment in block
        )
        for number, (block, segment) in numbered:
            with self._record.sides[segment.side].noting_failure():
                await self._grant(segment, block=block, number=number)

    async def keep_figures(self) -> None:
        """Ask each backend for what only it knows; done even when the comparison was stopped."""
        with anyio.CancelScope(shield=True):
            for index, session in self._sessions.items():
                self._record.sides[index].launches[-1].metrics = await session.metrics()

    async def _until_warm(self, index: int) -> None:
        while True:
            status = self._record.sides[index].status = await self._sessions[index].status()
            self._progress.changed()
            if status.phase == "Waiting":
                return
            await anyio.sleep(POLL_S)

    async def _grant(self, segment: Segment, *, block: int, number: int) -> None:
        session, record = self._sessions[segment.side], self._record.sides[segment.side]
        granted_s = self._progress.elapsed_s
        reply = await session.grant(segment)
        if reply.samples and segment.side not in self._offsets_s:
            self._offsets_s[segment.side] = granted_s - reply.samples[0].start_ns / NS
        place = Place(
            launch=self._number,
            block=block,
            segment=number,
            position=segment.position,
            discarded=segment.discarded,
            offset_s=self._offsets_s.get(segment.side, 0.0),
            calls_before=self._calls_before,
        )
        record.add(place, session.id, reply)
        session.check(reply.status)
        self._progress.finished(segment, self._progress.elapsed_s - granted_s)
