"""Our services on free ports: in this process, or as a process of their own."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any

import anyio
import uvicorn
from anyio.abc import Process

from service_defaults.settings import process_environment

START_TIMEOUT_S = 20.0


@asynccontextmanager
async def running_server(app: Any) -> AsyncIterator[str]:
    """Serve an application on a free port until the block ends; yields its base URL.

    The same server options as `service_defaults.serve`. Raises what stopped the start, or
    TimeoutError.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # asyncio turns Nagle's algorithm off only for sockets that name their protocol.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(server.serve(sockets=[listener]))
            try:
                async with asyncio.timeout(START_TIMEOUT_S):
                    while not (server.started or serving.done()):  # noqa: ASYNC110 - no event
                        await asyncio.sleep(0.001)
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True
                await asyncio.wait([serving])  # a failing test must not cut the service off


class _Server(uvicorn.Server):
    """Leaves the signals of the test runner alone."""

    def capture_signals(self) -> Any:
        return nullcontext()


@asynccontextmanager
async def running_process(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    listener: socket.socket | None = None,
    capture: bool = False,
) -> AsyncIterator[Process]:
    """Run `python *arguments` until the block ends, on an inherited `listener` if there is one.

    `environment` is added to ours; `capture` gives the process a stdout pipe.
    """
    variables = {**process_environment(), **(environment or {})}
    passed: tuple[int, ...] = ()
    if listener is not None:
        passed = (listener.fileno(),)
        variables["PERFCOMPARE_LISTEN_FD"] = str(listener.fileno())
    process = await anyio.open_process(
        [sys.executable, *arguments],
        env=variables,
        stdin=None,
        stdout=-1 if capture else None,
        stderr=None,
        pass_fds=passed,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        with anyio.CancelScope(shield=True):
            await process.aclose()


async def raw_exchange(url: str, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes as they are and return the status, headers and body of the reply.

    For what no HTTP client would send. The request must ask for `Connection: close`.
    """
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        reply = await reader.read()
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    head, _, body = reply.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, body
