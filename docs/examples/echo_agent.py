"""A third agent for perfcompare, in Python's standard library: one mode, one scenario.

One thread answers requests, another makes the calls of a block. docs/agent-protocol.md says why.
A real agent has its framework in `iterate`, around a transport that keeps what the server said.
"""

import hashlib
import http.client
import json
import os
import socket
import sys
import threading
import time
from contextlib import suppress
from urllib.parse import urlsplit

MAX_LINE_BYTES, FLUSH_NS, FOREVER, NUMBER = 8 * 2**20, 100_000_000, 10**12, int | float
TYPES = {
    "protocolVersion": int, "configuration": dict, "connectTo": str, "runId": str, "mode": str,
    "iterations": int, "firstSequence": int, "concurrency": int, "durationSeconds": NUMBER,
    "ratePerSecond": NUMBER, "arrivals": str, "arrivalSeed": int, "traceParent": str,
    "endpoint": str, "model": str, "prompt": str, "prompts": list, "instructions": str,
    "temperature": NUMBER, "seed": int, "maxTokens": int, "requestTimeoutSeconds": NUMBER,
    "delayMs": NUMBER, "jsonrpc": str, "id": int, "method": str, "params": dict,
}  # fmt: skip
REQUIRED = {
    "initialize": {"protocolVersion", "configuration"}, "warmup": {"runId", "iterations"},
    "run": {"runId", "firstSequence", "mode", "concurrency"}, "cancel": {"runId"},
    "runtimeStatistics": set(), "shutdown": set(),
}  # fmt: skip
CLAIMED = {"testMode": "standard", "scenario": "chat", "flavour": "agent"}
OPTIONS = {"temperature": "temperature", "seed": "seed", "maxTokens": "num_predict"}
FIGURES = {
    "total_duration": "modelNs", "load_duration": "loadNs", "eval_duration": "evalNs",
    "prompt_eval_duration": "promptEvalNs", "prompt_eval_count": "promptTokens",
    "eval_count": "completionTokens",
}  # fmt: skip


class Refusal(Exception):
    """Answered as an error of JSON-RPC: a code and a message."""


def refuse_if(wrong: bool, code: int, message: str) -> None:
    if wrong:
        raise Refusal(code, message)


def check(given: dict, required: set[str], code: int = -32602) -> None:
    """Refuse what is missing, what is unknown and what has a wrong type (True is no number)."""
    for name in required | given.keys():
        value, kind = given.get(name), TYPES.get(name, ())
        refuse_if(isinstance(value, bool) or not isinstance(value, kind), code, f"wrong: {name}")


