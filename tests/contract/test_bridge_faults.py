"""A backend against agents that break the protocol, die or go silent: the run always ends."""

import json

import anyio
import pytest

from benchmark.blocks import Grant
from benchmark.session import RunSession
from benchmark.states import RunState
from service_defaults.endpoints import EndpointPolicy
from shared_models import TestConfiguration
from tests.support.agents import ScriptedAgent, run_to_end
from tests.support.simulator import running_simulator
from tests.support.waiting import eventually

PROTOCOL = "bridge-protocol"
DIED = "bridge-died"


async def failed(changes: str, **configuration: object) -> tuple[str | None, str, int]:
    """Run an agent that fails; return the kind, the message and the number of samples kept."""
    agent = ScriptedAgent(changes)
    session = await run_to_end(agent, **configuration)
    await eventually(lambda: not agent.processes())

    assert RunState.FAILED is session.state
    log = session.record.samples
    stored = sum(len(json.loads(rows)) for _, rows in log.json_batches())
    assert len(log) == stored
    return session.failure_kind, session.message or "", len(log)


AFTER_TWO = "def run(request):\n    send(request, sample(1), sample(2))\n    "


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        pytest.param("raw('hello\\n')", PROTOCOL, "not JSON", id="text"),
        pytest.param("raw(b'\\xff\\xfe\\n')", PROTOCOL, "not JSON", id="bad UTF-8"),
        pytest.param("raw('[1]\\n')", PROTOCOL, "JSON-RPC", id="a list"),
        pytest.param("raw('{}\\n')", PROTOCOL, "JSON-RPC", id="no version"),
        pytest.param("raw('[' * 5000 + '\\n')", PROTOCOL, "not JSON", id="deep nesting"),
        pytest.param("raw('{\"jsonrpc\"'); os._exit(0)", PROTOCOL, "inside a line", id="cut off"),
        pytest.param("send(request, sample(2))", PROTOCOL, "came twice", id="duplicate"),
        pytest.param("send(request, sample(999))", PROTOCOL, "more samples", id="too high"),
        pytest.param("send(request, sample(0))", PROTOCOL, "sequence", id="sequence 0"),
        pytest.param("send(request, {'sequence': 3})", PROTOCOL, "malformed", id="half a sample"),
        pytest.param(
            "send(request, sample(3, durationNs=2**63))", PROTOCOL, "impossible", id="64 bits"
        ),
        pytest.param(
            "send(request, sample(3, durationNs=-1))", PROTOCOL, "malformed", id="negative"
        ),
        pytest.param(
            "send({'params': {'runId': 'other'}}, sample(3))", PROTOCOL, "no run", id="another run"
        ),
        pytest.param("write(method='surprise', params={})", PROTOCOL, "surprise", id="method"),
        pytest.param("write(method='samples', id=1, params={})", PROTOCOL, "samples", id="call"),
        pytest.param("write(id=99, result={})", PROTOCOL, "unknown request", id="wrong id"),
        pytest.param("write(id=None, result={})", PROTOCOL, "unknown request", id="null id"),
        pytest.param("write(id=[], result={})", PROTOCOL, "unknown request", id="list id"),
        pytest.param("write(id={}, result={})", PROTOCOL, "unknown request", id="object id"),
        pytest.param(
            "write(id=float(request['id']), result={})", PROTOCOL, "unknown request", id="float id"
        ),
        pytest.param("write(id=request['id'])", PROTOCOL, "either", id="no result"),
        pytest.param("write(id=request['id'], result={}, error={})", PROTOCOL, "either", id="both"),
        pytest.param("write(id=request['id'], error=7)", PROTOCOL, "no code", id="odd error"),
        pytest.param("write(id=request['id'], result=7)", PROTOCOL, "malformed", id="odd result"),
        pytest.param(
            "write(id=request['id'], error={'code': -32603, 'message': 'sorry'})",
            PROTOCOL,
            "sorry",
            id="an error",
        ),
        pytest.param("raw('x' * (9 * 2**20))", PROTOCOL, "longer than", id="an endless line"),
        pytest.param("end(request, 10)", PROTOCOL, "counts 10", id="counts that differ"),
        pytest.param("end(request, 2)", PROTOCOL, "of its own accord", id="an early end"),
        pytest.param("os.close(1); time.sleep(600)", PROTOCOL, "closed its output", id="closed"),
        pytest.param("os._exit(3)", DIED, "status 3", id="exit"),
        pytest.param("os.kill(os.getpid(), 9)", DIED, "SIGKILL", id="kill -9"),
        pytest.param(
            "raw('{\"jso'); os.kill(os.getpid(), 9)", DIED, "SIGKILL", id="kill -9 inside a line"
        ),
        pytest.param("sys.exit('last words')", DIED, "last words", id="last words"),
    ],
)
async def test_a_broken_agent_fails_its_run_and_its_samples_are_kept(
    fault: str, kind: str, words: str
) -> None:
    """The run ends with its kind and cause, what came before counts, and no process is left."""
    failure_kind, message, kept = await failed(AFTER_TWO + fault)

    assert kind == failure_kind
    assert words in message
    assert 2 == kept


