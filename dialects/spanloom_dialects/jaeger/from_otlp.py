"""OTLP as Jaeger's model of spans: the other direction of `spans.py`, by the same rules."""

from collections.abc import Iterable, Iterator
from typing import Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope
from opentelemetry.proto.common.v1.common_pb2 import KeyValue as Pair
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2 as otlp

from spanloom_dialects.jaeger import spans, tags
from spanloom_dialects.jaeger.model import (
    KeyValue,
    Log,
    Process,
    Reference,
    ReferenceType,
    Span,
    ValueType,
)
from spanloom_dialects.values import as_text

_SERVICE_NAME: Final = "service.name"
_REF_TYPE: Final = "opentracing.ref_type"
_ID_SIZES: Final = (16, 8)
_KINDS: Final = {number: name.decode() for name, number in tags.KINDS.items()}
_STATUS_CODES: Final = {number: name.decode() for name, number in tags.STATUS_CODES.items()}
_SPAN_KIND: Final = tags.SPAN_KIND.decode()
_ERROR: Final = tags.ERROR.decode()
_STATUS_CODE: Final = tags.STATUS_CODE.decode()
_STATUS_DESCRIPTION: Final = tags.STATUS_DESCRIPTION.decode()
_SCOPE_NAME: Final = tags.SCOPE_NAME.decode()
_SCOPE_VERSION: Final = tags.SCOPE_VERSION.decode()
_TRACE_STATE: Final = tags.TRACE_STATE.decode()
_EVENT: Final = tags.EVENT.decode()
_MESSAGE: Final = tags.MESSAGE.decode()

_FLAGS: Final = spans.FLAGS.decode()
_START_US: Final = spans.START_US.decode()
_DURATION_US: Final = spans.DURATION_US.decode()
_TIMESTAMP_US: Final = spans.TIMESTAMP_US.decode()
_PROCESS_ID: Final = spans.PROCESS_ID.decode()
_WARNINGS: Final = spans.WARNINGS.decode()
_NUMBERS: Final = frozenset({_FLAGS, _START_US, _DURATION_US})
_VALUES: Final = {
    "string_value": ValueType.STRING,
    "bool_value": ValueType.BOOL,
    "int_value": ValueType.INT64,
    "double_value": ValueType.FLOAT64,
    "bytes_value": ValueType.BINARY,
}


def jaeger_spans(request: Iterable[otlp.ResourceSpans]) -> Iterator[Span]:
    """Each span of a request, in its order."""
    for resource_spans in request:
        process = _process(resource_spans.resource)
        for scope_spans in resource_spans.scope_spans:
            before = _scope_tags(scope_spans.scope)
            for span in scope_spans.spans:
                yield _span(span, process, before)


def _process(resource: Resource) -> Process:
    names = [one for one in resource.attributes if one.key == _SERVICE_NAME]
    name = names[0].value.string_value if names else ""
    rest = [_tag(one) for one in resource.attributes if one is not (names[0] if name else None)]
    return Process(name or spans.NO_SERVICE_NAME.decode(), rest)


def _scope_tags(scope: InstrumentationScope) -> list[KeyValue]:
    named = ((_SCOPE_NAME, scope.name), (_SCOPE_VERSION, scope.version))
    return [KeyValue(key, ValueType.STRING, text) for key, text in named if text]


def _span(span: otlp.Span, process: Process, before: list[KeyValue]) -> Span:
    kept, attributes = _sorted_out(span.attributes)
    numbers = {key: value.int_value for key, value in kept.items()}
    duration_ns = span.end_time_unix_nano - span.start_time_unix_nano if span.end_time_unix_nano else 0
    return Span(
        trace_id=span.trace_id,
        span_id=span.span_id,
        operation_name=span.name,
        process=process,
        references=_references(span),
        flags=_signed(numbers.get(_FLAGS, span.flags & spans.SAMPLED)),
        start_ns=numbers[_START_US] * 1000 if _START_US in numbers else span.start_time_unix_nano,
        duration_ns=numbers[_DURATION_US] * 1000 if _DURATION_US in numbers else duration_ns,
        tags=[*before, *attributes, *_meant(span, attributes)],
        logs=[_log(event) for event in span.events],
        process_id=kept[_PROCESS_ID].string_value if _PROCESS_ID in kept else "",
        warnings=[one.string_value for one in kept[_WARNINGS].array_value.values]
        if _WARNINGS in kept
        else [],
    )


