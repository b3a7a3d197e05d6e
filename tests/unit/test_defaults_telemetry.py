"""What a real service process exports, read by a collector that stands here."""

import socket

import httpx
from fastapi import FastAPI, Request, Response
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from service_defaults.telemetry import configure_telemetry
from tests.support.servers import running_process, running_server

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


class Collector:
    """An OTLP/HTTP receiver that keeps the spans."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self.keys: set[str | None] = set()
        self.app = FastAPI()
        self.app.post("/v1/{signal}")(self._take)

    async def _take(self, signal: str, request: Request) -> Response:
        self.keys.add(request.headers.get("x-otlp-api-key"))
        if signal == "traces":
            message = ExportTraceServiceRequest.FromString(await request.body())
            for resource in message.resource_spans:
                names = {a.key: a.value.string_value for a in resource.resource.attributes}
                self.services.add(names["service.name"])
                for scope in resource.scope_spans:
                    self.spans.extend(scope.spans)
        return Response(b"", media_type="application/x-protobuf")


async def exported(*paths: str) -> Collector:
    """Ask a service process for `paths`, end it by SIGTERM and return what it has exported."""
    collector = Collector()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with running_server(collector.app) as collector_url:
            environment = {
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector_url,
                "OTEL_EXPORTER_OTLP_HEADERS": "x-otlp-api-key=k",
                "OTEL_BSP_SCHEDULE_DELAY": "60000",
            }
            async with running_process(
                "-m", "tests.support.programs", environment=environment, listener=listener
            ) as process:
                base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
                async with httpx.AsyncClient(base_url=base_url, timeout=30) as client:
                    for path in paths:
                        await client.get(
                            path, headers={"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}
                        )
                process.terminate()
                assert 0 == await process.wait()
    return collector


async def test_each_request_is_one_server_span_in_the_callers_trace_and_probes_are_none() -> None:
    """No request is counted twice, and the probes of a launcher drown nothing."""
    collector = await exported("/thing", "/health", "/alive", "/api/performance/health", "/nothing")

    servers = [span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER]

    assert 2 == len(servers)
    assert {TRACE_ID} == {span.trace_id.hex() for span in servers}
    assert {"thing"} == collector.services
    assert {"k"} == collector.keys


async def test_what_is_not_yet_exported_is_flushed_when_a_signal_ends_the_service() -> None:
    """The last second before a stop is in the traces as well, failures included."""
    collector = await exported("/broken")

    assert 1 == len([span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER])


def test_without_a_collector_nothing_is_set_up() -> None:
    """A service on its own exports nothing and its shutdown waits for nothing."""
    configure_telemetry("thing", {})()
