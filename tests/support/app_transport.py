"""An httpx transport into ASGI applications of this process whose replies really stream."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx


class AppTransport(httpx.AsyncBaseTransport):
    """Calls the application of the request's host; httpx's own transport waits for the whole body.

    `group` owns the running calls. Closing a reply early tells its application, as a client that
    hangs up would.
    """

    def __init__(self, apps: Mapping[str, Any], group: asyncio.TaskGroup) -> None:
        self._apps = apps
        self._group = group

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Start the call and return as soon as the reply's head is there."""
        app = self._apps.get(request.url.host)
        if app is None:
            raise httpx.ConnectError("nobody listens there", request=request)
        call = _Call(await request.aread())
        task = self._group.create_task(app(_scope(request), call.receive, call.send))
        task.add_done_callback(lambda _: call.chunks.put_nowait(None))
        try:
            status, headers = await call.head
        except asyncio.CancelledError:
            call.hung_up.set()
            raise
        return httpx.Response(status, headers=headers, stream=_Body(call, task))


class _Call:
    def __init__(self, body: bytes) -> None:
        self.head: asyncio.Future[tuple[int, Any]] = asyncio.get_running_loop().create_future()
        self.chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.hung_up = asyncio.Event()
        self._body: bytes | None = body

    async def receive(self) -> dict[str, Any]:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if self.hung_up.is_set() or self.head.cancelled():
            return
        if message["type"] == "http.response.start":
            self.head.set_result((message["status"], message["headers"]))
        else:
            self.chunks.put_nowait(message.get("body", b""))
            if not message.get("more_body"):
                self.chunks.put_nowait(None)


class _Body(httpx.AsyncByteStream):
    def __init__(self, call: _Call, task: asyncio.Task[None]) -> None:
        self._call = call
        self._task = task

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (chunk := await self._call.chunks.get()) is not None:
            yield chunk

    async def aclose(self) -> None:
        self._call.hung_up.set()
        await asyncio.wait([self._task], timeout=1)
        self._task.cancel()


def _scope(request: httpx.Request) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.split(b"?")[0],
        "query_string": request.url.query,
        "server": (request.url.host, request.url.port or 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }
