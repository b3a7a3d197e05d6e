"""How a report is shown: line by line for people, as one object for programs."""

from typing import Any

from .check import Outcome
from .suite import Report

WORDS = {"pass": "pass", "fail": "FAIL", "skipped": "skipped"}
WIDTH = 9


def outcome_lines(outcome: Outcome, *, new_group: bool) -> list[str]:
    """Return an outcome as text; a failure says what was expected and what came."""
    check = outcome.check
    lines = ["", check.group] if new_group else []
    note = f"  ({outcome.came})" if outcome.came and outcome.status != "fail" else ""
    lines.append(f"  {WORDS[outcome.status]:<{WIDTH}}{check.name}{note}")
    if outcome.status == "fail":
        indent = " " * (WIDTH + 2)
        lines += [f"{indent}expected: {check.expected}", f"{indent}came:     {outcome.came}"]
    return lines


def summary_line(report: Report) -> str:
    """Return the counts, the time and who was examined."""
    total_s = sum(outcome.duration_s for outcome in report.outcomes)
    agent = report.agent
    who = "an agent that could not be introduced"
    if agent is not None:
        who = (
            f"{agent.framework} {agent.framework_version} ({agent.language}; "
            f"modes {', '.join(agent.modes)}; scenarios {', '.join(agent.scenarios)})"
        )
    return (
        f"{report.count('pass')} passed, {report.count('fail')} failed, "
        f"{report.count('skipped')} skipped in {total_s:.1f} s: {who}"
    )


def as_json(report: Report) -> dict[str, Any]:
    """Return the whole report as JSON-ready data."""
    return {
        "command": list(report.command),
        "conforms": report.conforms,
        "agent": report.agent.model_dump() if report.agent else None,
        "checks": [_outcome(outcome) for outcome in report.outcomes],
        "summary": {status: report.count(status) for status in ("pass", "fail", "skipped")},
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "group": outcome.check.group,
        "name": outcome.check.name,
        "status": outcome.status,
        "expected": outcome.check.expected,
        "came": outcome.came,
        "durationMs": round(outcome.duration_s * 1e3, 3),
    }
