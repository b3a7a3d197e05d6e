"""A third agent for perfcompare, in Python's standard library: it hands each reply on as it is.

    perfcompare agent-check -- python docs/examples/echo_agent.py

It has one mode (standard) and one scenario (chat). docs/agent-protocol.md says what each part is
for; a real agent puts its framework in the place of `Model.ask`.
"""

import hashlib
import http.client
import json
import os
import platform
import socket
import sys
import threading
import time
from typing import Any
from urllib.parse import urlsplit

MAX_LINE_BYTES = 8 * 2**20
FLUSH_S = 0.1
MODES = ("standard", "batch", "concurrent", "streaming", "rate")
SCENARIOS = ("chat", "tools", "conversation", "structured")
WHOLE, NUMBER, TEXT = (int,), (int, float), (str,)
CONFIGURATION = {
    "iterations": WHOLE, "model": TEXT, "endpoint": TEXT, "testMode": MODES, "batchSize": WHOLE,
    "concurrentRequests": WHOLE, "warmupIterations": (int, str), "warmupSeconds": NUMBER,
    "scenario": SCENARIOS, "turns": WHOLE, "prompt": TEXT, "prompts": (list,),
    "instructions": TEXT, "temperature": NUMBER, "seed": WHOLE, "maxTokens": WHOLE,
    "requestTimeoutSeconds": NUMBER, "ratePerSecond": NUMBER, "arrivals": TEXT,
    "durationSeconds": NUMBER, "agentProcesses": WHOLE, "flavour": TEXT, "gated": (bool,),
    "delayMs": NUMBER,
}  # fmt: skip
RUN = {
    "runId": TEXT, "firstSequence": WHOLE, "iterations": WHOLE, "durationSeconds": NUMBER,
    "mode": MODES, "concurrency": WHOLE, "ratePerSecond": NUMBER, "arrivals": TEXT,
    "arrivalSeed": WHOLE, "traceParent": TEXT,
}  # fmt: skip
POSITIVE = ("firstSequence", "concurrency", "durationSeconds")
FIGURES = {
    "total_duration": "modelNs", "load_duration": "loadNs", "prompt_eval_count": "promptTokens",
    "prompt_eval_duration": "promptEvalNs", "eval_count": "completionTokens",
    "eval_duration": "evalNs",
}  # fmt: skip


class Refusal(Exception):
    """Answered as an error of JSON-RPC."""


def check(params: dict[str, Any], fields: dict[str, tuple[Any, ...]], *required: str) -> None:
    """Refuse unknown fields, wrong types, unknown words and missing fields with −32602."""
    for name, value in params.items():
        kinds = fields.get(name, ())
        if not (value in kinds if kinds and isinstance(kinds[0], str) else type(value) in kinds):
            raise Refusal(-32602, f"{name} is unknown or has a wrong value")
        if name in POSITIVE and value <= 0:
            raise Refusal(-32602, f"{name} must be above 0")
    for name in required:
        if name not in params:
            raise Refusal(-32602, f"{name} is missing")


