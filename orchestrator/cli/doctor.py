"""`perfcompare doctor`: what is here, what is missing, and how to repair it."""

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Literal

from orchestrator.errors import EXIT_FAILED, EXIT_OK
from orchestrator.surroundings import Settings, load

Status = Literal["pass", "warning", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The outcome of one check; `fix` says what to do when it did not pass."""

    name: str
    status: Status
    detail: str
    fix: str | None = None


Checker = Callable[[Settings], Iterable[Check]]


def examine(*, as_json: bool) -> int:
    """Run every check and print the outcome; returns 1 only when one failed."""
    from . import checks

    settings = load()
    found = [check for checker in checks.ALL for check in _checked(checker, settings)]
    sys.stdout.write((_as_json(found) if as_json else _as_text(found)) + "\n")
    return EXIT_FAILED if any(check.status == "fail" for check in found) else EXIT_OK


def _checked(checker: Checker, settings: Settings) -> Iterable[Check]:
    try:
        return list(checker(settings))
    except Exception as error:  # one broken check must not hide the others
        name = checker.__name__.replace("_", " ")
        return [Check(name=name, status="fail", detail=f"the check itself failed: {error!r}")]


def _as_json(checks: list[Check]) -> str:
    told = [asdict(check) | ({"fix": None} if check.status == "pass" else {}) for check in checks]
    return json.dumps({"checks": told, "summary": _counts(checks)})


def _as_text(checks: list[Check]) -> str:
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.status:<7}  {check.name:<{width}}  {check.detail}")
        if check.fix and check.status != "pass":
            lines.append(f"{'':<7}  {'':<{width}}  → {check.fix}")
    counts = _counts(checks)
    lines.append(
        f"\n{counts['pass']} passed, {counts['warning']} warnings, {counts['fail']} failed"
    )
    return "\n".join(lines)


def _counts(checks: list[Check]) -> dict[str, int]:
    return {
        status: sum(check.status == status for check in checks)
        for status in ("pass", "warning", "fail")
    }
