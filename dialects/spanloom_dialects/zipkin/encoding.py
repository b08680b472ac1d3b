"""One Zipkin span as OTLP, whichever encoding it came in.

By the rules of OpenTelemetry's specification (trace/sdk_exporters/zipkin.md) and of the Collector's
receiver for Zipkin; what those lose is kept in attributes `zipkin.…` (docs/dialects.md).
"""

from collections.abc import Iterable, Iterator
from typing import Final

from spanloom_dialects import otlp
from spanloom_dialects.translated import Group, Piece
from spanloom_dialects.zipkin import ids, names
from spanloom_dialects.zipkin.endpoints import local, remote
from spanloom_dialects.zipkin.ids import InvalidSpanError
from spanloom_dialects.zipkin.meaning import Meaning, meaning
from spanloom_dialects.zipkin.span import Annotation, Span

MAX_INT64: Final = 2**63 - 1

_MAX_US: Final = otlp.MAX_NS // 1000
_RESERVED: Final = names.MEANT | names.RESERVED
_TRUE: Final = {
    name: otlp.pair(name.encode(), otlp.boolean(True))  # noqa: FBT003  # the value
    for name in (names.SHARED, names.DEBUG, names.NO_TIMESTAMP)
}


def encoded(spans: Iterable[Span]) -> Iterator[Group]:
    """Each span as OTLP under the service that made it, or refused."""
    for span in spans:
        try:
            yield encode(span)
        except InvalidSpanError as exc:
            yield b"", [exc.refused]


def encode(span: Span) -> Group:
    """The span as OTLP under a resource. Raises InvalidSpanError where it can never be stored."""
    if not isinstance(span.trace_id, str) or not isinstance(span.id, str):
        lacks = [
            name for name, id_ in (("traceId", span.trace_id), ("id", span.id)) if not isinstance(id_, str)
        ]
        raise InvalidSpanError("a span without its ids", f"Missing : {' '.join(lacks)}")
    trace_id, span_id = ids.trace_id(span.trace_id), ids.span_id(span.id)
    parent_id = ids.parent_id(span.parent_id, span_id)
    tags = span.tags or {}
    says = None if _RESERVED.isdisjoint(tags) else meaning(tags, has_kind=span.kind is not None)
    kind = _kind(span.kind) or (says.kind if says else 0)
    attributes = [
        otlp.string_pair(key.encode(), value.encode()) for key, value in (says.tags if says else tags).items()
    ]
    resource = _endpoints(span, says, attributes)
    _marks(span, kind, attributes)
    name = (span.name or "").lower().encode()
    fields = [
        otlp.span_head(trace_id, span_id, parent_id, name, kind),
        _times(span, attributes),
        otlp.repeated(otlp.SPAN_ATTRIBUTES, attributes),
    ]
    if span.annotations:
        fields.append(otlp.repeated(otlp.SPAN_EVENTS, [_event(one) for one in span.annotations]))
    if says:
        fields += says.fields, otlp.repeated(otlp.SPAN_LINKS, says.links)
    return resource, [Piece(says.scope if says else b"", otlp.span(b"".join(fields)))]


def _kind(kind: str | None) -> int:
    if kind is None:
        return 0
    try:
        return names.KINDS[kind]
    except KeyError:
        raise InvalidSpanError("a bad kind", f"No enum constant zipkin2.Span.Kind.{kind[:40]}") from None


def _marks(span: Span, kind: int, attributes: list[bytes]) -> None:
    if span.shared and kind != names.KINDS["CLIENT"]:
        attributes.append(_TRUE[names.SHARED])
    if span.debug:
        attributes.append(_TRUE[names.DEBUG])


def _times(span: Span, attributes: list[bytes]) -> bytes:
    """The start, 0 where it is not known, and the end, which is the start where it is not known."""
    timestamp, duration = max(span.timestamp or 0, 0), max(span.duration or 0, 0)
    if max(timestamp, duration) > MAX_INT64:
        raise InvalidSpanError("a bad time", f"Expected a long but was {max(timestamp, duration)}")
    if not timestamp:
        attributes.append(_TRUE[names.NO_TIMESTAMP])
    elif timestamp > _MAX_US:
        attributes.append(otlp.pair(names.TIMESTAMP.encode(), otlp.integer(timestamp)))
        timestamp = 0
    if timestamp + duration > _MAX_US:
        attributes.append(otlp.pair(names.DURATION.encode(), otlp.integer(duration)))
        duration = 0
    return otlp.times(timestamp * 1000, (timestamp + duration) * 1000)


def _event(annotation: Annotation) -> bytes:
    timestamp = annotation.timestamp
    if 0 <= timestamp <= _MAX_US:
        return otlp.event(timestamp * 1000, annotation.value.encode(), ())
    if not -MAX_INT64 <= timestamp <= MAX_INT64:
        raise InvalidSpanError("a bad time", f"Expected a long but was {timestamp}")
    kept = otlp.pair(names.TIMESTAMP.encode(), otlp.integer(timestamp))
    return otlp.event(0, annotation.value.encode(), (kept,))


def _endpoints(span: Span, says: Meaning | None, attributes: list[bytes]) -> bytes:
    """Add both endpoints to the attributes; the `resource` field of the span's ResourceSpans."""
    sides = []
    if span.local_endpoint:
        sides.append(local(span.local_endpoint))
    if span.remote_endpoint:
        sides.append(remote(span.remote_endpoint))
    taken = names.RESERVED & says.tags.keys() if says else None
    if not taken:
        for side in sides:
            attributes += side.pairs
    else:
        attributes += (
            otlp.pair(((names.OURS if name in taken else "") + name).encode(), value)
            for side in sides
            for name, value in side.values
        )
        attributes.append(otlp.pair(names.TAGS.encode(), otlp.strings(map(str.encode, sorted(taken)))))
    return sides[0].resource if span.local_endpoint else b""
