"""What arrived, as the tree that a person would see."""

from collections.abc import Iterator, Sequence

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from spanloom_model.datagram import Datagram


def trees(datagrams: Sequence[Datagram]) -> str:
    """A line for each span, below its parent: service, kind and name, in the order of their starts."""
    found = sorted(_named(datagrams), key=lambda pair: pair[1].start_time_unix_nano)
    return "".join(_below(b"", found, ""))


def _named(datagrams: Sequence[Datagram]) -> Iterator[tuple[str, OtlpSpan]]:
    for one in datagrams:
        for resource_spans in ExportTraceServiceRequest.FromString(one.payload).resource_spans:
            for scope_spans in resource_spans.scope_spans:
                yield from ((one.service, span) for span in scope_spans.spans)


def _below(parent: bytes, found: list[tuple[str, OtlpSpan]], indent: str) -> Iterator[str]:
    for service, span in found:
        if span.parent_span_id == parent:
            kind = OtlpSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_")
            yield f"{indent}{service} {kind} {span.name}\n"
            yield from _below(span.span_id, found, indent + "  ")
