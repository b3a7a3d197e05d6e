"""The conformance suite against agents that conform: ours, and the one in the documentation."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmark.conformance.report import outcome_lines
from benchmark.conformance.suite import Report, examine
from orchestrator.cli import main
from orchestrator.errors import EXIT_USAGE
from service_defaults.settings import ServiceSettings
from tests.support.backends import agent_command, each_language, until_ready
from tests.support.servers import running_server
from tests.support.simulator import running_simulator

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = DOCS / "examples" / "echo_agent.py"
DOCUMENT = DOCS / "agent-protocol.md"
PATIENCE_S = 30.0

pytestmark = pytest.mark.timeout(180)  # a whole suite, with agents that are started a dozen times


def complaints(report: Report) -> str:
    """Return what did not pass, in words."""
    bad = [one for one in report.outcomes if one.status == "fail" or one.unjudged]
    return "\n".join(line for one in bad for line in outcome_lines(one, new_group=True))


async def test_the_example_agent_conforms() -> None:
    """What it does not claim is skipped, and everything else passes."""
    report = await examine([sys.executable, "-I", "-S", str(EXAMPLE)], patience_s=PATIENCE_S)

    assert report.conforms, complaints(report)
    assert report.agent is not None
    assert (["standard"], ["chat"]) == (report.agent.modes, report.agent.scenarios)
    skipped = {one.came for one in report.outcomes if one.status == "skipped"}
    assert "the agent does not claim the mode rate" in skipped


@each_language
async def test_our_agents_conform(language: str) -> None:
    """Whatever they claim, they do."""
    report = await examine(await agent_command(language), patience_s=PATIENCE_S)

    assert report.conforms, complaints(report)


async def test_the_backend_in_the_documentation_runs_the_example() -> None:
    """The lines that register a new agent are whole: they serve its runs."""
    (lines,) = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text("utf-8"), re.S | re.M)
    written: dict[str, Any] = {}
    exec(lines, written)  # noqa: S102 - it is our own document
    app = written["create_app"](ServiceSettings())
    async with (
        running_simulator() as simulator,
        running_server(app) as url,
        httpx.AsyncClient(base_url=url, timeout=50, trust_env=False) as client,
    ):
        await until_ready(client)
        body = {"endpoint": simulator.url, "iterations": 3}
        reply = await client.post("/api/performance/run", json=body)

    told = reply.json()
    assert (True, 3) == (told["success"], told["metrics"]["successCount"]), told["message"]


def test_a_command_that_cannot_be_started_is_a_usage_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """2, and the command is named; so is a missing command."""
    assert EXIT_USAGE == main(["agent-check", "--", "/no/such/agent"])
    assert "/no/such/agent" in capsys.readouterr().err
    assert EXIT_USAGE == main(["agent-check"])


def test_an_agent_that_is_none_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """1, every check is named with what was expected and what came."""
    command = [sys.executable, "-I", "-S", "-c", "print('hello')"]

    assert 1 == main(["agent-check", "--json", "--deadline", "1", "--", *command])

    told = json.loads(capsys.readouterr().out)
    assert (False, None, command) == (told["conforms"], told["agent"], told["command"])
    assert 0 == told["summary"]["pass"]
    stdout = next(check for check in told["checks"] if check["name"].startswith("stdout holds"))
    assert ("fail", "conduct") == (stdout["status"], stdout["group"])
    assert "hello" in stdout["came"]
