"""Health by HTTP: one GET with a deadline, and what its answer means.

A connection alone proves nothing, because our own listening socket accepts it while the child is
dead. The request is a raw HTTP/1.0 one: a client library would cost more memory than the rest of
the orchestrator.
"""

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

import anyio
from anyio.abc import ByteStream

MAX_REPLY_BYTES = 64 * 1024
MAX_REASON_LENGTH = 300
PREPARING_WORDS = ("building", "being built", "being prepared", "preparing", "unpacking")


class Health(Enum):
    """What a probe found."""

    READY = "ready"
    PREPARING = "preparing"
    """It answers, and says that it is still getting ready."""
    UNAVAILABLE = "unavailable"
    """It answers, and says why it cannot work."""
    SILENT = "silent"
    """It does not answer HTTP in time."""


class ProbeFailed(Exception):
    """The server gave no HTTP answer in time; `refused` means that nothing listens."""

    def __init__(self, text: str, *, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP answer; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON, None if it is not."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The result of one probe."""

    health: Health
    reason: str | None = None


async def observe(url: str, path: str, *, timeout_s: float) -> Observation:
    """Probe a service once."""
    try:
        reply = await get(url, path, timeout_s=timeout_s)
    except ProbeFailed as error:
        return Observation(health=Health.SILENT, reason=str(error))
    return judge(reply)


def judge(reply: Reply) -> Observation:
    """Return what an answer says about the service."""
    if reply.status == 200:
        return Observation(health=Health.READY)
    body = reply.json()
    reason = body.get("reason") if isinstance(body, dict) else None
    if not isinstance(reason, str) or not reason:
        return Observation(health=Health.SILENT, reason=f"HTTP {reply.status} without a reason")
    reason = reason[:MAX_REASON_LENGTH]
    preparing = any(word in reason.lower() for word in PREPARING_WORDS)
    return Observation(health=Health.PREPARING if preparing else Health.UNAVAILABLE, reason=reason)


async def get(url: str, path: str, *, timeout_s: float) -> Reply:
    """Send one GET; raises ProbeFailed."""
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    # Resolving a name takes a thread and 1.5 MB, and this one is known.
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname or ""
    port = parts.port or (443 if tls else 80)
    try:
        with anyio.fail_after(timeout_s):
            stream: ByteStream = (
                await anyio.connect_tcp(host, port, tls=True)
                if tls
                else await anyio.connect_tcp(host, port)
            )
            async with stream:
                await stream.send(_request(parts.netloc, path))
                return _parsed(await _everything(stream))
    except TimeoutError as error:
        raise ProbeFailed(f"no answer within {timeout_s:g} s") from error
    except (OSError, anyio.BrokenResourceError) as error:
        if _refused(error):
            raise ProbeFailed("connection refused", refused=True) from error
        raise ProbeFailed(_cause(error)) from error


def _request(host: str, path: str) -> bytes:
    # HTTP/1.0: the answer ends with the connection and is never chunked.
    return f"GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: application/json\r\n\r\n".encode()


async def _everything(stream: ByteStream) -> bytes:
    data = bytearray()
    try:
        while len(data) < MAX_REPLY_BYTES:
            data += await stream.receive()
    except anyio.EndOfStream:
        pass
    return bytes(data)


def _parsed(data: bytes) -> Reply:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdigit():
        raise ProbeFailed("the answer is not HTTP")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Reply(status=int(words[1]), headers=headers, body=body)


def _refused(error: BaseException) -> bool:
    # anyio wraps what it met at the addresses of a host.
    causes = [error, error.__cause__, *getattr(error.__cause__, "exceptions", ())]
    return any(isinstance(cause, ConnectionRefusedError) for cause in causes)


def _cause(error: Exception) -> str:
    return "the connection broke" if isinstance(error, anyio.BrokenResourceError) else str(error)
