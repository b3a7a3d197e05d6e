"""The comparisons of a self-test: what each one compares, and what it should have found (pure)."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from orchestrator.errors import UsageError
from shared_models import ComparisonReport, ComparisonRequest

CALLS_PER_SEGMENT = 5
MIN_DETECTED = 0.9

Kind = Literal["same", "delayed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """How the comparisons are laid out; `comparisons` of each kind."""

    comparisons: int
    launches: int
    super_blocks: int
    warmup_seconds: float
    latency_ms: float
    delay_percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One comparison of a backend with itself; `delayed_side` is made slower, if any."""

    kind: Kind
    number: int
    backend: str
    delayed_side: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a trial gave. `median_ms` is the first side's; the interval is that of the ratio."""

    kind: Kind
    number: int
    backend: str
    delayed_side: int | None
    delay_ms: float
    verdict: str
    reason: str | None
    ratio: float | None
    low: float | None
    high: float | None
    median_ms: float
    seconds: float
    layout: dict[str, Any]

    @property
    def false_alarm(self) -> bool:
        """Whether two equal sides were called different."""
        return self.kind == "same" and self.verdict in ("faster", "slower")

    @property
    def detected(self) -> bool:
        """Whether the side with the delay was called the slower one."""
        return (
            self.kind == "delayed" and self.verdict == ("slower", "faster")[not self.delayed_side]
        )


def trials(test: SelfTest, backends: Sequence[str]) -> list[Trial]:
    """Return all trials in their order: first the equal ones, which also tell how long a call is.

    The backends take turns, and so do the sides that are delayed.
    """
    found = []
    for kind in ("same", "delayed"):
        for number in range(test.comparisons):
            delayed_side = (number // len(backends)) % 2 if kind == "delayed" else None
            found.append(
                Trial(
                    kind=kind,
                    number=number,
                    backend=backends[number % len(backends)],
                    delayed_side=delayed_side,
                )
            )
    return found


def request_for(
    trial: Trial, test: SelfTest, *, endpoint: str | None, delay_ms: float
) -> ComparisonRequest:
    """Return what a trial asks for."""
    sides = [{"backend": trial.backend, "label": label} for label in ("first", "second")]
    delayed = [
        side | ({"delayMs": delay_ms} if index == trial.delayed_side else {})
        for index, side in enumerate(sides)
    ]
    iterations = test.launches * test.super_blocks * 2 * CALLS_PER_SEGMENT
    configuration: dict[str, Any] = {
        "iterations": iterations,
        "warmupSeconds": test.warmup_seconds,
    }
    if endpoint is not None:
        configuration["endpoint"] = endpoint
    return ComparisonRequest.model_validate(
        {
            "configuration": configuration,
            "sides": delayed,
            "launches": test.launches,
            "callsPerSegment": CALLS_PER_SEGMENT,
            "seed": trial.number + 1,
        }
    )


def delay_for(trial: Trial, test: SelfTest, results: Iterable[Result]) -> float:
    """Return the delay in ms: a share of what this backend's calls took without any."""
    if trial.delayed_side is None:
        return 0.0
    known = [r.median_ms for r in results if r.kind == "same" and r.backend == trial.backend]
    # A test of a single comparison may have seen the other backend only.
    typical = median(known) if known else test.latency_ms
    return typical * test.delay_percent / 100


def result_of(
    trial: Trial, test: SelfTest, report: ComparisonReport, *, delay_ms: float, seconds: float
) -> Result:
    """Return what a comparison that is complete found."""
    estimate = report.pairs[0].estimate
    first = report.sides[0].median
    return Result(
        kind=trial.kind,
        number=trial.number,
        backend=trial.backend,
        delayed_side=trial.delayed_side,
        delay_ms=delay_ms,
        verdict=report.verdict,
        reason=report.reason,
        ratio=estimate.ratio if estimate else None,
        low=estimate.interval95.low if estimate else None,
        high=estimate.interval95.high if estimate else None,
        median_ms=first.value if first else 0.0,
        seconds=seconds,
        layout=_layout(test),
    )


def summary(test: SelfTest, results: Sequence[Result]) -> dict[str, Any]:
    """Return the counts, as they are printed and judged."""
    same = [result for result in results if result.kind == "same"]
    delayed = [result for result in results if result.kind == "delayed"]
    detected = sum(result.detected for result in delayed)
    false_alarms = sum(result.false_alarm for result in same)
    complete = len(same) == len(delayed) == test.comparisons
    return {
        "layout": asdict(test),
        "same": len(same),
        "falseAlarms": false_alarms,
        "delayed": len(delayed),
        "detected": detected,
        "verdicts": {
            kind: {
                verdict: sum(r.kind == kind and r.verdict == verdict for r in results)
                for verdict in sorted({r.verdict for r in results if r.kind == kind})
            }
            for kind in ("same", "delayed")
        },
        "secondsPerComparison": median(r.seconds for r in results) if results else None,
        "passed": complete and false_alarms == 0 and detected >= MIN_DETECTED * len(delayed),
    }


def read_state(path: Path, test: SelfTest) -> list[Result]:
    """Return the results that a test which was interrupted has left.

    A last line that was cut off is taken away. Raises UsageError for a file that is none of ours
    or belongs to a test with other options.
    """
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        path.write_bytes(whole)
    try:
        found = [Result(**json.loads(line)) for line in whole.splitlines()]
    except (ValueError, TypeError) as error:
        raise UsageError(f"{path} holds no results of a self-test") from error
    if any(result.layout != _layout(test) for result in found):
        raise UsageError(
            f"{path} belongs to a self-test with other options; remove it, or name another --state"
        )
    return found


def append_state(path: Path, result: Result) -> None:
    """Keep a result, on a line of its own."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(result)) + "\n")


def _layout(test: SelfTest) -> dict[str, Any]:
    """Return what results must have in common to be counted together."""
    layout = asdict(test)
    del layout["comparisons"]
    return layout