def hexadecimal(text: str, length: int) -> str:
    """Return the beginning of the text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


class Model:
    """One connection to the model server; `abort` works from any thread, at any moment."""

    def __init__(self, configuration: dict[str, Any], address: str | None) -> None:
        endpoint = urlsplit(configuration["endpoint"])
        self.configuration, self.host = configuration, endpoint.netloc
        self.connection = http.client.HTTPConnection(address or endpoint.netloc)
        self.stopped_by: str | None = None

    def body(self, number: int) -> dict[str, Any]:
        """Return the request of iteration `number`."""
        given = self.configuration
        prompts = given.get("prompts") or [given.get("prompt", "Say hello {n}")]
        prompt = prompts[(number - 1) % len(prompts)].replace("{n}", str(number))
        messages = [{"role": "user", "content": prompt}]
        if "instructions" in given:
            messages.insert(0, {"role": "system", "content": given["instructions"]})
        names = {"temperature": "temperature", "seed": "seed", "maxTokens": "num_predict"}
        options = {option: given[name] for name, option in names.items() if name in given}
        return {
            "model": given["model"], "messages": messages, "options": options,
            "stream": False, "think": False,
        }  # fmt: skip

    def ask(self, number: int, traceparent: str, origin_ns: int) -> dict[str, Any]:
        """Make one timed call and return its sample, without the number."""
        body = json.dumps(self.body(number))
        headers = {"Host": self.host, "traceparent": traceparent, "Accept-Encoding": "identity"}
        self.stopped_by = None
        limit = threading.Timer(
            self.configuration.get("requestTimeoutSeconds", 60), self.abort, ["timeout"]
        )
        limit.daemon = True
        limit.start()
        call: dict[str, Any] = {}
        figures: dict[str, Any] = {}
        start_ns = time.perf_counter_ns()
        http_ns = start_ns
        try:
            time.sleep(self.configuration.get("delayMs", 0) / 1e3)
            http_ns = time.perf_counter_ns()
            reply, received = self.exchange(body, headers)
            call["transportNs"] = time.perf_counter_ns() - http_ns
            end_ns = time.perf_counter_ns()
            figures, problem = judge(reply, received)
        except (OSError, http.client.HTTPException) as error:
            end_ns = time.perf_counter_ns()
            self.connection.close()
            refused = isinstance(error, ConnectionRefusedError)
            problem = ("connect" if refused else "incomplete", f"{type(error).__name__}: {error}")
        limit.cancel()
        if self.stopped_by is not None:
            problem = (self.stopped_by, self.stopped_by)
        call |= {"startNs": start_ns - origin_ns, "durationNs": end_ns - start_ns}
        call |= {"httpStartNs": http_ns - origin_ns}
        sums = {name: value for name, value in (call | figures).items() if name != "httpStartNs"}
        return sums | outcome(problem) | {"calls": [call | figures]}

    def exchange(self, body: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """Send a request; return the status and the whole body."""
        if self.connection.sock is None:
            self.connection.connect()
            self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.stopped_by is not None:
            raise ConnectionAbortedError
        self.connection.request("POST", "/api/chat", body, headers)
        reply = self.connection.getresponse()
        return reply.status, reply.read()

    def abort(self, why: str) -> None:
        """End the call in flight: the server sees its connection close."""
        self.stopped_by = why
        if self.connection.sock is not None:
            self.connection.sock.shutdown(socket.SHUT_RDWR)


def judge(status: int, body: bytes) -> tuple[dict[str, Any], tuple[str, str] | None]:
    """Return what the server counted, and why the call is no success (None: it is one)."""
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    error = said.get("error") if isinstance(said, dict) else None
    if status != 200:
        missing = status == 404 and "not found" in str(error)
        return {}, ("model-not-found" if missing else "http", f"HTTP {status}: {error}")
    if not isinstance(said, dict):
        return {}, ("invalid-reply", "the reply is no JSON object")
    if error:
        return {}, ("stream-error", str(error))
    figures = {ours: said[theirs] for theirs, ours in FIGURES.items() if said.get(theirs)}
    return figures, None if said.get("done") is True else ("incomplete", "no done:true")


def outcome(problem: tuple[str, str] | None) -> dict[str, Any]:
    """Return the fields of a sample that say how it ended."""
    if problem is None:
        return {"outcome": "ok"}
    kind, message = problem
    ended = kind if kind in ("timeout", "cancelled") else "error"
    return {"outcome": ended, "errorKind": kind, "errorMessage": message[:500]}


class Agent:
    """Answers requests; a run goes on in a thread of its own, so that it can be cancelled."""

    def __init__(self) -> None:
        self.model: Model | None = None
        self.active: str | None = None
        self.cancelled = False
        self.writing = threading.Lock()

    def write(self, **message: Any) -> None:
        """Write one object as a line."""
        line = json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
        with self.writing:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()

    def error(self, number: int | None, code: int, message: str) -> None:
        """Answer with an error."""
        self.write(id=number, error={"code": code, "message": message})

    def serve(self) -> None:
        """Answer line by line until the end of input."""
        while line := sys.stdin.buffer.readline(MAX_LINE_BYTES + 1):
            if len(line) > MAX_LINE_BYTES:
                self.error(None, -32700, "the line is too long")
                os._exit(1)
            if text := line.strip().removeprefix(b"\xef\xbb\xbf").strip():
                self.take(text)
        os._exit(0)  # the backend has gone: nothing is worth finishing

    def take(self, text: bytes) -> None:
        """Answer one line."""
        try:
            request = json.loads(text)
        except (ValueError, RecursionError) as problem:
            return self.error(None, -32700, str(problem))
        good = isinstance(request, dict) and request.get("jsonrpc") == "2.0"
        number = request.get("id") if good else None
        if (
            not good
            or type(number) not in (int, type(None))
            or type(request.get("method")) is not str
        ):
            return self.error(number if type(number) is int else None, -32600, "not a request")
        try:
            result = self.answer(number, request["method"], request.get("params", {}))
            if result is not None and number is not None:
                self.write(id=number, result=result)
        except Refusal as refusal:
            if number is not None:
                self.error(number, *refusal.args)
        if request["method"] == "shutdown":
            os._exit(0)

    def answer(self, number: int | None, method: str, params: Any) -> dict[str, Any] | None:
        """Return the result, or None when it follows later."""
        if method == "initialize":
            return self.initialize(params)
        if method == "shutdown":
            return {}
        if method not in ("warmup", "run", "cancel", "runtimeStatistics"):
            raise Refusal(-32601, "there is no such method")
        if self.model is None:
            raise Refusal(-32001, "initialize first")
        if method == "runtimeStatistics":
            return {"threads": threading.active_count()}
        if method == "cancel":
            check(params, {"runId": TEXT}, "runId")
            if params["runId"] != self.active:
                return {"cancelled": False}
            self.cancelled = True
            self.model.abort("cancelled")
            return {"cancelled": True}
        self.start(number, method, params)
        return None

    def initialize(self, params: dict[str, Any]) -> dict[str, Any]:
        """Take the configuration and say who this is."""
        fields = {"protocolVersion": WHOLE, "configuration": (dict,), "connectTo": TEXT}
        check(params, fields, "protocolVersion", "configuration")
        configuration = params["configuration"]
        check(configuration, CONFIGURATION, "endpoint", "model")
        if params["protocolVersion"] != 1:
            raise Refusal(-32602, "this agent speaks protocol version 1")
        for name, ours in (("testMode", "standard"), ("scenario", "chat"), ("flavour", "agent")):
            if configuration.get(name, ours) != ours:
                raise Refusal(-32005, f"{name} {configuration[name]} is not supported")
        if self.model is not None:
            raise Refusal(-32600, "initialize has been called before")
        self.model = Model(configuration, params.get("connectTo"))
        return {
            "protocolVersion": 1, "language": "Python", "runtime": "CPython",
            "runtimeVersion": platform.python_version(), "framework": "echo",
            "frameworkVersion": "1", "client": "http.client",
            "clientVersion": platform.python_version(), "flavour": "agent",
            "processId": os.getpid(), "modes": ["standard"], "scenarios": ["chat"],
        }  # fmt: skip

    def start(self, number: int | None, method: str, params: dict[str, Any]) -> None:
        """Begin a block or a warm-up."""
        needed = (
            ("runId", "iterations") if method == "warmup" else ("runId", "firstSequence", "mode")
        )
        check(params, RUN, *needed)
        if params.get("iterations", 1) < (method == "run"):
            raise Refusal(-32602, "iterations is too small")
        if not {"iterations", "durationSeconds"} & set(params):
            raise Refusal(-32602, "give iterations or durationSeconds")
        if params.get("mode", "standard") != "standard":
            raise Refusal(-32005, "this agent has the mode standard only")
        if params.get("concurrency", 1) != 1:
            raise Refusal(-32602, "the mode standard has concurrency 1")
        if self.active is not None:
            raise Refusal(-32002, "a run is active")
        self.active, self.cancelled = params["runId"], False
        threading.Thread(target=self.block, args=(number, method, params), daemon=True).start()

    def block(self, number: int | None, method: str, params: dict[str, Any]) -> None:
        """Make the calls of a block, sending samples between them, and answer."""
        run_id, sequence = params["runId"], params.get("firstSequence", 1)
        trace_run = run_id + ":warmup" if method == "warmup" else run_id
        samples: list[dict[str, Any]] = []
        start_unix_ns, origin_ns = time.time_ns(), time.perf_counter_ns()
        ends_ns = origin_ns + params.get("durationSeconds", 1e9) * 1e9
        last = sequence + params.get("iterations", 10**9)
        completed, flushed_ns = 0, origin_ns
        while sequence < last and time.perf_counter_ns() < ends_ns and not self.cancelled:
            trace = hexadecimal(f"{trace_run}:{sequence}", 32)
            span = hexadecimal(f"{trace_run}:{sequence}:1", 16)
            sample = self.model.ask(sequence, f"00-{trace}-{span}-01", origin_ns)
            samples.append({"sequence": sequence, "worker": 0, **sample})
            completed += sample["outcome"] != "cancelled"
            sequence += 1
            if method == "run" and time.perf_counter_ns() - flushed_ns > FLUSH_S * 1e9:
                self.write(method="samples", params={"runId": run_id, "samples": samples})
                samples, flushed_ns = [], time.perf_counter_ns()
        wall_ns = time.perf_counter_ns() - origin_ns
        result: dict[str, Any] = {"samples": samples}
        if method == "run":
            self.write(method="samples", params={"runId": run_id, "samples": samples})
            result = {"completed": completed, "cancelled": self.cancelled, "dropped": 0}
            result |= {"startUnixNs": start_unix_ns, "wallNs": wall_ns}
        self.active = None
        if number is not None:
            self.write(id=number, result=result)


if __name__ == "__main__":
    Agent().serve()
