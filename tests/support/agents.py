"""Agents for tests: a few lines of Python that speak the agent protocol well, or badly."""

import sys
import uuid
from typing import Any, get_args

import psutil

from benchmark.launcher import AgentDescription
from benchmark.session import RunSession
from service_defaults.endpoints import EndpointPolicy
from shared_models import AgentOrigin, Flavour, Scenario, TestConfiguration, TestMode

from .simulator import running_simulator

PRELUDE = """
import json, os, signal, subprocess, sys, time

def read():
    line = sys.stdin.readline()
    if not line:
        os._exit(0)
    return json.loads(line)

def raw(data):
    data = data.encode() if isinstance(data, str) else data
    while data:
        data = data[os.write(1, data):]

def write(**message):
    raw(json.dumps({"jsonrpc": "2.0", **message}) + "\\n")

def reply(request, **result):
    write(id=request["id"], result=result)

def sample(sequence, **fields):
    return {"sequence": sequence, "worker": 0, "startNs": sequence * 1000, "durationNs": 1000,
            "outcome": "ok", "calls": [], **fields}

def send(request, *rows):
    write(method="samples", params={"runId": request["params"]["runId"], "samples": list(rows)})

def end(request, completed, cancelled=False, wallNs=1):
    reply(request, completed=completed, cancelled=cancelled, dropped=0, startUnixNs=1,
          wallNs=wallNs)

def initialize(request):
    reply(request, protocolVersion=1, language="Python", runtime="CPython", runtimeVersion="3",
          framework="scripted", frameworkVersion="1", client="none", clientVersion="1",
          flavour="agent", processId=os.getpid(),
          modes=["standard", "batch", "concurrent", "streaming", "rate"],
          scenarios=["chat", "tools", "conversation", "structured"])

def warmup(request):
    params = request["params"]
    first = params["firstSequence"]
    reply(request, samples=[sample(first + n) for n in range(params["iterations"])])

def run(request):
    params = request["params"]
    first, count = params["firstSequence"], params["iterations"]
    if "durationSeconds" in params:
        time.sleep(params["durationSeconds"])
        count = min(count, 5)
    rows = [sample(first + n, startNs=n * 1000) for n in range(count)]
    send(request, *rows)
    end(request, count, wallNs=max(count * 1000, int(params.get("durationSeconds", 0) * 1e9)))

def cancel(request):
    reply(request, cancelled=True)

def runtimeStatistics(request):
    reply(request)
"""
SERVE = """
while True:
    request = read()
    globals()[request["method"]](request)
"""


class ScriptedAgent:
    """Launches an agent made of the good one above and `changes`, Python that redefines parts."""

    def __init__(self, changes: str = "") -> None:
        self.description = AgentDescription(
            service="scripted-backend",
            language="Python",
            framework="Python",
            modes=get_args(TestMode),
            scenarios=get_args(Scenario),
            flavours=get_args(Flavour),
        )
        self.reason: str | None = None
        self._mark = f"scripted-{uuid.uuid4().hex}"
        self._script = PRELUDE + changes + SERVE

    async def prepare(self) -> None:
        """Do nothing."""

    def unavailable(self) -> str | None:
        """Return what the test said."""
        return self.reason

    def origin_of(self, _flavour: object) -> AgentOrigin:
        """Return what the Python agent's launcher says."""
        return "installed"

    async def command(self, _flavour: object) -> list[str]:
        """Return the command; its last argument marks every process of this agent."""
        return [sys.executable, "-I", "-S", "-c", self._script, self._mark]

    def processes(self) -> list[int]:
        """Return the ids of the processes of this agent that still run."""
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            command = process.info["cmdline"] or []
            if self._mark in command and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        return found


async def run_to_end(agent: ScriptedAgent, **configuration: Any) -> RunSession:
    """Run an agent against an instant model server and return the session that has ended."""
    async with running_simulator() as simulator:
        wanted = {"endpoint": simulator.url, "warmupIterations": 0, **configuration}
        session = RunSession(agent, TestConfiguration.model_validate(wanted))
        await session.execute(EndpointPolicy())
    return session
