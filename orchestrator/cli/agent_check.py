"""`perfcompare agent-check`: does a command speak the agent protocol, and measure honestly?"""

import json
import sys
from collections.abc import Sequence

import anyio

from benchmark.conformance.check import Outcome
from benchmark.conformance.errors import AgentUnavailable
from benchmark.conformance.report import as_json, outcome_lines, summary_line
from benchmark.conformance.suite import Report, examine
from orchestrator.errors import EXIT_FAILED, EXIT_OK, EXIT_USAGE


def check_agent(command: Sequence[str], *, as_json_text: bool, patience_s: float) -> int:
    """Examine an agent's command and print what came of it.

    Returns 0 when the agent conforms, 1 when it does not, 2 when the command cannot be started.
    """
    try:
        report = anyio.run(_examine, command, as_json_text, patience_s)
    except AgentUnavailable as error:
        sys.stderr.write(f"perfcompare: {error}\n")
        return EXIT_USAGE
    sys.stdout.write((json.dumps(as_json(report)) if as_json_text else _end(report)) + "\n")
    return EXIT_OK if report.conforms else EXIT_FAILED


async def _examine(command: Sequence[str], quiet: bool, patience_s: float) -> Report:
    shown: list[str] = []

    def show(outcome: Outcome) -> None:
        new_group = shown[-1:] != [outcome.check.group]
        shown.append(outcome.check.group)
        sys.stdout.write("\n".join(outcome_lines(outcome, new_group=new_group)) + "\n")
        sys.stdout.flush()

    return await examine(command, patience_s=patience_s, on_outcome=None if quiet else show)


def _end(report: Report) -> str:
    verdict = "the agent conforms" if report.conforms else "the agent does not conform"
    return f"\n{summary_line(report)}\n{verdict}"
