"""The typed client of one benchmark backend: shared models in, shared models or errors out."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio.to_thread
import httpx
from pydantic import BaseModel, ValidationError

from shared_models import (
    AdvanceReply,
    AdvanceRequest,
    Capabilities,
    HealthReport,
    Problem,
    StartReply,
    StopReply,
    StopRequest,
    TestConfiguration,
    TestResult,
    TestStatus,
)

from . import sse
from .errors import BackendRefused, BackendReplyInvalid, BackendUnreachable

BASE = "/api/performance"
MAX_PROBLEM_BYTES = 64 * 1024

HEALTH_TIMEOUT = httpx.Timeout(2.0)
# A run lasts as long as its configuration says, at most a day; it is ended by cancelling the call.
RUN_TIMEOUT = httpx.Timeout(10.0, connect=2.0, read=90_000.0)
# Spawning the agent process and its first reply happen before a start is answered.
START_TIMEOUT = httpx.Timeout(10.0, connect=2.0, read=60.0)
# A million samples take their time.
RESULTS_TIMEOUT = httpx.Timeout(10.0, connect=2.0, read=60.0)
# The stream sends a comment every 15 s; two missing ones mean that it is dead.
EVENTS_TIMEOUT = httpx.Timeout(10.0, connect=2.0, read=35.0)
LARGE_REPLY_BYTES = 64 * 1024
"""From here on a reply is parsed in a thread, so that it holds nobody up."""
BEYOND_ALL_SAMPLES = "1000000000"
"""A Last-Event-ID that leaves only the end of a run to be sent."""

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendEvent:
    """One event of a run's stream that matters here: a status, or the result at the end."""

    id: str | None
    payload: TestStatus | TestResult


class BackendClient:
    """One backend, addressed by its resource name."""

    def __init__(self, name: str, *, label: str, http: httpx.AsyncClient) -> None:
        """`label` is what people call the side; `http` resolves service names."""
        self.name = name
        self.label = label
        self._http = http

    async def health(self) -> HealthReport:
        """Return the backend's own report, also when it says `unhealthy` (503)."""
        response = await self._send("GET", "/health", timeout=HEALTH_TIMEOUT)
        if response.status_code not in (200, 503):
            raise self._refusal(response.status_code, response.content)
        return self._parse(HealthReport, response.content)

    async def capabilities(self) -> Capabilities:
        """Return what the backend's agent can run."""
        return await self._call(Capabilities, "GET", "/capabilities")

    async def start(self, configuration: TestConfiguration) -> StartReply:
        """Start a run in the background."""
        return await self._call(
            StartReply, "POST", "/start", body=configuration, timeout=START_TIMEOUT
        )

    async def stop(self, session_id: str) -> StopReply:
        """Stop a run; harmless when it has ended."""
        body = StopRequest.model_validate({"sessionId": session_id})
        return await self._call(StopReply, "POST", "/stop", body=body)

    async def status(self, session_id: str) -> TestStatus:
        """Return how far a run is."""
        return await self._call(TestStatus, "GET", "/status", params={"sessionId": session_id})

    async def advance(self, block: AdvanceRequest) -> AdvanceReply:
        """Grant a gated run its next block and return it when it has ended.

        Waits for a run that still starts or warms up. Cancelling this call ends the run.
        """
        return await self._call(AdvanceReply, "POST", "/advance", body=block, timeout=RUN_TIMEOUT)

    async def results(self, session_id: str) -> TestResult:
        """Return a run's result, or its figures so far, with all its samples."""
        return await self._call(
            TestResult, "GET", f"/results/{session_id}", timeout=RESULTS_TIMEOUT
        )

    async def summary(self, session_id: str) -> TestResult:
        """Return the result of a run that has ended, without its samples."""
        async with aclosing(self.events(session_id, last_event_id=BEYOND_ALL_SAMPLES)) as events:
            async for event in events:
                if isinstance(event.payload, TestResult):
                    return event.payload
        raise BackendReplyInvalid(self.name)

    async def run(self, configuration: TestConfiguration) -> TestResult:
        """Run to the end and return the result; cancelling this call cancels the run."""
        return await self._call(TestResult, "POST", "/run", body=configuration, timeout=RUN_TIMEOUT)

    async def events(
        self, session_id: str, *, last_event_id: str | None = None
    ) -> AsyncGenerator[BackendEvent, None]:
        """Yield a run's statuses and its result as the backend sends them.

        Raises BackendUnreachable when the connection breaks; resume with the last event's id.
        """
        headers = {"accept": "text/event-stream"}
        if last_event_id is not None:
            headers["last-event-id"] = last_event_id
        async with (
            self._connection(),
            self._http.stream(
                "GET",
                self._url("/events"),
                params={"sessionId": session_id},
                headers=headers,
                timeout=EVENTS_TIMEOUT,
            ) as response,
        ):
            if response.status_code != 200:
                raise self._refusal(response.status_code, await _limited(response))
            async for event in sse.events(response.aiter_lines(), last_id=last_event_id):
                parsed = self._event(event)
                if parsed is not None:
                    yield parsed

    def _event(self, event: sse.ServerSentEvent) -> BackendEvent | None:
        if event.event == "status":
            return BackendEvent(id=event.id, payload=self._parse(TestStatus, event.data))
        if event.event == "done":
            return BackendEvent(id=event.id, payload=self._parse(TestResult, event.data))
        return None

    def _url(self, path: str) -> str:
        return f"http://{self.name}{BASE}{path}"

    async def _call(
        self,
        model: type[ModelT],
        method: str,
        path: str,
        *,
        body: BaseModel | None = None,
        params: dict[str, str] | None = None,
        timeout: httpx.Timeout | None = None,
    ) -> ModelT:
        response = await self._send(method, path, body=body, params=params, timeout=timeout)
        if not response.is_success:
            raise self._refusal(response.status_code, response.content)
        if len(response.content) > LARGE_REPLY_BYTES:
            return await anyio.to_thread.run_sync(self._parse, model, response.content)
        return self._parse(model, response.content)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        body: BaseModel | None = None,
        params: dict[str, str] | None = None,
        timeout: httpx.Timeout | None = None,
    ) -> httpx.Response:
        options: dict[str, Any] = {"params": params}
        if body is not None:
            options["content"] = body.model_dump_json(exclude_none=True)
            options["headers"] = {"content-type": "application/json"}
        if timeout is not None:
            options["timeout"] = timeout
        async with self._connection():
            return await self._http.request(method, self._url(path), **options)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[None]:
        try:
            yield
        except httpx.ConnectError as error:
            raise BackendUnreachable(self.name, "does not answer") from error
        except httpx.TimeoutException as error:
            raise BackendUnreachable(self.name, "did not answer in time") from error
        except httpx.HTTPError as error:
            raise BackendUnreachable(self.name, "broke the connection") from error

    def _parse(self, model: type[ModelT], content: str | bytes) -> ModelT:
        try:
            return model.model_validate_json(content)
        except ValidationError as error:
            raise BackendReplyInvalid(self.name) from error

    def _refusal(self, status: int, content: bytes) -> BackendRefused:
        try:
            problem = Problem.model_validate_json(content)
        except ValidationError:
            problem = Problem(title=f"{self.name} answered {status}", status=status)
        return BackendRefused(self.name, problem)


async def _limited(response: httpx.Response) -> bytes:
    content = b""
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MAX_PROBLEM_BYTES:
            break
    return content
