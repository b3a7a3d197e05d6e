"""The conformance suite against bad agents: the example agent with one thing wrong.

Each is found by the check that is meant for it, and by no other: a check that cannot fail would
prove nothing, and one that fails for another reason would mislead.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from benchmark.conformance.groups import ALL_GROUPS
from benchmark.conformance.model_server import REPLY_TOKENS, ModelServer, connected
from benchmark.conformance.suite import examine
from ollama_simulator import SimulatorSettings
from tests.support.simulator import INSTANT, running_simulator

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = (ROOT / "docs" / "examples" / "echo_agent.py").read_text("utf-8")
PATIENCE_S = 3.0

Change = tuple[str, str]
"""What the example says, and what the bad agent says instead."""

BAD: list[tuple[str, set[str], list[Change]]] = [
    (
        "introduction",
        {"nothing works before the introduction"},
        [("refuse_if(needed and", 'refuse_if(needed and method != "cancel" and')],
    ),
    (
        "introduction",
        {"another protocol version is refused"},
        [('params["protocolVersion"] != 1', "False")],
    ),
    (
        "introduction",
        {"a wrong configuration is refused"},
        [('check(ours, {"endpoint", "model"})', "pass")],
    ),
    ("introduction", {"the introduction is complete"}, [("os.getpid()", "os.getpid() + 1")]),
    ("introduction", {"it is introduced once"}, [("self.given is not None", "False")]),
    (
        "introduction",
        {"an unknown method is refused"},
        [("-32601", "-32602")],
    ),
    (
        "introduction",
        {"wrong parameters are refused"},
        [('"traceParent": str,', '"traceParent": str, "surprise": int,')],
    ),
    (
        "introduction",
        {"what it does not claim is refused"},
        [('-32005, "it has standard', '-32602, "it has standard')],
    ),
    ("introduction", {"a flavour is had or refused"}, [(', "flavour": "agent"}', "}")]),
    (
        "introduction",
        {"only one block runs at a time"},
        [("-32002", "-32603")],
    ),
    (
        "introduction",
        {"the runtimes own counters can be read", "every message has its form"},
        [("threading.active_count()", "1.5")],
    ),
    (
        "framing",
        {"a line that is not json is a parse error"},
        [("-32700", "-32600")],
    ),
    (
        "framing",
        {"a line that is no request is refused"},
        [(' and request.get("jsonrpc") == "2.0"', "")],
    ),
    (
        "framing",
        {"a batch is refused"},
        [
            (
                "    good = ",
                """    refuse_if(isinstance(request, list), -32601, "no batches")
    good = """,
            )
        ],
    ),
    (
        "framing",
        {"a notification is never answered"},
        [("if number is not None:", "if True:")],
    ),
    (
        "framing",
        {"odd line ends and a byte order mark are read"},
        [("if line.strip():", "if True:")],
    ),
    (
        "framing",
        {
            "a request may come in pieces and several at once",
            "a notification is never answered",
            "a line of nearly 8 mib is read",
        },
        [
            (
                "sys.stdin.buffer.readline(MAX_LINE_BYTES + 1)",
                "time.sleep(0.05) or os.read(0, 65_536)",
            )
        ],
    ),
    ("framing", {"a line of nearly 8 mib is read"}, [("8 * 2**20", "2**20")]),
    (
        "framing",
        {"a line past 8 mib is not taken"},
        [("readline(MAX_LINE_BYTES + 1)", "readline()")],
    ),
    (
        "leaving",
        {"shutdown is answered and ends the agent"},
        [("return os._exit(0) if", "return os._exit(3) if")],
    ),
    (
        "leaving",
        {"the end of its input ends the agent"},
        [("os._exit(0)  # in", "threading.Event().wait()  # in")],
    ),
    (
        "requests",
        {"each iteration has its own prompt"},
        [('.replace("{n}", str(number))', '.replace("{n}", str(number), 1)')],
    ),
    (
        "requests",
        {"characters beyond ascii pass unharmed"},
        [
            (
                "prompt = prompts",
                """prompts = [p.encode("ascii", "ignore").decode() for p in prompts]
        prompt = prompts""",
            )
        ],
    ),
    (
        "requests",
        {"the configuration reaches the model server"},
        [('"seed": "seed", ', "")],
    ),
    (
        "requests",
        {"each iteration starts afresh", "the configuration reaches the model server"},
        [("messages = [{", "messages = self.said = [*vars(self).get('said', []), {")],
    ),
    (
        "requests",
        {"the connection goes to the checked address"},
        [('params.get("connectTo", self.host)', "self.host")],
    ),
    (
        "requests",
        {
            "each model call carries its trace",
            "the calls of a warm up have traces of their own",
        },
        [("{trace_run}:{number}:1", "{trace_run}:{number}:0")],
    ),
    (
        "requests",
        {"the calls of a warm up have traces of their own"},
        [('f"{run_id}:warmup"', "run_id")],
    ),
    (
        "blocks",
        {"samples are numbered without a gap [standard]"},
        [('"sequence": sequence, "worker"', '"sequence": sequence + 1, "worker"')],
    ),
    (
        "blocks",
        {"samples lie inside their block [standard]"},
        [('"startUnixNs": unix_ns', '"startUnixNs": unix_ns - 10**12')],
    ),
    (
        "blocks",
        {"each layer of a call holds the next [standard]"},
        [('["transportNs"] = end_ns - http_ns', '["transportNs"] = end_ns - http_ns + 10**9')],
    ),
    (
        "blocks",
        {"a block ends after its duration [standard]"},
        [('order["durationSeconds"] * 1e9', 'order["durationSeconds"] * 2e9')],
    ),
    (
        "blocks",
        {"samples come while the block runs [standard]"},
        [("100_000_000", "10**12")],
    ),
    (
        "blocks",
        {"iterations end a block before its duration [standard]"},
        [
            (
                'first + order["iterations"]',
                'first + (order["iterations"] if order["durationSeconds"] == FOREVER else FOREVER)',
            )
        ],
    ),
    (
        "standard",
        {"one call follows the other"},
        [('"worker": 0, **sample', '"worker": 1, **sample')],
    ),
    (
        "standard",
        {"its concurrency is 1"},
        [('params.get("concurrency", 1) != 1', "False")],
    ),
    (
        "warm-up",
        {"its samples are in its result [standard]"},
        [
            (
                'order["firstSequence"], method == "run"',
                'order["firstSequence"] if method == "run" else 1, method == "run"',
            )
        ],
    ),
    (
        "warm-up",
        {"a warm up of no calls asks nothing"},
        [('first + order["iterations"]', 'first + max(1, order["iterations"])')],
    ),
    (
        "warm-up",
        {"it enters no run"},
        [
            (
                'result = {"completed": completed',
                """self.all = vars(self).get("all", 0) + completed
        result = {"completed": self.all""",
            )
        ],
    ),
    (
        "timing",
        {
            "a call takes what the model takes and little more",
            "a delay in the agent is the agents own time",
        },
        [('"durationNs": end_ns - start_ns', '"durationNs": end_ns - start_ns + 10**8')],
    ),
    (
        "timing",
        {"a slower model is seen as slower", "a delay in the agent is the agents own time"},
        [('"durationNs": end_ns - start_ns', '"durationNs": 28_000_000')],
    ),
    (
        "timing",
        {"a delay in the agent is the agents own time"},
        [('time.sleep(self.given.get("delayMs", 0) / 1e3)', "pass")],
    ),
    (
        "timing",
        {"the servers own figures are passed on [standard]"},
        [("said[theirs] for", "said[theirs] // 1_000 * 1_000 for")],
    ),
    (
        "judgement",
        {"a reply without done is incomplete [standard]"},
        [('None if said.get("done") is True else "incomplete"', "None")],
    ),
    (
        "judgement",
        {"an error in a good reply is a stream error [standard]"},
        [('if said.get("error"):', "if False:")],
    ),
    (
        "judgement",
        {"a cut reply is incomplete [standard]"},
        [
            (
                "came, ConnectionRefusedError",
                "came, ConnectionRefusedError | http.client.IncompleteRead",
            )
        ],
    ),
    (
        "judgement",
        {"a connection cut before the reply is incomplete"},
        [
            (
                "came, ConnectionRefusedError",
                "came, ConnectionRefusedError | http.client.RemoteDisconnected",
            )
        ],
    ),
    (
        "judgement",
        {"a refusal of the server is an http error [standard]", "a redirect is not followed"},
        [('if missing else "http"', 'if missing else "incomplete"')],
    ),
    (
        "judgement",
        {"a missing model is told apart [standard]"},
        [("missing = status == 404", "missing = status == 405")],
    ),
    (
        "judgement",
        {"what is not json is an invalid reply"},
        [('else "invalid-reply"', 'else "incomplete"')],
    ),
    ("judgement", {"a failed call says why"}, [("message[:500]", '""')]),
    (
        "judgement",
        {"every message has its form"},
        [("message[:500]", "message")],
    ),
    (
        "judgement",
        {"a call past its time limit is a timeout", "the time limit is for the whole call"},
        [("end_ns >= deadline_ns", "False")],
    ),
    # The socket's own limit, for each read, is left.
    ("judgement", {"the time limit is for the whole call"}, [("limit.start()", "pass")]),
    (
        "judgement",
        {"a server that is not there is a connect error"},
        [("isinstance(came, ConnectionRefusedError)", "False")],
    ),
    (
        "cancel",
        {"a cancelled block ends at once [standard]"},
        [('"cancelled" if self.cancelled else "timeout"', '"timeout"')],
    ),
    (
        "cancel",
        {"the model server is released [standard]"},
        [
            (
                "self.socket.shutdown(socket.SHUT_RDWR)",
                """LEAKED.append(self.socket.dup())
            self.socket.shutdown(socket.SHUT_RD)""",
            ),
            ("class Refusal", "LEAKED = []\n\n\nclass Refusal"),
        ],
    ),
    (
        "cancel",
        {"only the named run is cancelled"},
        [('params["runId"] == self.active', "self.active is not None")],
    ),
    (
        "cancel",
        {"a warm up can be cancelled"},
        [
            ('params["runId"] == self.active', 'params["runId"] == self.active and self.runs'),
            (
                "self.active, self.cancelled =",
                'self.runs = method == "run"\n        self.active, self.cancelled =',
            ),
        ],
    ),
    (
        "standard",
        {"stdout holds nothing but the protocol"},
        [("    agent = Agent()", '    print("starting", flush=True)\n    agent = Agent()')],
    ),
    (
        "standard",
        {"every message has its form"},
        [('"worker": 0, **sample', '"worker": 0, "surprise": 1, **sample')],
    ),
    (
        "standard",
        {"samples belong to the run under way"},
        [
            (
                'else {"samples": samples})\n',
                """else {"samples": samples})
        self.write(method="samples", params={"runId": run_id, "samples": []})
""",
            )
        ],
    ),
]


@asynccontextmanager
async def model_server() -> AsyncIterator[ModelServer]:
    """A simulator in this process, like the one that the suite starts."""
    settings = SimulatorSettings(latency=INSTANT, slots=1, reply_tokens=REPLY_TOKENS)
    async with running_simulator(settings) as simulator, connected(simulator.url) as server:
        yield server


@pytest.mark.parametrize(
    ("group", "expected", "changes"), BAD, ids=[f"{g}-{'-'.join(sorted(e))}" for g, e, _ in BAD]
)
async def test_a_bad_agent_fails_the_check_that_is_meant_for_it(
    group: str, expected: set[str], changes: list[Change]
) -> None:
    """One thing is wrong, and it is named."""
    source = EXAMPLE
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    report = await examine(
        [sys.executable, "-I", "-S", "-c", source],
        groups=[one for one in ALL_GROUPS if one.name == group],
        server=model_server(),
        patience_s=PATIENCE_S,
    )

    failed = {one.check.name: one.came for one in report.outcomes if one.status == "fail"}
    assert expected == set(failed), failed
    assert not report.conforms