def parse(line: bytes) -> tuple[int | None, str, dict]:
    """Return the id (None: a notification), the method and the parameters of a request."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        raise Refusal(-32700, "the line is not JSON") from None
    good = isinstance(request, dict) and request.get("jsonrpc") == "2.0"
    refuse_if(not good, -32600, "not a JSON-RPC 2.0 request")
    check(request, {"method"}, -32600)
    return request.get("id"), request["method"], request.get("params", {})


def judge(came: tuple[int, bytes] | Exception) -> tuple[str | None, str, dict]:
    """Return the kind of error (None: a success), its text, and what the server said."""
    if isinstance(came, Exception):
        kind = "connect" if isinstance(came, ConnectionRefusedError) else "incomplete"
        return kind, repr(came), {}
    status, body = came
    try:
        said = dict(json.loads(body))
    except (ValueError, TypeError, RecursionError):
        said = {}
    kind = None if said.get("done") is True else "incomplete" if said else "invalid-reply"
    if said.get("error"):
        kind = "stream-error"
    if status != 200:
        missing = status == 404 and "not found" in str(said.get("error"))
        kind = "model-not-found" if missing else "http"
    return kind, f"HTTP {status}: {body!r}", said


class Agent:
    """`given` is the configuration once it has come, `active` the block that runs, if one does."""

    given = active = socket = None
    cancelled, writing = False, threading.Lock()

    def write(self, **message: object) -> None:
        """Write one object as a line."""
        with self.writing:
            sys.stdout.buffer.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
            sys.stdout.buffer.flush()

    def take(self, line: bytes) -> None:
        """Answer a line; a notification, which has no id, is ignored: none is meant for agents."""
        number = None
        try:
            number, method, params = parse(line)
            if number is not None:
                self.answer(number, method, params)
        except Refusal as refusal:
            self.write(id=number, error={"code": refusal.args[0], "message": refusal.args[1]})

    def answer(self, number: int, method: str, params: dict) -> None:
        """Answer a request, or start the thread that will."""
        refuse_if(method not in REQUIRED, -32601, "there is no such method")
        needed = method not in ("initialize", "shutdown")
        refuse_if(needed and self.given is None, -32001, "initialize first")
        check(params, REQUIRED[method])
        result = {}
        if method == "initialize":
            result = self.initialize(params)
        elif method == "cancel":
            result = {"cancelled": params["runId"] == self.active}
            if result["cancelled"]:
                self.cancelled = True
                self.abort()
        elif method == "runtimeStatistics":
            result = {"threads": threading.active_count()}
        elif method in ("warmup", "run"):
            return self.begin(number, method, params)
        self.write(id=number, result=result)
        return os._exit(0) if method == "shutdown" else None

    def initialize(self, params: dict) -> dict:
        """Take the configuration and say who this is."""
        given, version = params["configuration"], sys.version.split()[0]
        refuse_if(params["protocolVersion"] != 1, -32602, "this agent speaks version 1")
        ours = {name: given[name] for name in given.keys() & TYPES.keys()}
        check(ours, {"endpoint", "model"})
        refuse_if(CLAIMED | given != given | CLAIMED, -32005, f"it has {CLAIMED} only")
        refuse_if(self.given is not None, -32600, "initialize has been called before")
        self.given, self.host = given, urlsplit(given["endpoint"]).netloc
        self.address = params.get("connectTo", self.host)
        return {
            "protocolVersion": 1, "language": "Python", "processId": os.getpid(),
            "runtime": "CPython", "runtimeVersion": version, "flavour": "agent",
            "framework": "none", "frameworkVersion": "1", "client": "http.client",
            "clientVersion": version, "modes": ["standard"], "scenarios": ["chat"],
        }  # fmt: skip

    def begin(self, number: int, method: str, params: dict) -> None:
        """Begin a block or a warm-up (which may have no calls)."""
        order = {"firstSequence": 1, "iterations": FOREVER, "durationSeconds": FOREVER} | params
        first, calls = order["firstSequence"], order["iterations"]
        seconds = order["durationSeconds"]
        too_few = first < 1 or seconds <= 0 or calls < (method == "run")
        refuse_if(params.get("mode", "standard") != "standard", -32005, "it has standard only")
        refuse_if(params.get("concurrency", 1) != 1, -32602, "standard has concurrency 1")
        refuse_if(too_few or calls == seconds == FOREVER, -32602, "no number of calls")
        refuse_if(self.active is not None, -32002, "a run is active")
        self.active, self.cancelled = params["runId"], False
        threading.Thread(target=self.block, args=(number, method, order), daemon=True).start()

    def block(self, number: int, method: str, order: dict) -> None:
        """Make calls, send their samples between them (those of a warm-up at the end), answer."""
        run_id, first, timed = order["runId"], order["firstSequence"], method == "run"
        trace_run, samples, completed = run_id if timed else f"{run_id}:warmup", [], 0
        unix_ns, origin_ns = time.time_ns(), time.perf_counter_ns()
        end_ns, sent_ns = origin_ns + order["durationSeconds"] * 1e9, origin_ns
        for sequence in range(first, first + order["iterations"]):
            if self.cancelled or time.perf_counter_ns() >= end_ns:
                break
            sample = self.iterate(sequence, trace_run, origin_ns)
            samples.append({"sequence": sequence, "worker": 0, **sample})
            completed += sample["outcome"] != "cancelled"
            if timed and (sample["outcome"] != "ok" or time.perf_counter_ns() - sent_ns > FLUSH_NS):
                self.write(method="samples", params={"runId": run_id, "samples": samples})
                samples, sent_ns = [], time.perf_counter_ns()
        result = {"completed": completed, "cancelled": self.cancelled, "dropped": 0}
        result |= {"startUnixNs": unix_ns, "wallNs": time.perf_counter_ns() - origin_ns}
        if timed:
            self.write(method="samples", params={"runId": run_id, "samples": samples})
        self.active = None
        self.write(id=number, result=result if timed else {"samples": samples})

    def iterate(self, number: int, trace_run: str, origin_ns: int) -> dict:
        """Return the sample of one call; nothing but the call is between the stamps."""
        body, headers = self.request(number, trace_run)
        limit_s = self.given.get("requestTimeoutSeconds", 60)
        connection = http.client.HTTPConnection(self.address, timeout=limit_s)
        deadline_ns = time.perf_counter_ns() + limit_s * 1e9
        limit = threading.Timer(limit_s, self.abort)
        limit.start()
        start_ns = time.perf_counter_ns()
        time.sleep(self.given.get("delayMs", 0) / 1e3)
        http_ns = time.perf_counter_ns()
        try:
            connection.connect()
            self.socket = connection.sock
            if self.cancelled:  # before there was a socket to shut
                raise ConnectionAbortedError
            connection.request("POST", "/api/chat", body, headers)
            reply = connection.getresponse()
            came = reply.status, reply.read()
        except (OSError, http.client.HTTPException) as error:
            came = error
        end_ns = time.perf_counter_ns()
        limit.cancel()
        connection.close()
        kind, message, said = judge(came)
        figures = {"startNs": start_ns - origin_ns, "durationNs": end_ns - start_ns}
        if kind is None:
            figures["transportNs"] = end_ns - http_ns
            figures |= {ours: said[theirs] for theirs, ours in FIGURES.items() if said.get(theirs)}
            return {"outcome": "ok", **figures, "calls": [figures]}
        kind = "cancelled" if self.cancelled else "timeout" if end_ns >= deadline_ns else kind
        outcome = kind if kind in ("cancelled", "timeout") else "error"
        failure = {"outcome": outcome, "errorKind": kind, "errorMessage": message[:500]}
        return {**failure, **figures, "calls": [figures]}

    def request(self, number: int, trace_run: str) -> tuple[bytes, dict]:
        """Return the body and the headers of an iteration's model call."""
        given = self.given
        prompts = given.get("prompts") or [given.get("prompt", "Say hello {n}")]
        prompt = prompts[(number - 1) % len(prompts)].replace("{n}", str(number))
        messages = [{"role": "user", "content": prompt}]
        if "instructions" in given:
            messages.insert(0, {"role": "system", "content": given["instructions"]})
        options = {theirs: given[ours] for ours, theirs in OPTIONS.items() if ours in given}
        body = {"model": given["model"], "messages": messages, "options": options}
        parts = f"{trace_run}:{number}", f"{trace_run}:{number}:1"
        trace, span = (hashlib.sha256(part.encode()).hexdigest() for part in parts)
        headers = {"Host": self.host, "traceparent": f"00-{trace[:32]}-{span[:16]}-01"}
        return json.dumps(body | {"stream": False, "think": False}).encode(), headers

    def abort(self) -> None:
        """End the call in flight: the server sees its connection close."""
        with suppress(AttributeError, OSError):  # there is none, or no longer
            self.socket.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    agent = Agent()
    while line := sys.stdin.buffer.readline(MAX_LINE_BYTES + 1):
        if len(line) > MAX_LINE_BYTES:
            os._exit(1)
        if line.strip():
            agent.take(line)
    os._exit(0)  # in the middle of anything
