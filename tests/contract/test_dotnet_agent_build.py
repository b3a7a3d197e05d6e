"""The built .NET agent as a process: what its own tests cannot see from inside."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from backend_dotnet_shim import delivery
from backend_dotnet_shim.agent_source import AGENT_DIR, source_hash
from backend_dotnet_shim.app import DotnetAgentLauncher
from backend_dotnet_shim.dotnet_sdk import find_dotnet
from service_defaults.settings import ServiceSettings
from shared_models import MAX_LINE_BYTES, InitializeResult, RuntimeStatistics

pytestmark = [
    pytest.mark.dotnet,
    pytest.mark.timeout(300),
    pytest.mark.skipif(find_dotnet() is None, reason="needs the .NET SDK"),
]

INITIALIZE: dict[str, Any] = {"configuration": {"endpoint": "http://127.0.0.1:9"}}


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> delivery.AgentBuild:
    return delivery.resolve(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def agent(build: delivery.AgentBuild) -> Iterator["Agent"]:
    with Agent(build.command) as started:
        yield started


class Agent:
    """One agent process and its pipes."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def __enter__(self) -> "Agent":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(BrokenPipeError):
                if pipe is not None:
                    pipe.close()

    @property
    def stdin(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    def send(self, line: bytes) -> None:
        self.stdin.write(line)
        self.stdin.flush()

    def call(self, method: str, params: dict[str, Any], *, end: bytes = b"\n") -> dict[str, Any]:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self.send(json.dumps(message).encode() + end)
        return self.read()

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        message: dict[str, Any] = json.loads(self.process.stdout.readline())
        return message


def test_it_is_built_from_this_source_outside_of_it(build: delivery.AgentBuild) -> None:
    """An installed package may be read-only, so that a build leaves nothing beside the source."""
    assert build.origin == "source"
    assert source_hash()[:16] in build.command[1]
    assert not list(AGENT_DIR.rglob("project.assets.json"))


def test_it_says_who_it_is(agent: Agent) -> None:
    """The models of the backend accept what the agent says of itself."""
    reply = agent.call("initialize", INITIALIZE)

    result = InitializeResult.model_validate_json(json.dumps(reply["result"]))
    assert result.framework == "Microsoft.Agents.AI"
    assert "+" not in result.framework_version
    assert agent.process.pid == result.process_id
    statistics = agent.call("runtimeStatistics", {})["result"]
    assert RuntimeStatistics.model_validate_json(json.dumps(statistics)).threads


def test_it_has_every_flavour_that_its_backend_lists(build: delivery.AgentBuild) -> None:
    """Until the launcher is prepared it lists what the JIT agent does; each is answered by name."""
    listed = DotnetAgentLauncher(ServiceSettings()).description.flavours
    told = []
    for flavour in listed:
        with Agent(build.command) as agent:
            configuration = INITIALIZE["configuration"] | {"flavour": flavour}
            reply = agent.call("initialize", {"configuration": configuration})
            told.append(reply["result"]["flavour"])

    assert "agent" in listed
    assert list(listed) == told


def test_it_does_not_pass_for_a_native_one(agent: Agent) -> None:
    """Figures of the flavour aot come from a NativeAOT executable, or there are none."""
    configuration = INITIALIZE["configuration"] | {"flavour": "aot"}

    assert -32005 == agent.call("initialize", {"configuration": configuration})["error"]["code"]


def test_a_byte_order_mark_and_carriage_returns_are_accepted(agent: Agent) -> None:
    """Other platforms' writers add them."""
    agent.send(b"\xef\xbb\xbf")

    assert "result" in agent.call("initialize", INITIALIZE, end=b"\r\n")


def test_a_line_that_is_not_json_is_answered_and_the_next_one_works(agent: Agent) -> None:
    """One bad line is not the end."""
    agent.send(b"nonsense\n")

    assert agent.read()["error"]["code"] == -32700
    assert "result" in agent.call("initialize", INITIALIZE)


def test_an_over_long_line_ends_it_with_an_error(agent: Agent) -> None:
    """What follows such a line cannot be trusted."""
    with contextlib.suppress(BrokenPipeError):  # it may be gone before the last byte
        agent.send(b"x" * (MAX_LINE_BYTES + 100_000))

    assert agent.read()["error"]["code"] == -32700
    assert agent.process.wait(10) not in {0, None}


def test_shutdown_is_answered_and_ends_it(agent: Agent) -> None:
    """The orderly way out."""
    assert agent.call("shutdown", {}) == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert agent.process.wait(10) == 0


def test_the_end_of_its_input_ends_it_in_mid_run(agent: Agent) -> None:
    """A backend that is gone leaves no agent that calls the model for nobody."""
    agent.call("initialize", INITIALIZE)
    run = {"runId": "r", "firstSequence": 1, "durationSeconds": 60, "mode": "standard"}
    agent.call("run", {**run, "concurrency": 1})

    closed = time.monotonic()
    agent.stdin.close()

    assert agent.process.wait(10) == 0
    assert time.monotonic() - closed < 2


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
def test_it_dies_with_a_parent_that_is_killed(build: delivery.AgentBuild, tmp_path: Path) -> None:
    """Also when somebody else still holds the other end of its input."""
    parent = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen({list(build.command)!r}, stdin=sys.stdin, "
        "stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        process.stdin.write(b"nonsense\n")
        process.stdin.flush()
        agent_pid = int(process.stdout.readline())
        process.kill()
        process.wait()

        deadline = time.monotonic() + 5
        while _is_alive(agent_pid):
            assert time.monotonic() < deadline


def test_an_unknown_option_is_a_configuration_error(build: delivery.AgentBuild) -> None:
    """78: do not restart me."""
    with Agent((*build.command, "--nonsense")) as agent:
        assert agent.process.wait(10) == 78


def _is_alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie that nobody has reaped yet does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
