"""OTLP's JSON as exporters write it, into its protobuf, at a tenth of what protobuf's own reader takes.

What is written in another of the ways that protobuf's JSON allows (names with underscores, fields that are
unknown here), or is wrong, is not read: whoever asks then asks that reader.
opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding.
"""

from base64 import b64decode
from collections.abc import Iterable
from struct import Struct as Packing
from typing import Final, TypeAlias

import msgspec

from spanloom_dialects import otlp
from spanloom_model.wire import TooManySpansError, varint

Whole: TypeAlias = int | str
"""Whole numbers of 64 bits are text for JavaScript's sake, which other writers need not care for."""

KINDS: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
CODES: Final = ("UNSET", "OK", "ERROR")

_KINDS: Final = {f"SPAN_KIND_{name}": number for number, name in enumerate(KINDS)}
_CODES: Final = {f"STATUS_CODE_{name}": number for number, name in enumerate(CODES)}
_UINT32: Final = 2**32 - 1
_ERRORS: Final = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError, KeyError)
"""What reading raises; binascii's errors are ValueErrors."""
_FIXED64: Final = Packing("<Q").pack
_FLOATS: Final = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


class _Message(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Null is the default, as in protobuf's JSON."""


class Value(_Message):
    """An AnyValue."""

    string_value: str | None = None
    int_value: Whole | None = None
    bool_value: bool | None = None
    double_value: float | str | None = None
    array_value: "Values | None" = None
    kvlist_value: "Pairs | None" = None
    bytes_value: str | None = None


class Values(_Message):
    """An ArrayValue."""

    values: list[Value] | None = None


class Pair(_Message):
    """A KeyValue."""

    key: str | None = None
    value: Value | None = None


class Pairs(_Message):
    """A KeyValueList."""

    values: list[Pair] | None = None


class Owner(_Message):
    """What attributes belong to."""

    attributes: list[Pair] | None = None
    dropped_attributes_count: int | None = None


class Event(Owner):
    """A Span.Event."""

    time_unix_nano: Whole | None = None
    name: str | None = None


class Link(Owner):
    """A Span.Link."""

    trace_id: str | None = None
    span_id: str | None = None
    trace_state: str | None = None
    flags: int | None = None


class Status(_Message):
    """A Status."""

    message: str | None = None
    code: Whole | None = None


class Span(Owner):
    """A Span."""

    trace_id: str | None = None
    span_id: str | None = None
    trace_state: str | None = None
    parent_span_id: str | None = None
    flags: int | None = None
    name: str | None = None
    kind: Whole | None = None
    start_time_unix_nano: Whole | None = None
    end_time_unix_nano: Whole | None = None
    events: list[Event] | None = None
    dropped_events_count: int | None = None
    links: list[Link] | None = None
    dropped_links_count: int | None = None
    status: Status | None = None


class Scope(Owner):
    """An InstrumentationScope."""

    name: str | None = None
    version: str | None = None


class ScopeSpans(_Message):
    """ScopeSpans."""

    scope: Scope | None = None
    spans: list[Span] | None = None
    schema_url: str | None = None


class ResourceSpans(_Message):
    """ResourceSpans."""

    resource: Owner | None = None
    scope_spans: list[ScopeSpans] | None = None
    schema_url: str | None = None


class Request(_Message):
    """An ExportTraceServiceRequest."""

    resource_spans: list[ResourceSpans] | None = None


_REQUEST: Final = msgspec.json.Decoder(Request)


def to_protobuf(body: bytes, *, most_spans: int) -> bytes | None:
    """A request as bytes of protobuf; None where it is not written as exporters write it.

    Raises TooManySpansError.
    """
    try:
        resource_spans = _REQUEST.decode(body).resource_spans or ()
    except _ERRORS:
        return None
    scopes = [scope for resource in resource_spans for scope in resource.scope_spans or ()]
    if sum(len(scope.spans or ()) for scope in scopes) > most_spans:
        raise TooManySpansError(most_spans)
    try:
        return otlp.repeated(b"\x0a", [otlp.delimited(_resource_spans(one)) for one in resource_spans])
    except _ERRORS:
        return None


def _resource_spans(told: ResourceSpans) -> bytes:
    resource = b""
    if told.resource is not None:
        resource = b"\x0a" + otlp.delimited(_owner(told.resource, otlp.RESOURCE_ATTRIBUTES, b"\x10"))
    scopes = [otlp.delimited(_scope_spans(one)) for one in told.scope_spans or ()]
    return resource + otlp.repeated(b"\x12", scopes) + _text(b"\x1a", told.schema_url)


def _scope_spans(told: ScopeSpans) -> bytes:
    scope = b""
    if (found := told.scope) is not None:
        named = _text(b"\x0a", found.name) + _text(b"\x12", found.version)
        scope = b"\x0a" + otlp.delimited(named + _owner(found, b"\x1a", b"\x20"))
    spans = [otlp.delimited(_span(one)) for one in told.spans or ()]
    return scope + otlp.repeated(b"\x12", spans) + _text(b"\x1a", told.schema_url)


def _span(told: Span) -> bytes:
    fields = [
        _id(b"\x0a", told.trace_id),
        _id(b"\x12", told.span_id),
        _text(b"\x1a", told.trace_state),
        _id(b"\x22", told.parent_span_id),
        _text(b"\x2a", told.name),
        _enum(b"\x30", told.kind, _KINDS),
        _time(b"\x39", told.start_time_unix_nano),
        _time(b"\x41", told.end_time_unix_nano),
        _owner(told, otlp.SPAN_ATTRIBUTES, b"\x50"),
        otlp.repeated(otlp.SPAN_EVENTS, [otlp.delimited(_event(one)) for one in told.events or ()]),
        _count(b"\x60", told.dropped_events_count),
        otlp.repeated(otlp.SPAN_LINKS, [otlp.delimited(_link(one)) for one in told.links or ()]),
        _count(b"\x70", told.dropped_links_count),
        _flags(b"\x85\x01", told.flags),
    ]
    if (status := told.status) is not None:
        told_status = _text(b"\x12", status.message) + _enum(b"\x18", status.code, _CODES)
        fields.append(b"\x7a" + otlp.delimited(told_status))
    return b"".join(fields)


def _event(told: Event) -> bytes:
    time = _time(b"\x09", told.time_unix_nano)
    return time + _text(b"\x12", told.name) + _owner(told, otlp.EVENT_ATTRIBUTES, b"\x20")


def _link(told: Link) -> bytes:
    ids = _id(b"\x0a", told.trace_id) + _id(b"\x12", told.span_id) + _text(b"\x1a", told.trace_state)
    return ids + _owner(told, otlp.LINK_ATTRIBUTES, b"\x28") + _flags(b"\x35", told.flags)


def _owner(told: Owner, attributes: bytes, dropped: bytes) -> bytes:
    count = _count(dropped, told.dropped_attributes_count)
    return otlp.repeated(attributes, map(_pair, told.attributes)) + count if told.attributes else count


def _pair(told: Pair) -> bytes:
    """A delimited KeyValue."""
    key, value = (told.key or "").encode(), told.value
    if value is None:
        return otlp.delimited(b"\x0a" + otlp.delimited(key))
    if value.string_value is not None:
        return otlp.string_pair(key, value.string_value.encode())
    return otlp.pair(key, _value(value))


def _value(told: Value) -> bytes:
    """The content of an AnyValue."""
    if told.string_value is not None:
        return otlp.string(told.string_value.encode())
    if told.int_value is not None:
        return otlp.integer(_whole(told.int_value, least=-(2**63), most=2**63 - 1))
    if told.bool_value is not None:
        return otlp.boolean(told.bool_value)
    if (double := told.double_value) is not None:
        return otlp.double(_FLOATS[double] if isinstance(double, str) else double)
    if told.array_value is not None:
        return _list(b"\x2a", (otlp.delimited(_value(one)) for one in told.array_value.values or ()))
    if told.kvlist_value is not None:
        return _list(b"\x32", map(_pair, told.kvlist_value.values or ()))
    if told.bytes_value is not None:
        return otlp.binary(b64decode(told.bytes_value, validate=True))
    return b""


def _list(tag: bytes, values: Iterable[bytes]) -> bytes:
    return tag + otlp.delimited(otlp.repeated(b"\x0a", values))


def _text(tag: bytes, text: str | None) -> bytes:
    return tag + otlp.delimited(text.encode()) if text else b""


def _id(tag: bytes, hexadecimal: str | None) -> bytes:
    return tag + otlp.delimited(bytes.fromhex(hexadecimal)) if hexadecimal else b""


def _time(tag: bytes, told: Whole | None) -> bytes:
    return tag + _FIXED64(_whole(told, least=0, most=otlp.UINT64)) if told else b""


def _flags(tag: bytes, told: int | None) -> bytes:
    return tag + told.to_bytes(4, "little") if told else b""


def _count(tag: bytes, told: int | None) -> bytes:
    return tag + varint(_whole(told, least=0, most=_UINT32)) if told else b""


def _enum(tag: bytes, told: Whole | None, names: dict[str, int]) -> bytes:
    number = names[told] if isinstance(told, str) else told
    return tag + varint(_whole(number, least=0, most=2**31 - 1)) if number else b""


def _whole(told: Whole, *, least: int, most: int) -> int:
    """The number; raises ValueError where it is none or too large."""
    if isinstance(told, str):
        if not (told.isascii() and told.removeprefix("-").isdecimal()):
            raise ValueError(told)
        told = int(told)
    if not least <= told <= most:
        raise ValueError(told)
    return told