def _signed(flags: int) -> int:
    """The lower 32 bits, signed."""
    return ((flags & 0xFFFFFFFF) ^ 2**31) - 2**31


def _sorted_out(attributes: Iterable[Pair]) -> tuple[dict[str, AnyValue], list[KeyValue]]:
    """What the way in has put into attributes because OTLP has no place for it, and the tags."""
    kept: dict[str, AnyValue] = {}
    tags_ = []
    for pair in attributes:
        if pair.key not in kept and _is_kept(pair):
            kept[pair.key] = pair.value
        else:
            tags_.append(_tag(pair))
    return kept, tags_


def _is_kept(pair: Pair) -> bool:
    if pair.key in _NUMBERS:
        return pair.value.HasField("int_value")
    if pair.key == _WARNINGS:
        return pair.value.HasField("array_value")
    return pair.key == _PROCESS_ID and pair.value.HasField("string_value")


def _tag(pair: Pair) -> KeyValue:
    """An attribute; of a type that Jaeger has not, as text."""
    name = pair.value.WhichOneof("value") or ""
    if name in _VALUES:
        return KeyValue(pair.key, _VALUES[name], getattr(pair.value, name))
    return KeyValue(pair.key, ValueType.STRING, as_text(pair.value))


def _meant(span: otlp.Span, attributes: list[KeyValue]) -> Iterator[KeyValue]:
    """Fields of OTLP that Jaeger has tags for."""
    if span.kind in _KINDS:
        yield KeyValue(_SPAN_KIND, ValueType.STRING, _KINDS[span.kind])
    yield from _status_tags(span.status, attributes)
    if span.trace_state:
        yield KeyValue(_TRACE_STATE, ValueType.STRING, span.trace_state)
    for name in ("attributes", "events", "links"):
        count = getattr(span, f"dropped_{name}_count")
        if count:
            yield KeyValue(f"otel.dropped_{name}_count", ValueType.INT64, count)


def _status_tags(status: otlp.Status, attributes: list[KeyValue]) -> Iterator[KeyValue]:
    """The status, unless attributes say it already, as those do that came as tags and stayed."""
    if status.code not in _STATUS_CODES:
        return
    name, failed = _STATUS_CODES[status.code], status.code == tags.STATUS_CODES[b"ERROR"]
    said = {KeyValue(_STATUS_CODE, ValueType.STRING, name)}
    if failed:
        said.add(KeyValue(_ERROR, ValueType.BOOL, value=True))
    if not said.isdisjoint(attributes):
        return
    yield KeyValue(_STATUS_CODE, ValueType.STRING, name)
    if failed:
        yield KeyValue(_ERROR, ValueType.BOOL, value=True)
    if status.message:
        yield KeyValue(_STATUS_DESCRIPTION, ValueType.STRING, status.message)


def _references(span: otlp.Span) -> list[Reference]:
    parent = [Reference(ReferenceType.CHILD_OF, span.trace_id, span.parent_span_id)]
    return (parent if span.parent_span_id else []) + [
        Reference(_reference_type(link), link.trace_id, link.span_id)
        for link in span.links
        if (len(link.trace_id), len(link.span_id)) == _ID_SIZES  # any other refers to no span of Jaeger's
    ]


def _reference_type(link: otlp.Span.Link) -> ReferenceType:
    for pair in link.attributes:
        if pair.key == _REF_TYPE and pair.value.string_value == "child_of":
            return ReferenceType.CHILD_OF
    return ReferenceType.FOLLOWS_FROM


def _log(event: otlp.Span.Event) -> Log:
    """An event; its name is a field, unless a field says it already."""
    time_ns = event.time_unix_nano
    fields = []
    for pair in event.attributes:
        if pair.key == _TIMESTAMP_US and pair.value.HasField("int_value"):
            time_ns = pair.value.int_value * 1000
        else:
            fields.append(_tag(pair))
    said = {KeyValue(key, ValueType.STRING, event.name) for key in (_EVENT, _MESSAGE)}
    if event.name and said.isdisjoint(fields):
        fields.insert(0, KeyValue(_EVENT, ValueType.STRING, event.name))
    if event.dropped_attributes_count:
        count = event.dropped_attributes_count
        fields.append(KeyValue("otel.event.dropped_attributes_count", ValueType.INT64, count))
    return Log(time_ns, fields)
