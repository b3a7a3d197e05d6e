"""What a comparison has gathered: its calls as columns of numbers, and as the rows they came in."""

import json
import zlib
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from shared_models import AdvanceReply, Finding, Metrics, Sample, TestStatus

from .errors import BackendError, SideFailed
from .sides import Side

NS = 1e9
NAN = float("nan")
_ROWS: TypeAdapter[list[Sample]] = TypeAdapter(list[Sample])


def _ints() -> "array[int]":
    return array("q")


def _flags() -> "array[int]":
    return array("b")


def _floats() -> "array[float]":
    return array("d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a segment stands in the schedule; all count from 0.

    `segment` counts the segments of all sides in a launch; `offset_s` puts the clock of the
    launch's run on the comparison's; `calls_before` is what the side called in earlier launches.
    """

    launch: int
    block: int
    segment: int
    position: int
    discarded: int = 0
    offset_s: float = 0.0
    calls_before: int = 0


@dataclass(slots=True, kw_only=True)
class Columns:
    """One entry per attempted call in each column; seconds, and NaN where a figure is unknown.

    In rate mode `start_s` is when the call was due, and everything counts from there.
    `after_switch` marks the discarded calls; `prompt` is the place in the list of prompts, before
    it is taken modulo the list's length.
    """

    launch: "array[int]" = field(default_factory=_ints)
    super_block: "array[int]" = field(default_factory=_ints)
    position: "array[int]" = field(default_factory=_ints)
    window: "array[int]" = field(default_factory=_ints)
    prompt: "array[int]" = field(default_factory=_ints)
    ok: "array[int]" = field(default_factory=_flags)
    after_switch: "array[int]" = field(default_factory=_flags)
    start_s: "array[float]" = field(default_factory=_floats)
    latency_s: "array[float]" = field(default_factory=_floats)
    lag_s: "array[float]" = field(default_factory=_floats)
    first_token_s: "array[float]" = field(default_factory=_floats)
    last_token_s: "array[float]" = field(default_factory=_floats)
    eval_s: "array[float]" = field(default_factory=_floats)
    transport_s: "array[float]" = field(default_factory=_floats)
    model_s: "array[float]" = field(default_factory=_floats)
    tool_s: "array[float]" = field(default_factory=_floats)
    prompt_tokens: "array[float]" = field(default_factory=_floats)
    completion_tokens: "array[float]" = field(default_factory=_floats)

    def append(self, sample: Sample, place: Place, *, window: int, discarded: bool) -> None:
        """Add one call of this side's segment number `window`."""
        due = sample.start_ns if sample.intended_start_ns is None else sample.intended_start_ns
        lag = sample.start_ns - due
        self.launch.append(place.launch)
        self.super_block.append(place.block)
        self.position.append(place.position)
        self.window.append(window)
        self.prompt.append(place.calls_before + sample.sequence - 1)
        self.ok.append(sample.outcome == "ok")
        self.after_switch.append(discarded)
        self.start_s.append(place.offset_s + due / NS)
        self.latency_s.append((sample.duration_ns + lag) / NS)
        self.lag_s.append(NAN if sample.intended_start_ns is None else lag / NS)
        self.first_token_s.append(_seconds(sample.first_token_ns, plus=lag))
        self.last_token_s.append(_seconds(sample.last_token_ns, plus=lag))
        self.eval_s.append(_seconds(sample.eval_ns))
        self.transport_s.append(_seconds(sample.transport_ns))
        self.model_s.append(_seconds(sample.model_ns))
        self.tool_s.append(_seconds(sample.tool_ns))
        self.prompt_tokens.append(_number(sample.prompt_tokens))
        self.completion_tokens.append(_number(sample.completion_tokens))


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One segment as it was executed; `rows` are its samples, compressed JSON."""

    place: Place
    session_id: str
    wall_s: float
    dropped: int
    rows: bytes


@dataclass(slots=True, kw_only=True)
class LaunchRecord:
    """One launch of one side; `position` 0 was launched and warmed first."""

    launch: int
    position: int
    session_id: str
    successes: int = 0
    failures: int = 0
    metrics: Metrics | None = None


@dataclass(slots=True, kw_only=True)
class SideRecord:
    """Everything about one side so far."""

    side: Side
    status: TestStatus | None = None
    columns: Columns = field(default_factory=Columns)
    failures: Counter[str] = field(default_factory=Counter)
    launches: list[LaunchRecord] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    problem: str | None = None
    """Why its run did not go well."""

    def add(self, place: Place, session_id: str, reply: AdvanceReply) -> None:
        """Take the samples of a segment that belongs to the latest launch.

        A call that somebody cancelled is kept as a row, but was no attempt.
        """
        launch = self.launches[-1]
        for number, sample in enumerate(reply.samples):
            if sample.outcome == "cancelled":
                continue
            discarded = number < place.discarded
            self.columns.append(sample, place, window=len(self.blocks), discarded=discarded)
            if sample.outcome != "ok":
                launch.failures += 1
                self.failures[sample.error_kind or sample.outcome] += 1
            elif not discarded:
                launch.successes += 1
        if reply.dropped:
            launch.failures += reply.dropped
            self.failures["dropped"] += reply.dropped
        self.status = reply.status
        self.blocks.append(
            Block(
                place=place,
                session_id=session_id,
                wall_s=reply.wall_ns / NS,
                dropped=reply.dropped,
                rows=zlib.compress(_ROWS.dump_json(reply.samples, exclude_none=True), level=1),
            )
        )

    @contextmanager
    def noting_failure(self) -> Iterator[None]:
        """Keep the cause when what is done for this side fails; the error goes on its way."""
        try:
            yield
        except (BackendError, SideFailed) as error:
            self.problem = error.cause
            raise

    @property
    def successes(self) -> int:
        """The successful calls that enter figures."""
        return sum(launch.successes for launch in self.launches)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each call with its place in the schedule, in the names of the wire."""
        for block in self.blocks:
            place = block.place
            for number, sample in enumerate(json.loads(zlib.decompress(block.rows))):
                yield {
                    "side": self.side.index,
                    "launch": place.launch,
                    "superBlock": place.block,
                    "segment": place.segment,
                    "position": place.position,
                    "discarded": number < place.discarded,
                    "sessionId": block.session_id,
                    "sample": sample,
                }


@dataclass(slots=True, kw_only=True)
class Record:
    """The sides' records, in which order things were done, and what was noticed meanwhile.

    `order` has the indexes of the sides for each launch, as they were started.
    """

    sides: list[SideRecord]
    order: list[list[int]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @classmethod
    def empty(cls, sides: Sequence[Side]) -> "Record":
        """Return the record of a comparison that has not begun."""
        return cls(sides=[SideRecord(side=side) for side in sides])


def _seconds(value_ns: int | None, *, plus: int = 0) -> float:
    return NAN if value_ns is None else (value_ns + plus) / NS


def _number(value: int | None) -> float:
    return NAN if value is None else float(value)
