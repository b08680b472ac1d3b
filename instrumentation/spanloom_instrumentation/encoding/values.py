"""Values and attributes as OTLP writes them (opentelemetry/proto/common/v1/common.proto)."""

import struct
from collections.abc import Mapping, Sequence
from typing import Final

from opentelemetry.util.types import AnyValue

from spanloom_model.wire import field, varint

VARINTS: Final = tuple(varint(value) for value in range(2048))
"""Lengths, mostly; looking one up takes a fifth of the time of writing it."""
_DOUBLE: Final = struct.Struct("<Bd")
_TRUE: Final = b"\x10\x01"
_FALSE: Final = b"\x10\x00"
_UINT64: Final = 2**64 - 1


def length(size: int) -> bytes:
    """A length before what is so long."""
    return VARINTS[size] if size < 2048 else varint(size)


def utf8(value: str) -> bytes:
    """As UTF-8; half a surrogate pair, which is no text, becomes a question mark."""
    return value.encode(errors="replace")


def text(number: int, value: str) -> bytes:
    """A string field."""
    return field(number, utf8(value))


def any_value(value: AnyValue) -> bytes:
    """An AnyValue's content; integers beyond 64 bits become strings, as the specification wants."""
    match value:
        case str():
            return field(1, utf8(value))
        case bool():
            return _TRUE if value else _FALSE
        case int():
            return b"\x18" + varint(value & _UINT64) if -(2**63) <= value < 2**63 else text(1, str(value))
        case float():
            return _DOUBLE.pack(0x21, value)
        case bytes():
            return field(7, value)
        case Mapping():
            return field(6, pairs(1, value))
        case Sequence():
            return field(5, b"".join([field(1, any_value(one)) for one in value]))
        case _:
            return b""


def pair(number: int, key: str, value: AnyValue) -> bytes:
    """One attribute, as a field of what it belongs to."""
    return field(number, text(1, key) + field(2, any_value(value)))


def pairs(number: int, attributes: Mapping[str, AnyValue]) -> bytes:
    """Attributes that are written once, or so seldom that it does not matter."""
    return b"".join([pair(number, key, value) for key, value in attributes.items()])