async def test_the_good_samples_of_a_bad_batch_are_kept() -> None:
    """Figures and samples stop at the same one."""
    kind, _, kept = await failed(
        "def run(request):\n    send(request, sample(1), sample(2), sample(2), sample(3))"
    )

    assert (PROTOCOL, 2) == (kind, kept)


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("def initialize(request): os._exit(4)", DIED, "status 4"),
        ("def initialize(request): raw('oops\\n')", PROTOCOL, "not JSON"),
        ("def initialize(request): reply(request, protocolVersion=2)", PROTOCOL, "initialize"),
        ("def warmup(request): os.kill(os.getpid(), 9)", DIED, "SIGKILL"),
        ("def warmup(request): send(request, sample(1))", PROTOCOL, "no run"),
        ("def runtimeStatistics(request): os._exit(5)", DIED, "status 5"),
        ("sys.exit(6)", DIED, "status 6"),
    ],
)
async def test_a_fault_at_any_other_moment_fails_the_run_as_well(
    fault: str, kind: str, words: str
) -> None:
    """Hand-shake, warm-up and the last question are no less guarded than the block."""
    failure_kind, message, _ = await failed(fault)

    assert kind == failure_kind
    assert words in message


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("send(request, sample(1))", "sample 1 in a later block"),
        ("send(request, sample(4))", "more samples"),
        ("end(request, 0)", "of its own accord"),
        ("end(request, 2)", "counts 2"),
        ("os._exit(3)", "status 3"),
    ],
)
async def test_a_later_block_is_guarded_like_the_first(block: str, words: str) -> None:
    """The samples of the blocks before are kept."""
    two_blocks = f"""
def run(request):
    if request["params"]["firstSequence"] == 1:
        send(request, sample(1))
        end(request, 1)
        return
    {block}
"""
    agent = ScriptedAgent(two_blocks)
    async with running_simulator() as simulator:
        wanted = {"endpoint": simulator.url, "gated": True, "iterations": 3}
        session = RunSession(agent, TestConfiguration.model_validate(wanted))
        async with anyio.create_task_group() as group:
            group.start_soon(session.execute, EndpointPolicy())
            for size in (1, 2):
                await session.settled()
                await session.advance(Grant(iterations=size))

    assert RunState.FAILED is session.state
    assert words in (session.message or "")
    assert 1 == len(session.record.samples)
    await eventually(lambda: not agent.processes())


@pytest.mark.parametrize(
    ("constant", "fault"),
    [
        ("agents.INITIALIZE_DEADLINE_S", "def initialize(request): time.sleep(600)"),
        ("session.SILENCE_MARGIN_S", "def warmup(request): time.sleep(600)"),
        ("session.SILENCE_MARGIN_S", AFTER_TWO + "time.sleep(600)"),
        ("agents.CALL_DEADLINE_S", "def runtimeStatistics(request): time.sleep(600)"),
    ],
)
async def test_a_silent_agent_is_given_up_after_the_deadline(
    monkeypatch: pytest.MonkeyPatch, constant: str, fault: str
) -> None:
    """Silence is bounded in every phase, and the agent is killed."""
    monkeypatch.setattr(f"benchmark.{constant}", 0.3)

    kind, message, _ = await failed(fault, requestTimeoutSeconds=0.2)

    assert PROTOCOL == kind
    assert "silent" in message


