"""Batches of Jaeger spans in Thrift: bodies of HTTP requests and UDP datagrams.

The structs are those of jaeger-idl's thrift/jaeger.thrift and agent.thrift.
"""

from collections.abc import Sequence
from struct import Struct as Packing
from typing import Final

from spanloom_dialects import otlp
from spanloom_dialects.errors import DialectError
from spanloom_dialects.jaeger.spans import JaegerSpan, Reference, encode, log, process
from spanloom_dialects.jaeger.tags import Tag, bool_tag, string_tag
from spanloom_dialects.thrift_wire import (
    Encoding,
    Reader,
    becomes,
    boolean,
    data,
    double,
    i32,
    i64,
    struct,
    structs,
)
from spanloom_dialects.translated import ANY_NUMBER, Group, Piece, Refused, Translated, translated

STRING: Final = 0
DOUBLE: Final = 1
BOOL: Final = 2
LONG: Final = 3
BINARY: Final = 4

_TRACE_ID: Final = Packing(">qq").pack
_SPAN_ID: Final = Packing(">q").pack


@becomes(
    data(1, "key"),
    i32(2, "kind"),
    data(3, "text"),
    double(4, "number"),
    boolean(5, "flag"),
    i64(6, "whole"),
    data(7, "blob"),
)
def tag_struct(  # noqa: PLR0913  # its fields
    _: type,
    *,
    key: bytes,
    kind: int,
    text: bytes = b"",
    number: float = 0.0,
    flag: bool = False,
    whole: int = 0,
    blob: bytes = b"",
) -> Tag:
    """A tag; of a type that there is not, its value says so."""
    if kind == STRING:
        return string_tag(key, text)
    if kind == LONG:
        return otlp.pair(key, otlp.integer(whole))
    if kind == BOOL:
        return bool_tag(key, flag)
    if kind == DOUBLE:
        return otlp.pair(key, otlp.double(number))
    if kind == BINARY:
        return otlp.pair(key, otlp.binary(blob))
    return otlp.string_pair(key, b"<a value of type %d>" % kind)


@becomes(i64(1, "timestamp_us"), structs(2, "fields", tag_struct))
def log_struct(_: type, *, timestamp_us: int, fields: Sequence[Tag] = ()) -> bytes:
    """What happened at a moment, as a delimited event."""
    return log(timestamp_us * 1000, fields)


@becomes(i32(1, "kind"), i64(2, "low"), i64(3, "high"), i64(4, "span_id"))
def reference_struct(_: type, *, kind: int, low: int, high: int, span_id: int) -> Reference:
    """Another span that a span refers to."""
    return Reference(kind, _TRACE_ID(high, low), _SPAN_ID(span_id))


@becomes(
    i64(1, "low"),
    i64(2, "high"),
    i64(3, "span_id"),
    i64(4, "parent_id"),
    data(5, "name"),
    structs(6, "references", reference_struct),
    i32(7, "flags"),
    i64(8, "start_us"),
    i64(9, "duration_us"),
    structs(10, "tags", tag_struct),
    structs(11, "logs", log_struct),
)
def span_struct(  # noqa: PLR0913  # its fields
    _: type,
    *,
    low: int,
    high: int,
    span_id: int,
    parent_id: int,
    name: bytes,
    flags: int,
    start_us: int,
    duration_us: int,
    references: Sequence[Reference] = (),
    tags: Sequence[Tag] = (),
    logs: Sequence[bytes] = (),
) -> Piece | Refused:
    """A span as OTLP; its ids are unsigned, the fields that they are in are signed."""
    ids = _TRACE_ID(high, low), _SPAN_ID(span_id), _SPAN_ID(parent_id)
    return encode(JaegerSpan(*ids, name, references, flags, start_us * 1000, duration_us * 1000, tags, logs))


@becomes(data(1, "service_name"), structs(2, "tags", tag_struct))
def process_struct(_: type, *, service_name: bytes, tags: Sequence[Tag] = ()) -> bytes:
    """Who made spans, as the `resource` field of a ResourceSpans."""
    return process(service_name, tags)


@becomes(struct(1, "process", process_struct), structs(2, "spans", span_struct))
def batch_struct(_: type, *, process: bytes, spans: Sequence[Piece | Refused]) -> Group:
    """Spans of one process."""
    return process, spans


@becomes(struct(1, "batch", batch_struct))
def emit_batch_struct(_: type, *, batch: Group) -> Group:
    """The arguments of Agent.emitBatch."""
    return batch


def from_batch(
    body: bytes, encoding: Encoding = Encoding.BINARY, *, most_spans: int = ANY_NUMBER
) -> Translated:
    """Translate a bare `Batch`, the body of POST /api/traces, which is in the binary encoding.

    Raises DialectError where it is none. Bytes behind it are ignored, as Jaeger does.
    """
    try:
        group = Reader(body, encoding).struct(batch_struct)
    except DialectError as exc:
        raise DialectError(f"Unable to process request body: {exc}") from exc
    return translated([group], most_spans)


def from_arguments(reader: Reader) -> Translated:
    """Translate the arguments of `Agent.emitBatch`. Raises DialectError where they are none."""
    return translated([reader.struct(emit_batch_struct)], ANY_NUMBER)
