"""The HTTP transport that notes what each exchange took, for the iteration that caused it.

The agent framework drops the server's own durations, so the body is kept here and read after the
clock has stopped.
"""

from collections.abc import AsyncIterator
from time import perf_counter_ns

import httpx

from .recording import Exchange, current_recorder

MAX_BODY_BYTES = 16 * 1024 * 1024


class BodyTooLarge(httpx.ReadError):
    """The reply went past `MAX_BODY_BYTES`; reading stopped and the connection is dropped."""


class RecordingTransport(httpx.AsyncBaseTransport):
    """Passes requests on and records them for the current recorder, if there is one."""

    def __init__(self, inner: httpx.AsyncBaseTransport, *, sni_hostname: str | None) -> None:
        """`sni_hostname` is the endpoint's own name where https dials a checked address."""
        self._inner = inner
        self._sni_hostname = sni_hostname

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        if self._sni_hostname is not None:
            request.extensions["sni_hostname"] = self._sni_hostname
        recorder = current_recorder.get()
        if recorder is None:
            return await self._inner.handle_async_request(request)
        exchange, request.headers["traceparent"] = recorder.begin()
        try:
            response = await self._inner.handle_async_request(request)
        except Exception as error:
            exchange.failure = error
            raise
        exchange.status = response.status_code
        # We ask for plain bodies. What comes compressed all the same stays so and fails as no
        # JSON: inflated, 16 MB could be 16 GB.
        if "content-encoding" in response.headers:
            del response.headers["content-encoding"]
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - an async client's
        response.stream = _RecordedStream(response.stream, exchange)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class _RecordedStream(httpx.AsyncByteStream):
    """Keeps what passes through, up to the cap, and stamps the end of the body."""

    def __init__(self, inner: httpx.AsyncByteStream, exchange: Exchange) -> None:
        self._inner = inner
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        exchange, size = self._exchange, 0
        try:
            async for chunk in self._inner:
                size += len(chunk)
                if size > MAX_BODY_BYTES:
                    raise BodyTooLarge(f"the reply is larger than {MAX_BODY_BYTES} bytes")
                exchange.body.append(chunk)
                yield chunk
        except Exception as error:
            exchange.failure = error
            raise
        exchange.end_ns = perf_counter_ns()

    async def aclose(self) -> None:
        await self._inner.aclose()
