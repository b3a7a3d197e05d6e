"""A third agent for perfcompare, in Python's standard library alone: one mode, one scenario.

    perfcompare agent-check -- python docs/examples/echo_agent.py

`docs/agent-protocol.md` says why each part is there. A real agent has its framework in the place
of `Model.exchange`, with a transport of its own below to see what the server said.
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

MAX_LINE_BYTES, FLUSH_NS = 8 * 2**20, 100_000_000
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
FIGURES = {
    "total_duration": "modelNs", "load_duration": "loadNs", "prompt_eval_count": "promptTokens",
    "prompt_eval_duration": "promptEvalNs", "eval_count": "completionTokens",
    "eval_duration": "evalNs",
}  # fmt: skip


class Refusal(Exception):
    """Answered as an error of JSON-RPC: a code and a message."""


def check(params: dict[str, Any], fields: dict[str, tuple[Any, ...]], *required: str) -> None:
    """Refuse unknown fields, wrong types, unknown words, what is not positive and what lacks."""
    for name, value in params.items():
        good = fields.get(name, ())
        if not (value in good if good in (MODES, SCENARIOS) else type(value) in good):
            raise Refusal(-32602, f"{name} is unknown or has a wrong value")
        if name in ("firstSequence", "concurrency", "durationSeconds") and value <= 0:
            raise Refusal(-32602, f"{name} must be above 0")
    if missing := set(required) - set(params):
        raise Refusal(-32602, f"missing: {missing}")


def traceparent(run_id: str, sequence: int, call: int = 1) -> str:
    """Return the header of a model call, which the backend derives as well."""
    trace = hashlib.sha256(f"{run_id}:{sequence}".encode()).hexdigest()[:32]
    span = hashlib.sha256(f"{run_id}:{sequence}:{call}".encode()).hexdigest()[:16]
    return f"00-{trace}-{span}-01"


def judge(status: int, body: bytes) -> tuple[dict[str, Any], str | None, str]:
    """Return what the server counted, and the kind of error (None: a success) with its text."""
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    error = said.get("error") if isinstance(said, dict) else None
    if status != 200:
        missing = status == 404 and "not found" in str(error)
        return {}, "model-not-found" if missing else "http", f"HTTP {status}: {error}"
    if not isinstance(said, dict):
        return {}, "invalid-reply", "the reply is no JSON object"
    if error:
        return {}, "stream-error", str(error)
    figures = {ours: said[theirs] for theirs, ours in FIGURES.items() if said.get(theirs)}
    return figures, None if said.get("done") is True else "incomplete", "no done:true"


class Model:
    """One connection to the model server; `abort` works from any thread, at any moment."""

    def __init__(self, configuration: dict[str, Any], address: str | None) -> None:
        self.given, self.host = configuration, urlsplit(configuration["endpoint"]).netloc
        self.connection = http.client.HTTPConnection(address or self.host)
        self.ended_by: str | None = None

    def request(self, number: int) -> dict[str, Any]:
        """Return what iteration `number` asks for."""
        prompts = self.given.get("prompts") or [self.given.get("prompt", "Say hello {n}")]
        prompt = prompts[(number - 1) % len(prompts)].replace("{n}", str(number))
        messages = [{"role": "user", "content": prompt}]
        if "instructions" in self.given:
            messages.insert(0, {"role": "system", "content": self.given["instructions"]})
        names = {"temperature": "temperature", "seed": "seed", "maxTokens": "num_predict"}
        options = {theirs: self.given[ours] for ours, theirs in names.items() if ours in self.given}
        asked = {"model": self.given["model"], "messages": messages, "options": options}
        return asked | {"stream": False, "think": False}

    def iterate(self, number: int, trace: str, origin_ns: int) -> dict[str, Any]:
        """Time one call and return its sample; nothing but the call is between the stamps."""
        body = json.dumps(self.request(number))
        headers = {"Host": self.host, "traceparent": trace, "Accept-Encoding": "identity"}
        limit_s, figures, self.ended_by = self.given.get("requestTimeoutSeconds", 60), {}, None
        limit = threading.Timer(limit_s, self.abort, ["timeout"])
        limit.start()
        start_ns = http_ns = time.perf_counter_ns()
        try:
            time.sleep(self.given.get("delayMs", 0) / 1e3)
            http_ns = time.perf_counter_ns()
            status, received = self.exchange(body, headers)
            end_ns = time.perf_counter_ns()
            figures, kind, message = judge(status, received)
            figures["transportNs"] = end_ns - http_ns
        except (OSError, http.client.HTTPException) as error:
            end_ns = time.perf_counter_ns()
            self.connection.close()
            kind = "connect" if isinstance(error, ConnectionRefusedError) else "incomplete"
            message = repr(error)
        limit.cancel()
        kind = self.ended_by or kind
        figures |= {"startNs": start_ns - origin_ns, "durationNs": end_ns - start_ns}
        sample = {"outcome": "ok", **figures, "calls": [figures]}
        if kind is not None:
            outcome = kind if kind in ("timeout", "cancelled") else "error"
            sample |= {"outcome": outcome, "errorKind": kind, "errorMessage": message[:500]}
        return sample

    def exchange(self, body: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """Send a request; return the status and the whole body."""
        if self.connection.sock is None:
            self.connection.connect()
            self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.ended_by is not None:
            raise ConnectionAbortedError
        self.connection.request("POST", "/api/chat", body, headers)
        reply = self.connection.getresponse()
        return reply.status, reply.read()

    def abort(self, why: str) -> None:
        """End the call in flight; the server sees its connection close."""
        self.ended_by = why
        if self.connection.sock is not None:
            self.connection.sock.shutdown(socket.SHUT_RDWR)


class Agent:
    """Answers requests; a block runs in a thread of its own, so that it can be cancelled."""

    def __init__(self) -> None:
        self.model: Model | None = None
        self.active: str | None = None
        self.cancelled = False
        self.writing = threading.Lock()

    def write(self, **message: Any) -> None:
        """Write one object as a line."""
        with self.writing:
            sys.stdout.buffer.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
            sys.stdout.buffer.flush()

    def serve(self) -> None:
        """Answer line by line; the end of input ends the process in the middle of anything."""
        while line := sys.stdin.buffer.readline(MAX_LINE_BYTES + 1):
            if len(line) > MAX_LINE_BYTES:
                self.write(id=None, error={"code": -32700, "message": "the line is too long"})
                os._exit(1)
            if text := line.strip().removeprefix(b"\xef\xbb\xbf").strip():
                self.take(text)
        os._exit(0)

    def take(self, text: bytes) -> None:
        """Answer one line; a notification, which has no id, is never answered."""
        try:
            number, method, params = read(text)
        except Refusal as refusal:
            return self.refuse(None, refusal)
        try:
            result = self.answer(number, method, params)
        except Refusal as refusal:
            return None if number is None else self.refuse(number, refusal)
        if number is not None and result is not None:
            self.write(id=number, result=result)
        return os._exit(0) if method == "shutdown" else None

    def refuse(self, number: int | None, refusal: Refusal) -> None:
        """Answer with an error."""
        self.write(id=number, error={"code": refusal.args[0], "message": refusal.args[1]})

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
            if found := params["runId"] == self.active:
                self.cancelled = True
                self.model.abort("cancelled")
            return {"cancelled": found}
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
        self.model, version = (
            Model(configuration, params.get("connectTo")),
            platform.python_version(),
        )
        return {
            "protocolVersion": 1, "language": "Python", "runtime": "CPython",
            "runtimeVersion": version, "framework": "none", "frameworkVersion": "1",
            "client": "http.client", "clientVersion": version, "flavour": "agent",
            "processId": os.getpid(), "modes": ["standard"], "scenarios": ["chat"],
        }  # fmt: skip

    def start(self, number: int | None, method: str, params: dict[str, Any]) -> None:
        """Begin a block or a warm-up."""
        needed = ("iterations",) if method == "warmup" else ("firstSequence", "mode", "concurrency")
        check(params, RUN, "runId", *needed)
        if not {"iterations", "durationSeconds"} & set(params):
            raise Refusal(-32602, "give iterations or durationSeconds")
        if params.get("iterations", 1) < (0 if method == "warmup" else 1):
            raise Refusal(-32602, "iterations is too small")
        if params.get("mode", "standard") != "standard":
            raise Refusal(-32005, "this agent has the mode standard only")
        if params.get("concurrency", 1) != 1:
            raise Refusal(-32602, "the mode standard has concurrency 1")
        if self.active is not None:
            raise Refusal(-32002, "a run is active")
        self.active, self.cancelled = params["runId"], False
        threading.Thread(target=self.block, args=(number, method, params), daemon=True).start()

    def block(self, number: int | None, method: str, params: dict[str, Any]) -> None:
        """Make the calls of a block, send samples between them, and answer."""
        run_id, sequence = params["runId"], params.get("firstSequence", 1)
        trace_run = run_id if method == "run" else f"{run_id}:warmup"
        end, completed, samples = sequence + params.get("iterations", 10**9), 0, []
        unix_ns, origin_ns = time.time_ns(), time.perf_counter_ns()
        limit_ns, sent_ns = origin_ns + params.get("durationSeconds", 1e9) * 1e9, origin_ns
        while sequence < end and time.perf_counter_ns() < limit_ns and not self.cancelled:
            sample = self.model.iterate(sequence, traceparent(trace_run, sequence), origin_ns)
            samples.append({"sequence": sequence, "worker": 0, **sample})
            completed += sample["outcome"] != "cancelled"
            sequence += 1
            if method == "run" and time.perf_counter_ns() - sent_ns > FLUSH_NS:
                self.write(method="samples", params={"runId": run_id, "samples": samples})
                samples, sent_ns = [], time.perf_counter_ns()
        result = {"completed": completed, "cancelled": self.cancelled, "dropped": 0}
        result |= {"startUnixNs": unix_ns, "wallNs": time.perf_counter_ns() - origin_ns}
        if method == "run":
            self.write(method="samples", params={"runId": run_id, "samples": samples})
        self.active = None
        if number is not None:
            self.write(id=number, result=result if method == "run" else {"samples": samples})


def read(text: bytes) -> tuple[int | None, str, dict[str, Any]]:
    """Return the id, the method and the parameters of a request."""
    try:
        request = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise Refusal(-32700, str(problem)) from None
    if not isinstance(request, dict) or request.get("jsonrpc") != "2.0":
        raise Refusal(-32600, "not a JSON-RPC 2.0 request")
    number, method, params = request.get("id"), request.get("method"), request.get("params", {})
    if type(number) not in (int, type(None)) or type(method) is not str or type(params) is not dict:
        raise Refusal(-32600, "not a JSON-RPC 2.0 request")
    return number, method, params


if __name__ == "__main__":
    Agent().serve()
