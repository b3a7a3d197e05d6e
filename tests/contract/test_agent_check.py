"""The conformance suite against agents that conform: ours, and the one in the documentation."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmark.conformance.groups import ALL_GROUPS
from benchmark.conformance.report import outcome_lines, summary_line
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
    """They claim every mode and scenario, so that nothing is skipped."""
    report = await examine(await agent_command(language), patience_s=PATIENCE_S)

    assert report.conforms, complaints(report)
    assert 0 == report.count("skipped"), summary_line(report)


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


TAMPERED = """
import json, sys
from backend_python.agent import __main__ as agent

class Tampered:
    def __init__(self, out):
        self.out = out

    def write(self, line):
        message = json.loads(bytes(line))
        for sample in message.get("params", {}).get("samples", []):
            change(sample)
        conclude(message.get("result") or {})
        rest = memoryview(json.dumps(message).encode() + b"\\n")
        while rest:
            rest = rest[self.out.write(rest):]
        return len(line)

def conclude(result):
    pass

class Server(agent.AgentServer):
    def __init__(self, out):
        super().__init__(Tampered(out))

agent.AgentServer = Server
%s
agent.main()
"""
LIES = """
def change(sample):
    if "batch" in sample:
        sample["batch"] += 1
        sample["startNs"] = 0
    elif "toolCalls" in sample:
        sample["toolCalls"] += 1
    elif "parsed" in sample:
        sample["parsed"] = sample["outcome"] == "error"
    elif "turn" in sample:
        sample["turn"] = 1
    elif "chunks" in sample:
        sample["chunks"] = 1
    elif "intendedStartNs" in sample:
        sample["intendedStartNs"] += 1_000_000
    else:
        sample["worker"] = 0
        sample["startNs"] = sample["sequence"] * 10**12

def conclude(result):
    if "dropped" in result:
        result["dropped"] = 0
"""
FOUND = {
    "batches are numbered from 1 and full",
    "a batch begins when the last has ended",
    "each worker makes one call after the other",
    "workers do not wait for each other",
    "tokens are stamped as they come",
    "arrivals are due at a constant distance",
    "poisson arrivals are derived from the seed",
    "an arrival beyond the cap is dropped",
    "tool calls are counted and timed",
    "tools work in a stream",
    "turns are counted and sessions end",
    "sessions outlive a block but not a warm up",
    "a failed turn ends its session",
    "a conversation works in a stream",
    "a good answer is parsed",
    "an answer of another form is an invalid reply",
    "a structured answer works in a stream",
}


async def test_lies_about_modes_and_scenarios_are_found() -> None:
    """Our own agent, with its samples falsified on their way out: each lie has its check."""
    names = ("batch", "concurrent", "streaming", "rate", "scenarios")
    report = await examine(
        [sys.executable, "-c", TAMPERED % LIES],
        groups=[group for group in ALL_GROUPS if group.name in names],
        patience_s=PATIENCE_S,
    )

    assert FOUND == {one.check.name for one in report.outcomes if one.status == "fail"}
