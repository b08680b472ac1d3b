"""One Jaeger span as OTLP, whichever encoding it came in.

By the rules of OpenTelemetry's specification (common/mapping-to-non-otlp.md) and of the Collector's
receiver for Jaeger; what those lose is kept in attributes `jaeger.…` (docs/dialects.md).
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from spanloom_dialects import otlp
from spanloom_dialects.jaeger.tags import EVENT, MESSAGE, Meant, Tag, as_pair, meaning
from spanloom_dialects.translated import Piece, Refused

NO_SERVICE_NAME: Final = b"OTLPResourceNoServiceName"
"""What the Collector calls the process of a resource without `service.name`."""

CHILD_OF: Final = 0
FOLLOWS_FROM: Final = 1
SAMPLED: Final = 1

FLAGS: Final = b"jaeger.flags"
START_US: Final = b"jaeger.start_us"
DURATION_US: Final = b"jaeger.duration_us"
TIMESTAMP_US: Final = b"jaeger.timestamp_us"
PROCESS_ID: Final = b"jaeger.process_id"
WARNINGS: Final = b"@jaeger@warnings"
"""Jaeger's own name for them in OTLP."""

_NO_TRACE: Final = bytes(16)
_NO_SPAN: Final = bytes(8)
_REF_TYPE: Final = b"opentracing.ref_type"
_REF_TYPES: Final = {
    kind: otlp.repeated(otlp.LINK_ATTRIBUTES, [otlp.string_pair(_REF_TYPE, text)])
    for kind, text in ((CHILD_OF, b"child_of"), (FOLLOWS_FROM, b"follows_from"))
}

NO_TRACE_ID: Final = Refused("a span without a trace id")
NO_SPAN_ID: Final = Refused("a span without a span id")


class Reference(NamedTuple):
    """One span refers to another."""

    kind: int
    trace_id: bytes
    span_id: bytes


class JaegerSpan(NamedTuple):
    """What both encodings say of a span."""

    trace_id: bytes
    """16 bytes."""

    span_id: bytes
    """8 bytes."""

    parent_id: bytes
    """8 bytes, zero where there is none or only a reference says so."""

    name: bytes
    references: Sequence[Reference]
    flags: int
    """Signed, 32 bits."""

    start_ns: int
    duration_ns: int
    """Both may be anything that the encoding can say, in microseconds within a signed 64-bit integer."""

    tags: Iterable[Tag]
    logs: Sequence[bytes]
    """Delimited events, as `log` makes them."""

    more: Sequence[bytes] = ()
    """Delimited KeyValues of what only one encoding has."""


def encode(span: JaegerSpan) -> Piece | Refused:
    """The span as OTLP, or why it can never be stored."""
    if span.trace_id == _NO_TRACE:
        return NO_TRACE_ID
    if span.span_id == _NO_SPAN:
        return NO_SPAN_ID
    says = meaning(span.tags)
    attributes = says.attributes
    attributes += span.more
    parent_id, links = _relations(span)
    fields = [
        otlp.span_head(span.trace_id, span.span_id, parent_id, span.name, says.kind),
        _times(span, attributes),
        says.fields,
        _flags(span.flags, attributes),
        otlp.repeated(otlp.SPAN_ATTRIBUTES, attributes),
    ]
    if span.logs:
        fields.append(otlp.repeated(otlp.SPAN_EVENTS, span.logs))
    if links:
        fields.append(otlp.repeated(otlp.SPAN_LINKS, links))
    return Piece(says.scope, otlp.span(b"".join(fields)))


def _relations(span: JaegerSpan) -> tuple[bytes, list[bytes]]:
    """The parent, empty where there is none, and the links: all references but the first to the parent."""
    parent_id = span.parent_id if span.parent_id != _NO_SPAN else b""
    if not span.references:
        return parent_id, []
    links = []
    found = False
    for reference in span.references:
        near = reference.kind == CHILD_OF and reference.trace_id == span.trace_id
        if near and not parent_id and reference.span_id != _NO_SPAN:
            parent_id = reference.span_id
        if near and not found and reference.span_id == parent_id:
            found = True
        else:
            links.append(
                otlp.link(reference.trace_id, reference.span_id, _REF_TYPES.get(reference.kind, b""))
            )
    return parent_id, links


def _times(span: JaegerSpan, attributes: list[bytes]) -> bytes:
    start_ns, duration_ns = span.start_ns, span.duration_ns
    if not 0 <= start_ns <= otlp.MAX_NS:
        attributes.append(otlp.pair(START_US, otlp.integer(start_ns // 1000)))
        start_ns = 0
    end_ns = start_ns + duration_ns
    if end_ns != start_ns and not 0 < end_ns <= otlp.MAX_NS:
        attributes.append(otlp.pair(DURATION_US, otlp.integer(duration_ns // 1000)))
        end_ns = start_ns
    return otlp.times(start_ns, end_ns)


def _flags(flags: int, attributes: list[bytes]) -> bytes:
    """Jaeger's sampled flag is W3C's; the others have no equal."""
    if flags not in (0, SAMPLED):
        attributes.append(otlp.pair(FLAGS, otlp.integer(flags)))
    return otlp.flags(SAMPLED) if flags & SAMPLED else b""


def log(time_ns: int, fields: Sequence[Tag]) -> bytes:
    """A log as a delimited event: its name is its field `event`, else what its field `message` says too."""
    attributes = []
    named: Meant | None = None
    texts = []
    for field in fields:
        if isinstance(field, bytes):
            attributes.append(field)
        elif field.key == EVENT and named is None:
            named = field
        else:
            attributes.append(field.pair)
            texts += [field.text] if field.key in (EVENT, MESSAGE) else []
    if named is not None and named.text in texts:
        attributes.append(named.pair)  # else it would be taken for the one that says the same
    if not 0 <= time_ns <= otlp.MAX_NS:
        attributes.append(otlp.pair(TIMESTAMP_US, otlp.integer(time_ns // 1000)))
        time_ns = 0
    return otlp.event(time_ns, named.text if named else texts[0] if texts else b"", attributes)


def process(service_name: bytes, tags: Iterable[Tag]) -> bytes:
    """A process as the `resource` field of a ResourceSpans, tag included."""
    attributes = [as_pair(tag) for tag in tags]
    if service_name not in (b"", NO_SERVICE_NAME):
        attributes.insert(0, otlp.string_pair(b"service.name", service_name))
    return otlp.resource(attributes) if attributes else b""
