"""What a check is, how groups collect them, and how a check says what came instead."""

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any, Literal

from shared_models.configuration import Scenario, TestMode

from .errors import Breach
from .stage import Stage

Status = Literal["pass", "fail", "skipped"]
Examine = Callable[[Stage], Awaitable[str | None]]
ExamineInMode = Callable[[Stage, TestMode], Awaitable[str | None]]

SHOWN_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that is expected of an agent.

    `examine` returns a note (figures) or None, and raises Breach. `mode` and `scenario` are what
    the agent must claim for the check to be made.
    """

    group: str
    name: str
    expected: str
    examine: Examine
    mode: TestMode | None = None
    scenario: Scenario | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a check: a note when it passed, what came instead, or why it was skipped."""

    check: Check
    status: Status
    came: str | None
    duration_s: float
    unjudged: bool = False
    """It was skipped because of another breach, not because of what the agent claims."""


class Group:
    """Checks about one subject; the decorators add to it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.checks: list[Check] = []

    def check(
        self, *, mode: TestMode | None = None, scenario: Scenario | None = None
    ) -> Callable[[Examine], Examine]:
        """Add a check; its name is the function's, its expectation the docstring."""

        def add(function: Examine) -> Examine:
            self._add(function, function, mode=mode, scenario=scenario)
            return function

        return add

    def check_in(self, modes: Iterable[TestMode]) -> Callable[[ExamineInMode], ExamineInMode]:
        """Add one check for each of `modes`; the function gets the mode as well."""

        def add(function: ExamineInMode) -> ExamineInMode:
            for mode in modes:
                self._add(function, _bound(function, mode), mode=mode, suffix=f" [{mode}]")
            return function

        return add

    def _add(
        self,
        named: Callable[..., object],
        examine: Examine,
        *,
        mode: TestMode | None,
        scenario: Scenario | None = None,
        suffix: str = "",
    ) -> None:
        self.checks.append(
            Check(
                group=self.name,
                name=named.__name__.replace("_", " ") + suffix,
                expected=" ".join(cleandoc(named.__doc__ or "").split()),
                examine=examine,
                mode=mode,
                scenario=scenario,
            )
        )


def _bound(function: ExamineInMode, mode: TestMode) -> Examine:
    async def examine(stage: Stage) -> str | None:
        return await function(stage, mode)

    return examine


def expect(holds: bool, came: str) -> None:
    """Raise Breach with what came unless the expectation holds."""
    if not holds:
        raise Breach(came)


def expect_refusal(reply: dict[str, Any], *codes: int, asked: str) -> None:
    """Raise Breach unless a reply is an error of one of the `codes` with a message."""
    error = reply.get("error")
    refused = isinstance(error, dict) and error.get("code") in codes and bool(error.get("message"))
    wanted = " or ".join(str(code) for code in codes)
    expect(refused, f"{asked} was answered with {shown(reply)}, not with error {wanted}")


def shown(value: Any) -> str:
    """Return JSON short enough for a sentence."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
