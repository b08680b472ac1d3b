"""OTLP as Zipkin's spans: the other direction of `encoding.py`, by the same rules."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import msgspec
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2 as otlp

from spanloom_dialects.values import as_plain, as_text
from spanloom_dialects.zipkin import names
from spanloom_dialects.zipkin.addresses import addresses, is_address
from spanloom_dialects.zipkin.endpoints import MAX_PORT
from spanloom_dialects.zipkin.span import Annotation, Endpoint, Span

_KINDS: Final = {number: name for name, number in names.KINDS.items()}
_STATUS_CODES: Final = {number: name for name, number in names.STATUS_CODES.items()}
_MARKS: Final = {
    names.SHARED: "bool_value",
    names.DEBUG: "bool_value",
    names.NO_TIMESTAMP: "bool_value",
    names.TIMESTAMP: "int_value",
    names.DURATION: "int_value",
    names.TAGS: "array_value",
}
Values = dict[str, AnyValue]


def zipkin_spans(request: Iterable[otlp.ResourceSpans]) -> Iterator[Span]:
    """Each span of a request, in its order."""
    for resource_spans in request:
        around, service_name = _resource(resource_spans.resource)
        for scope_spans in resource_spans.scope_spans:
            tags = around | _scope(scope_spans.scope)
            for span in scope_spans.spans:
                yield _span(span, tags, service_name)


def trace_id_text(trace_id: bytes) -> str:
    """16 digits where the upper half is zero, else 32."""
    text = trace_id.hex()
    return text[16:] if text.startswith("0" * 16) else text


def _resource(resource: Resource) -> tuple[dict[str, str], str | None]:
    """Tags of the resource, and its service."""
    tags = {pair.key: as_text(pair.value) for pair in resource.attributes}
    return tags, (tags.pop(names.SERVICE_NAME, "").lower() or None)


def _scope(scope: InstrumentationScope) -> dict[str, str]:
    named = ((names.SCOPE_NAME, scope.name), (names.SCOPE_VERSION, scope.version))
    return {key: text for key, text in named if text}


def _span(span: otlp.Span, around: Mapping[str, str], service_name: str | None) -> Span:
    marks, values = _sorted_out(span.attributes)
    taken = (
        {one.string_value for one in marks[names.TAGS].array_value.values} if names.TAGS in marks else set()
    )
    local = _local(values, taken, service_name)
    remote = _remote(values, taken, span.kind)
    tags = {**around, **{key: as_text(value) for key, value in values.items()}, **dict(_meant(span, values))}
    return Span(
        trace_id=trace_id_text(span.trace_id),
        parent_id=span.parent_span_id.hex() or None,
        id=span.span_id.hex(),
        kind=_KINDS.get(span.kind),
        name=span.name.lower() or None,
        timestamp=_timestamp(span, marks),
        duration=_duration(span, marks),
        local_endpoint=local,
        remote_endpoint=remote,
        annotations=_annotations(span.events),
        tags=dict(sorted(tags.items())) or None,
        debug=True if _is(marks, names.DEBUG) else None,
        shared=True if _is(marks, names.SHARED) else None,
    )


def _sorted_out(attributes: Iterable[KeyValue]) -> tuple[Values, Values]:
    """What the way in has put into attributes because OTLP has no place for it, and the rest."""
    marks: Values = {}
    values: Values = {}
    for pair in attributes:
        is_mark = _MARKS.get(pair.key) == pair.value.WhichOneof("value") is not None
        (marks if is_mark else values)[pair.key] = pair.value
    return marks, values


def _is(marks: Values, name: str) -> bool:
    return name in marks and marks[name].bool_value


def _timestamp(span: otlp.Span, marks: Values) -> int | None:
    if names.TIMESTAMP in marks:
        return max(marks[names.TIMESTAMP].int_value, 0) or None
    return span.start_time_unix_nano // 1000 or None


def _duration(span: otlp.Span, marks: Values) -> int | None:
    """Microseconds, of a shorter time one."""
    if names.DURATION in marks:
        return max(marks[names.DURATION].int_value, 0) or None
    duration_ns = span.end_time_unix_nano - span.start_time_unix_nano
    return max(duration_ns // 1000, 1) if duration_ns > 0 else None


def _part(values: Values, taken: set[str], name: str, *, wanted: Callable[[str], bool] = bool) -> str:
    """An endpoint's part, which no longer is a tag then; empty where it is none."""
    key = names.OURS + name if name in taken else name
    text = as_text(values[key]) if key in values else ""
    if not wanted(text):
        return ""
    del values[key]
    return text