async def test_an_agent_that_does_not_read_its_input_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A full pipe ends the run instead of holding the backend."""
    monkeypatch.setattr("benchmark.bridge.WRITE_DEADLINE_S", 0.3)

    kind, message, _ = await failed("time.sleep(600)", prompts=["x" * 32_000] * 20)

    assert PROTOCOL == kind
    assert "does not read" in message


GOOD_BUT = "def run(request):\n    {}\n    send(request, sample(1))\n    end(request, 1)"


@pytest.mark.parametrize(
    "oddity",
    [
        pytest.param("pass", id="nothing odd"),
        pytest.param(
            "global raw; plain = raw; raw = lambda data: plain(data.replace('\\n', '\\r\\n'))",
            id="CR LF",
        ),
        pytest.param("raw(b'\\xef\\xbb\\xbf')", id="byte order mark"),
        pytest.param("raw('\\n\\r\\n\\n')", id="empty lines"),
        pytest.param("os.write(2, b'x' * 1_000_000)", id="1 MB of log without a line end"),
        pytest.param("os.write(2, b'log \\xff\\n' * 20_000)", id="a long log"),
        pytest.param(
            "global raw; plain = raw\n"
            "    raw = lambda d: [plain(d[i:i + 7]) for i in range(0, len(d), 7)]",
            id="lines in pieces",
        ),
        pytest.param(
            "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', sys.argv[1]])",
            id="a grandchild that holds the pipes",
        ),
    ],
)
async def test_an_odd_but_correct_agent_completes(oddity: str) -> None:
    """What the protocol allows is read, and nothing that the agent started is left."""
    agent = ScriptedAgent(GOOD_BUT.format(oddity))

    session = await run_to_end(agent, iterations=1)

    assert (RunState.COMPLETED, None) == (session.state, session.message)
    assert 1 == session.record.samples.success_count
    await eventually(lambda: not agent.processes())


async def test_an_agent_that_ignores_the_end_of_its_input_is_killed() -> None:
    """A run never waits for a process that does not want to go."""
    agent = ScriptedAgent(
        "def runtimeStatistics(request):\n    reply(request)\n    time.sleep(600)"
    )

    session = await run_to_end(agent, iterations=1)

    assert RunState.COMPLETED is session.state
    await eventually(lambda: not agent.processes())


async def test_an_agent_that_dies_while_a_grandchild_holds_its_pipes_is_noticed() -> None:
    """The end of the process counts, not the end of its output."""
    child = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', sys.argv[1]])"

    kind, _, kept = await failed(f"{AFTER_TWO}{child}\n    os._exit(0)")

    assert (DIED, 2) == (kind, kept)


async def test_an_agent_that_cannot_be_started_fails_the_run() -> None:
    """A missing program is a cause that the user reads, not a failure of the service."""

    class Missing(ScriptedAgent):
        async def command(self, _flavour: object) -> list[str]:
            return ["/nonexistent/agent"]

    session = await run_to_end(Missing())

    assert (RunState.FAILED, "agent-unavailable") == (session.state, session.failure_kind)
    assert "/nonexistent/agent" in (session.message or "")


@pytest.mark.parametrize(
    ("outcome", "ended_after"),
    [
        ("outcome='error', errorKind='http', errorMessage='HTTP 500'", 5),
        ("outcome='timeout', errorKind='timeout'", 5),
        ("outcome='error', errorKind='model-not-found'", 1),
    ],
)
async def test_a_hopeless_run_is_ended_early_and_its_failures_are_counted(
    outcome: str, ended_after: int
) -> None:
    """Five failures in a row, or a missing model once, cancel the rest of the run."""
    agent = ScriptedAgent(f"""
def run(request):
    global block
    block = request
    for number in range(1, {ended_after + 1}):
        send(request, sample(number, {outcome}))

def cancel(request):
    reply(request, cancelled=True)
    end(block, {ended_after}, cancelled=True)
""")

    session = await run_to_end(agent, iterations=1_000)

    assert RunState.FAILED is session.state
    assert ended_after == session.record.samples.failure_count
    assert 0 == session.record.samples.success_count
