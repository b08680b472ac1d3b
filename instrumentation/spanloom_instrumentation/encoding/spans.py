"""A span as OTLP writes it, from pieces (opentelemetry/proto/trace/v1/trace.proto).

A message of protobuf per span and per attribute would cost ten times as much.
"""

import struct
from typing import Any, Final

from opentelemetry.trace import SpanKind, StatusCode

from spanloom_instrumentation.encoding.values import VARINTS, length, pair, text, utf8
from spanloom_instrumentation.encoding.written import MOST_BYTES, Written
from spanloom_instrumentation.heritage import Heritage
from spanloom_instrumentation.more import More, SpanEvent, SpanLink
from spanloom_instrumentation.span import Span
from spanloom_model.wire import field, varint

_IDS: Final = struct.Struct(">HQHQ")
"""Fields 2 and 4, eight bytes each; ids are big-endian, …"""
_ID: Final = struct.Struct(">HQ")
_TIMES: Final = struct.Struct("<BQBQ")
"""… times, fields 7 and 8, little-endian."""
_TIME: Final = struct.Struct("<BQ")
_FLAGS: Final = struct.Struct("<HI")
_SPAN_ID: Final = 0x1208
_PARENT_ID: Final = 0x2208

_HAS_IS_REMOTE: Final = 0x100
_IS_REMOTE: Final = 0x200

_ATTRIBUTES: Final = Written(9)
_EVENT_ATTRIBUTES: Final = Written(3)
_MOST_NAMES: Final = 1024


class _Names(dict[str, bytes]):
    """Name → fields 5 and 6, of one kind; a good name comes again and again."""

    def __init__(self, kind: SpanKind) -> None:
        self._kind = b"\x30" + varint(kind.value + 1)  # OTLP has 0 for a kind that nobody said

    def __missing__(self, name: str) -> bytes:
        found = text(5, name) + self._kind
        if len(self) >= _MOST_NAMES:
            self.clear()
        if len(found) <= MOST_BYTES:
            self[name] = found
        return found


# By identity: hashing a member of an Enum is a call of Python.
_NAMES: Final = {id(kind): _Names(kind) for kind in SpanKind}


def _endings() -> dict[int, bytes]:
    """Status, 15, that nobody set and flags, 16, by the flags: nearly all spans end so."""
    return {
        flags: b"\x7a\x00" + _FLAGS.pack(0x0185, flags)
        for bits in range(4)
        for flags in (bits | _HAS_IS_REMOTE, bits | _HAS_IS_REMOTE | _IS_REMOTE)
    }


_ENDINGS: Final = _endings()


def encode(span: Span) -> bytes:
    """The span as a field of ScopeSpans; raises where something in it is no value at all."""
    heritage, parent = span.heritage, span.parent_is
    flags = heritage.flags | _HAS_IS_REMOTE
    if isinstance(parent, int):
        ids = _IDS.pack(_SPAN_ID, span.span_id, _PARENT_ID, parent)
    elif parent is None:
        ids = _ID.pack(_SPAN_ID, span.span_id)
    else:
        ids = _IDS.pack(_SPAN_ID, span.span_id, _PARENT_ID, parent.span_id)
        flags |= _IS_REMOTE if parent.is_remote else 0
    parts = [
        heritage.encoded or _encode_heritage(heritage),
        ids,
        _NAMES[id(span.kind)][span.name],
        _TIMES.pack(0x39, span.start_time, 0x41, span.end_time),
    ]
    if span.told:
        by_type: Any = _ATTRIBUTES.by_type
        for key, value in span.told.items():
            parts.append(by_type[type(value)][key][value])
    parts.append(_ENDINGS[flags] if span.more is None else _encode_more(span.more, flags))
    data = b"".join(parts)
    size = len(data)
    return b"\x12" + (VARINTS[size] if size < 2048 else varint(size)) + data


def _encode_heritage(heritage: Heritage) -> bytes:
    found = b"\x0a\x10" + heritage.trace_id.to_bytes(16, "big")
    if heritage.trace_state:
        found += text(3, heritage.trace_state.to_header())
    heritage.encoded = found
    return found


def _encode_more(more: More, flags: int) -> bytes:
    status = b""
    if more.status is not None:
        if more.status.description:
            status += text(2, more.status.description)
        status += b"\x18" + varint(_CODES[more.status.status_code])
    return b"".join(
        [
            _count(10, more.dropped_attributes),
            *(field(11, _encode_event(event)) for event in tuple(more.events)),
            _count(12, more.dropped_events),
            *(field(13, _encode_link(link)) for link in tuple(more.links)),
            _count(14, more.dropped_links),
            field(15, status),
            _FLAGS.pack(0x0185, flags),
        ]
    )


_CODES: Final = {code: code.value for code in StatusCode}


def _count(number: int, count: int) -> bytes:
    return varint(number << 3) + varint(count) if count else b""


def _encode_event(event: SpanEvent) -> bytes:
    by_type: Any = _EVENT_ATTRIBUTES.by_type
    attributes = [by_type[type(value)][key][value] for key, value in event.attributes.items()]
    name = utf8(event.name)
    return b"".join(
        [
            _TIME.pack(0x09, event.timestamp),
            b"\x12" + length(len(name)) + name,
            *attributes,
            _count(4, event.dropped_attributes),
        ]
    )


def _encode_link(link: SpanLink) -> bytes:
    context = link.context
    flags = context.trace_flags | _HAS_IS_REMOTE | (_IS_REMOTE if context.is_remote else 0)
    return b"".join(
        [
            b"\x0a\x10" + context.trace_id.to_bytes(16, "big"),
            b"\x12\x08" + context.span_id.to_bytes(8, "big"),
            text(3, context.trace_state.to_header()) if context.trace_state else b"",
            *(pair(4, key, value) for key, value in link.attributes.items()),
            _count(5, link.dropped_attributes),
            b"\x35" + flags.to_bytes(4, "little"),
        ]
    )
