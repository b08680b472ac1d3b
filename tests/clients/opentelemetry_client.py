"""Two spans made by OpenTelemetry's SDK, through the exporter that is named.

python opentelemetry_client.py EXPORTER HOST:PORT SERVICE

Runs in the environment that has the exporter, with whatever version of the SDK is there.
"""

import sys
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode


def exporter_of(name: str, where: str) -> Any:
    """Imports stand in the cases: no environment has all of them."""
    match name.split():
        case ["otlp-grpc", *compression]:
            from grpc import Compression
            from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

            chosen = Compression.Gzip if compression else Compression.NoCompression
            return OTLPSpanExporter(endpoint=where, insecure=True, compression=chosen)
        case ["otlp-http", compression]:
            from opentelemetry.exporter.otlp.proto.http import Compression
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            return OTLPSpanExporter(f"http://{where}/v1/traces", compression=Compression(compression))
        case ["otlp-json"]:
            from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter

            return OTLPSpanExporter(endpoint=f"http://{where}/v1/traces")
        case ["jaeger-thrift"]:
            from opentelemetry.exporter.jaeger.thrift import JaegerExporter

            return JaegerExporter(collector_endpoint=f"http://{where}/api/traces?format=jaeger.thrift")
        case ["jaeger-udp"]:
            from opentelemetry.exporter.jaeger.thrift import JaegerExporter

            host, port = where.split(":")
            return JaegerExporter(agent_host_name=host, agent_port=int(port))
        case ["jaeger-grpc"]:
            from opentelemetry.exporter.jaeger.proto.grpc import JaegerExporter

            return JaegerExporter(collector_endpoint=where, insecure=True)
        case ["zipkin-json", version]:
            from opentelemetry.exporter.zipkin.json import Protocol, ZipkinExporter

            where = f"http://{where}/api/{version}/spans"
            return ZipkinExporter(Protocol(version), where, max_tag_value_length=128)
        case ["zipkin-proto"]:
            from opentelemetry.exporter.zipkin.proto.http import ZipkinExporter

            return ZipkinExporter(f"http://{where}/api/v2/spans")
    raise ValueError(name)


def main() -> None:
    """Make spans, send them, and fail where the exporter says that it has."""
    name, where, service = sys.argv[1:]
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": service}))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("client", "1.0")
    with tracer.start_as_current_span("get /cart", kind=SpanKind.SERVER) as parent:
        parent.set_attribute("http.route", "/cart")
        parent.set_attribute("items", 3)
        parent.set_attribute("greeting", "grüße")
        parent.add_event("cache miss", {"key": "cart-7"})
        with tracer.start_as_current_span("select", kind=SpanKind.CLIENT) as child:
            child.set_status(Status(StatusCode.ERROR, "no connection"))
    if exporter_of(name, where).export(memory.get_finished_spans()) is not SpanExportResult.SUCCESS:
        sys.exit(f"{name} did not succeed")


if __name__ == "__main__":
    main()
