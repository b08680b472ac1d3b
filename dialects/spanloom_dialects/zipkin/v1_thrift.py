"""Lists of Zipkin spans in Thrift, version 1: zipkin-api's thrift/zipkinCore.thrift."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address
from struct import Struct, error
from typing import Final

from spanloom_dialects.errors import DialectError
from spanloom_dialects.thrift_wire import (
    Encoding,
    Reader,
    becomes,
    boolean,
    data,
    i16,
    i32,
    i64,
    struct,
    structs,
)
from spanloom_dialects.translated import ANY_NUMBER, Translated, translated
from spanloom_dialects.zipkin.span import Endpoint
from spanloom_dialects.zipkin.v1_conversion import encoded
from spanloom_dialects.zipkin.v1_span import V1Annotation, V1BinaryAnnotation, V1Span

_UINT64: Final = 2**64 - 1
_UINT32: Final = 2**32 - 1
_TRUE: Final = b"\1"


def from_v1_thrift(body: bytes, *, most_spans: int = ANY_NUMBER) -> Translated:
    """Translate a bare list of spans in the binary encoding, the body of POST /api/v1/spans.

    Raises DialectError where it is none.
    """
    try:
        spans = Reader(body, Encoding.BINARY).structs(span_struct, most=most_spans)
    except DialectError as exc:
        raise DialectError(f"Malformed reading List<Span> from thrift: {exc}") from exc
    return translated(encoded(spans), ANY_NUMBER)


def from_arguments(reader: Reader) -> Translated:
    """Translate the arguments of `Agent.emitZipkinBatch`. Raises DialectError where they are none."""
    return translated(encoded(reader.struct(emit_zipkin_batch_struct)), ANY_NUMBER)


@becomes(i32(1, "ipv4"), i16(2, "port"), data(3, "name"), data(4, "ipv6"))
def _endpoint(_: type, *, ipv4: int = 0, port: int = 0, name: bytes = b"", ipv6: bytes = b"") -> Endpoint:
    """A host; numbers are unsigned in signed fields."""
    return Endpoint(
        _text(name) or None,
        str(IPv4Address(ipv4 & _UINT32)) if ipv4 else None,
        str(IPv6Address(ipv6)) if len(ipv6) == 16 else None,
        port & 0xFFFF,
    )


@becomes(i64(1, "timestamp"), data(2, "value"), struct(3, "host", _endpoint))
def _annotation(_: type, *, timestamp: int, value: bytes, host: Endpoint | None = None) -> V1Annotation:
    return V1Annotation(timestamp, _text(value), host)


@becomes(data(1, "key"), data(2, "value"), i32(3, "kind"), struct(4, "host", _endpoint))
def _binary_annotation(
    _: type, *, key: bytes, value: bytes, kind: int, host: Endpoint | None = None
) -> V1BinaryAnnotation:
    return V1BinaryAnnotation(_text(key), _value(kind, value), host)


@becomes(
    i64(1, "low"),
    data(3, "name"),
    i64(4, "own_id"),
    i64(5, "parent_id"),
    structs(6, "annotations", _annotation),
    structs(8, "binary_annotations", _binary_annotation),
    boolean(9, "debug"),
    i64(10, "timestamp"),
    i64(11, "duration"),
    i64(12, "high"),
)
def span_struct(  # noqa: PLR0913  # its fields
    _: type,
    *,
    low: int,
    own_id: int,
    high: int = 0,
    name: bytes = b"",
    parent_id: int = 0,
    annotations: list[V1Annotation] | None = None,
    binary_annotations: list[V1BinaryAnnotation] | None = None,
    debug: bool = False,
    timestamp: int = 0,
    duration: int = 0,
) -> V1Span:
    """A span; its ids are unsigned, the fields that they are in are signed."""
    return V1Span(
        trace_id=f"{high & _UINT64:016x}{low & _UINT64:016x}",
        parent_id=f"{parent_id & _UINT64:016x}",
        id=f"{own_id & _UINT64:016x}",
        name=_text(name),
        timestamp=max(timestamp, 0),
        duration=max(duration, 0),
        debug=debug,
        annotations=annotations,
        binary_annotations=binary_annotations,
    )


@becomes(structs(1, "spans", span_struct))
def emit_zipkin_batch_struct(_: type, *, spans: Sequence[V1Span]) -> Sequence[V1Span]:
    """The arguments of Agent.emitZipkinBatch."""
    return spans


def _number(form: str) -> Callable[[bytes], str]:
    unpack = Struct(form).unpack
    return lambda value: str(unpack(value)[0])


_VALUES: Final[dict[int, Callable[[bytes], str]]] = {
    0: lambda value: "true" if value == _TRUE else "false",
    1: lambda value: b64encode(value).decode(),
    2: _number(">h"),
    3: _number(">i"),
    4: _number(">q"),
    5: _number(">d"),
}
"""How bytes of each type become text; where they cannot, they are text already."""


def _value(kind: int, value: bytes) -> str:
    try:
        return _VALUES.get(kind, _text)(value)
    except error:
        return _text(value)


def _text(value: bytes) -> str:
    return value.decode(errors="replace")
