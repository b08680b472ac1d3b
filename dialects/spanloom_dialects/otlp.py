"""Pieces of OTLP's wire format, from which spans are put together without message objects.

Written by hand because it takes half of what protobuf's own objects take (benchmarks/dialects.py) and
needs nothing imported. A *delimited* message is its length and its bytes: `repeated` puts its field's
tag before each. Field numbers: opentelemetry/proto/trace/v1/trace.proto, common/v1/common.proto.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from struct import Struct
from typing import Final

from spanloom_model.wire import varint

UINT64: Final = 2**64 - 1
MAX_NS: Final = 2**63 - 1
"""The latest moment that is kept, in the year 2262: columns of times are signed."""

SPAN_ATTRIBUTES: Final = b"\x4a"
SPAN_EVENTS: Final = b"\x5a"
SPAN_LINKS: Final = b"\x6a"
EVENT_ATTRIBUTES: Final = b"\x1a"
LINK_ATTRIBUTES: Final = b"\x22"
RESOURCE_ATTRIBUTES: Final = b"\x0a"

STATUS_OK: Final = 1
STATUS_ERROR: Final = 2

_VARINTS: Final = tuple(varint(number) for number in range(2**14))
_STRING_HEADS: Final = tuple(bytes((size + 2, 0x0A, size)) for size in range(2**7 - 3))
"""What stands before short text: the length of an AnyValue, the tag and the length of its string."""

_TIMES: Final = Struct("<BQBQ").pack
_FIXED64: Final = Struct("<BQ").pack
_DOUBLE: Final = Struct("<Bd").pack
_CACHED_BYTES: Final = 128
"""Longer keys are seldom met twice, and must not fill the cache."""


def delimited(message: bytes) -> bytes:
    """A message with its length before it."""
    size = len(message)
    return (_VARINTS[size] if size < 2**14 else varint(size)) + message


def repeated(tag: bytes, messages: Iterable[bytes]) -> bytes:
    """A repeated field of delimited messages."""
    return tag.join((b"", *messages))


def utf8(text: bytes) -> bytes:
    """The same bytes where they are UTF-8; what is not becomes U+FFFD, since OTLP's strings are text."""
    if text.isascii():
        return text
    return text.decode(errors="replace").encode()


def _key(key: bytes) -> bytes:
    """The field of a key, and the tag of the value behind it."""
    return b"\x0a%b\x12" % delimited(utf8(key))


_cached_key: Final = lru_cache(2**12)(_key)


def pair(key: bytes, value: bytes) -> bytes:
    """A delimited KeyValue; *value* is the content of an AnyValue."""
    head = _cached_key(key) if len(key) <= _CACHED_BYTES else _key(key)
    return delimited(head + delimited(value))


def string_pair(key: bytes, text: bytes) -> bytes:
    """A delimited KeyValue of a string."""
    head = _cached_key(key) if len(key) <= _CACHED_BYTES else _key(key)
    if not text.isascii():
        text = utf8(text)
    size = len(text)
    whole = len(head) + size + 3
    if whole < 2**7:
        return b"".join((_VARINTS[whole], head, _STRING_HEADS[size], text))
    return delimited(head + delimited(b"\x0a" + delimited(text)))


def string(text: bytes) -> bytes:
    """The content of an AnyValue."""
    return b"\x0a" + delimited(utf8(text))


def boolean(value: bool) -> bytes:  # noqa: FBT001  # the value itself
    """The content of an AnyValue."""
    return b"\x10\x01" if value else b"\x10\x00"


def integer(value: int) -> bytes:
    """The content of an AnyValue; *value* is a signed integer of 64 bits."""
    return b"\x18" + (_VARINTS[value] if 0 <= value < 2**14 else varint(value & UINT64))


def double(value: float) -> bytes:
    """The content of an AnyValue."""
    return _DOUBLE(0x21, value)


def binary(value: bytes) -> bytes:
    """The content of an AnyValue."""
    return b"\x3a" + delimited(value)


def strings(values: Iterable[bytes]) -> bytes:
    """The content of an AnyValue: an array of strings."""
    return b"\x2a" + delimited(repeated(b"\x0a", [delimited(string(value)) for value in values]))


def event(time_ns: int, name: bytes, attributes: Sequence[bytes]) -> bytes:
    """A delimited Span.Event."""
    head = _FIXED64(0x09, time_ns) + b"\x12" + delimited(utf8(name))
    return delimited(head + repeated(EVENT_ATTRIBUTES, attributes)) if attributes else delimited(head)


def link(trace_id: bytes, span_id: bytes, rest: bytes) -> bytes:
    """A delimited Span.Link; *rest* is whole fields."""
    return delimited(b"\x0a\x10%b\x12\x08%b%b" % (trace_id, span_id, rest))


def status(code: int, message: bytes) -> bytes:
    """The `status` field of a span, tag included."""
    text = b"\x12" + delimited(utf8(message)) if message else b""
    return b"\x7a" + delimited(b"%b\x18%c" % (text, code))


def flags(value: int) -> bytes:
    """The `flags` field of a span, tag included; *value* has 32 bits."""
    return b"\x85\x01" + value.to_bytes(4, "little")


def span_head(trace_id: bytes, span_id: bytes, parent_id: bytes, name: bytes, kind: int) -> bytes:
    """The first fields of a span; *parent_id* is empty where there is none."""
    parent = b"\x22\x08" + parent_id if parent_id else b""
    return b"\x0a\x10%b\x12\x08%b%b\x2a%b\x30%c" % (trace_id, span_id, parent, delimited(utf8(name)), kind)


def trace_state(text: bytes) -> bytes:
    """The `trace_state` field of a span, tag included."""
    return b"\x1a" + delimited(utf8(text))


def times(start_ns: int, end_ns: int) -> bytes:
    """When a span began and ended, from 0 to MAX_NS."""
    return _TIMES(0x39, start_ns, 0x41, end_ns)


def span(fields: bytes) -> bytes:
    """The `spans` field of a ScopeSpans, tag included."""
    return b"\x12" + delimited(fields)


def scope(name: bytes, version: bytes) -> bytes:
    """The `scope` field of a ScopeSpans, tag included."""
    fields = b"".join(
        tag + delimited(utf8(text)) for tag, text in ((b"\x0a", name), (b"\x12", version)) if text
    )
    return b"\x0a" + delimited(fields)


def resource(attributes: Iterable[bytes]) -> bytes:
    """The `resource` field of a ResourceSpans, tag included."""
    return b"\x0a" + delimited(repeated(RESOURCE_ATTRIBUTES, attributes))
