"""Traces and metrics by OTLP/HTTP, set up in one call and only when a collector is named.

The server spans are FastAPI's own: it records to the global providers once they are set, so the
separate FastAPI instrumentation would only double them. The imports stand inside the function
because an idle service without a collector should not pay their 20 MB.
"""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from fastapi.telemetry import TelemetryConfig

from .health import PROBE_PATHS
from .settings import process_environment

ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"


def server_telemetry() -> TelemetryConfig:
    """Return FastAPI's telemetry options: one server span a request, none for probes."""
    return {
        "operation_spans": False,
        "auto_configure": False,
        "exclude": _is_probe,
    }


def configure_telemetry(
    service: str, environment: Mapping[str, str] | None = None
) -> Callable[[], None]:
    """Export telemetry when `OTEL_EXPORTER_OTLP_ENDPOINT` is set.

    Sampler, headers, intervals and resource attributes are read by the SDK from the standard
    variables. Returns the function that flushes and shuts the exporters down.
    """
    variables = process_environment() if environment is None else environment
    if not variables.get(ENDPOINT_VARIABLE):
        return _nothing
    from opentelemetry import metrics, trace
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({SERVICE_NAME: variables.get("OTEL_SERVICE_NAME", service)})
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(tracers)
    meters = MeterProvider(
        resource=resource, metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter())]
    )
    metrics.set_meter_provider(meters)
    HTTPXClientInstrumentor().instrument()

    def shut_down() -> None:
        tracers.shutdown()
        meters.shutdown()

    return shut_down


def _nothing() -> None:
    return None


def _is_probe(scope: MutableMapping[str, Any]) -> bool:
    return scope.get("path") in PROBE_PATHS
