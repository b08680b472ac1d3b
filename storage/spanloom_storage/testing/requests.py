"""Spans to OTLP, the readable way round: for tests only."""

from collections.abc import Iterable

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Status
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from spanloom_model.span import Attributes, AttributeValue, Resource, Scope, Span
from spanloom_storage import otlp
from spanloom_storage.batch import SpanBatch, SpanRequest


def checked_of(spans: Iterable[Span]) -> SpanRequest:
    """The spans as a request that a writer takes."""
    return otlp.checked(request_of(spans)).request


def batch_of(spans: Iterable[Span]) -> SpanBatch:
    """The spans as a batch, by way of OTLP."""
    return otlp.decoded(checked_of(spans))


def request_of(spans: Iterable[Span]) -> bytes:
    """The spans as one ExportTraceServiceRequest, each under a resource of its own."""
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=_resource(span.resource),
                schema_url=span.resource.schema_url,
                scope_spans=[
                    ScopeSpans(
                        scope=_scope(span.scope), schema_url=span.scope.schema_url, spans=[_span(span)]
                    )
                ],
            )
            for span in spans
        ]
    ).SerializeToString()


def _span(span: Span) -> SpanMessage:
    return SpanMessage(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_id or b"",
        trace_state=span.trace_state,
        flags=span.flags,
        name=span.name,
        kind=SpanMessage.SpanKind.Value(f"SPAN_KIND_{span.kind.name}"),
        start_time_unix_nano=span.start_ns,
        end_time_unix_nano=span.end_ns,
        attributes=_pairs(span.attributes),
        dropped_attributes_count=span.dropped_attributes_count,
        events=[
            SpanMessage.Event(
                time_unix_nano=event.time_ns,
                name=event.name,
                attributes=_pairs(event.attributes),
                dropped_attributes_count=event.dropped_attributes_count,
            )
            for event in span.events
        ],
        dropped_events_count=span.dropped_events_count,
        links=[
            SpanMessage.Link(
                trace_id=link.trace_id,
                span_id=link.span_id,
                trace_state=link.trace_state,
                flags=link.flags,
                attributes=_pairs(link.attributes),
                dropped_attributes_count=link.dropped_attributes_count,
            )
            for link in span.links
        ],
        dropped_links_count=span.dropped_links_count,
        status=Status(
            code=Status.StatusCode.Value(f"STATUS_CODE_{span.status.name}"), message=span.status_message
        ),
    )


def _resource(resource: Resource) -> ResourceMessage:
    return ResourceMessage(
        attributes=_pairs(resource.attributes), dropped_attributes_count=resource.dropped_attributes_count
    )


def _scope(scope: Scope) -> InstrumentationScope:
    return InstrumentationScope(
        name=scope.name,
        version=scope.version,
        attributes=_pairs(scope.attributes),
        dropped_attributes_count=scope.dropped_attributes_count,
    )


def _pairs(attributes: Attributes) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in attributes]


def _value(value: AttributeValue) -> AnyValue:
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case tuple():
            return AnyValue(array_value=ArrayValue(values=[_value(item) for item in value]))
        case Attributes():
            return AnyValue(kvlist_value=KeyValueList(values=_pairs(value)))