def _local(values: Values, taken: set[str], service_name: str | None) -> Endpoint | None:
    ip = _part(values, taken, names.HOST_IP, wanted=is_address)
    second_ip = _part(values, taken, names.HOST_IPV6, wanted=is_address)
    port = _part(values, taken, names.HOST_PORT, wanted=_is_port)
    return _endpoint(service_name, ip, second_ip, port)


def _remote(values: Values, taken: set[str], kind: int) -> Endpoint | None:
    service = _part(values, taken, names.PEER_SERVICE).lower()
    ip = _part(values, taken, names.PEER_IP, wanted=is_address)
    second_ip = _part(values, taken, names.PEER_IPV6, wanted=is_address)
    port = _part(values, taken, names.PEER_PORT, wanted=_is_port)
    endpoint = _endpoint(service or None, ip, second_ip, port)
    if endpoint is None and kind in (names.KINDS["CLIENT"], names.KINDS["PRODUCER"]):
        return _peer(values, taken)
    return endpoint


def _peer(values: Values, taken: set[str]) -> Endpoint | None:
    """The other side by what else tells it; what does stays a tag."""
    for name, port_name in names.PEERS:
        peer = as_text(values[name]) if name in values and name not in taken else ""
        if peer:
            port = as_text(values[port_name]) if port_name in values else ""
            port = port if _is_port(port) else ""
            return (
                _endpoint(None, peer, "", port) if is_address(peer) else _endpoint(peer.lower(), "", "", port)
            )
    return None


def _endpoint(service_name: str | None, ip: str, second_ip: str, port: str) -> Endpoint | None:
    ipv4, ipv6 = addresses(Endpoint(None, ip, second_ip))
    found = Endpoint(service_name, ipv4 or None, ipv6 or None, int(port) if port else None)
    return found if found != Endpoint() else None


def _is_port(text: str) -> bool:
    return text.isdecimal() and len(text) <= 5 and 0 < int(text) <= MAX_PORT


def _annotations(events: Iterable[otlp.Span.Event]) -> list[Annotation] | None:
    return sorted({_annotation(event) for event in events}) or None


def _annotation(event: otlp.Span.Event) -> Annotation:
    """An event; attributes stand behind its name, as the specification has it."""
    timestamp = event.time_unix_nano // 1000
    values = {}
    for pair in event.attributes:
        if pair.key == names.TIMESTAMP and pair.value.HasField("int_value"):
            timestamp = pair.value.int_value
        else:
            values[pair.key] = as_plain(pair.value)
    if not values:
        return Annotation(timestamp, event.name)
    return Annotation(timestamp, f'"{event.name}": {msgspec.json.encode(values).decode()}')


def _meant(span: otlp.Span, values: Values) -> Iterator[tuple[str, str]]:
    """Fields of OTLP that Zipkin has tags for."""
    if span.kind == names.INTERNAL:
        yield names.SPAN_KIND, "internal"
    yield from _status_tags(span.status, values)
    if span.trace_state:
        yield names.TRACE_STATE, span.trace_state
    for name in ("attributes", "events", "links"):
        count = getattr(span, f"dropped_{name}_count")
        if count:
            yield f"otel.dropped_{name}_count", str(count)
    for number, link in enumerate(span.links):
        yield f"{names.LINK}{number}", _link(link)


def _status_tags(status: otlp.Status, values: Values) -> Iterator[tuple[str, str]]:
    """The status, unless attributes say it already, as those do that came as tags and stayed."""
    if status.code not in _STATUS_CODES:
        return
    name, failed = _STATUS_CODES[status.code], status.code == names.STATUS_CODES["ERROR"]
    error, code = (
        as_text(values[key]) if key in values else None for key in (names.ERROR, names.STATUS_CODE)
    )
    if code == name or (failed and error not in (None, "false")):
        return
    yield names.STATUS_CODE, name
    if failed:
        yield names.ERROR, status.message


def _link(link: otlp.Span.Link) -> str:
    """As the Collector writes it: `trace|span|state|{attributes}|dropped`."""
    attributes = msgspec.json.encode({pair.key: as_plain(pair.value) for pair in link.attributes}).decode()
    parts = (
        link.trace_id.hex(),
        link.span_id.hex(),
        link.trace_state,
        attributes,
        link.dropped_attributes_count,
    )
    return "|".join(map(str, parts))
