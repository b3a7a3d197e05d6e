"""A TCP proxy that holds each request back: time on the wire, and nowhere else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


@asynccontextmanager
async def slow_proxy(target: str, *, delay_s: float) -> AsyncIterator[str]:
    """Forward connections to `target`, each piece from the client `delay_s` late; yield the URL."""
    parts = urlsplit(target)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(parts.hostname, parts.port)
        with suppress(ConnectionError):
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, upstream_writer, delay_s))
                group.create_task(_pump(upstream_reader, writer, 0))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    while data := await reader.read(65_536):
        until = loop.time() + delay_s
        await asyncio.sleep(max(0.0, delay_s - 0.0015))
        while loop.time() < until:  # noqa: ASYNC110 - a plain sleep would be a third too late
            await asyncio.sleep(0)
        writer.write(data)
        await writer.drain()
    writer.close()
