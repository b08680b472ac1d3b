"""From a batch to `Span` objects, for the one trace that a person looks at."""

from collections.abc import Iterable, Iterator

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from spanloom_model.ids import SpanId, TraceId
from spanloom_model.span import (
    Attributes,
    AttributeValue,
    Event,
    Link,
    Resource,
    Scope,
    Span,
    SpanKind,
    StatusCode,
)
from spanloom_storage import otlp
from spanloom_storage.batch import UNKNOWN_SERVICE, SpanBatch

_KINDS = {kind.value: kind for kind in SpanKind}
_CODES = {code.value: code for code in StatusCode}


def spans_of(batch: SpanBatch) -> list[Span]:
    """Every span of the batch; spans of one resource share one object."""
    request = ExportTraceServiceRequest.FromString(otlp.encoded(batch))
    return list(_spans(request))


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource_spans in request.resource_spans:
        resource = _resource(resource_spans.resource, resource_spans.schema_url)
        service = resource.attributes.get("service.name")
        for scope_spans in resource_spans.scope_spans:
            scope = _scope(scope_spans.scope, scope_spans.schema_url)
            for span in scope_spans.spans:
                yield _span(span, service if isinstance(service, str) else UNKNOWN_SERVICE, resource, scope)


def _span(span: SpanMessage, service: str, resource: Resource, scope: Scope) -> Span:
    return Span(
        trace_id=TraceId(span.trace_id),
        span_id=SpanId(span.span_id),
        parent_id=SpanId(span.parent_span_id) if any(span.parent_span_id) else None,
        service=service,
        name=span.name,
        kind=_KINDS.get(span.kind, SpanKind.UNSPECIFIED),
        start_ns=span.start_time_unix_nano,
        duration_ns=_duration_ns(span),
        status=_CODES.get(span.status.code, StatusCode.UNSET),
        status_message=span.status.message,
        attributes=_attributes(span.attributes),
        events=tuple(_event(event) for event in span.events),
        links=tuple(_link(link) for link in span.links),
        resource=resource,
        scope=scope,
        trace_state=span.trace_state,
        flags=span.flags,
        dropped_attributes_count=span.dropped_attributes_count,
        dropped_events_count=span.dropped_events_count,
        dropped_links_count=span.dropped_links_count,
    )


def _duration_ns(span: SpanMessage) -> int:
    """As the column has it: 0 where the end is missing, else a signed 64-bit difference."""
    if not span.end_time_unix_nano:
        return 0
    return (span.end_time_unix_nano - span.start_time_unix_nano + 2**63) % 2**64 - 2**63


def _event(event: SpanMessage.Event) -> Event:
    return Event(
        time_ns=event.time_unix_nano,
        name=event.name,
        attributes=_attributes(event.attributes),
        dropped_attributes_count=event.dropped_attributes_count,
    )


def _link(link: SpanMessage.Link) -> Link:
    return Link(
        trace_id=TraceId(link.trace_id),
        span_id=SpanId(link.span_id),
        trace_state=link.trace_state,
        flags=link.flags,
        attributes=_attributes(link.attributes),
        dropped_attributes_count=link.dropped_attributes_count,
    )


def _resource(resource: ResourceMessage, schema_url: str) -> Resource:
    return Resource(
        attributes=_attributes(resource.attributes),
        dropped_attributes_count=resource.dropped_attributes_count,
        schema_url=schema_url,
    )


def _scope(scope: InstrumentationScope, schema_url: str) -> Scope:
    return Scope(
        name=scope.name,
        version=scope.version,
        attributes=_attributes(scope.attributes),
        dropped_attributes_count=scope.dropped_attributes_count,
        schema_url=schema_url,
    )


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return Attributes(tuple((pair.key, _value(pair.value)) for pair in pairs))


def _value(value: AnyValue) -> AttributeValue:
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return tuple(_value(item) for item in value.array_value.values)
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case field:
            plain: AttributeValue = getattr(value, field)
            return plain
