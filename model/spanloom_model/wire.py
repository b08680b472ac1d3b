"""Protobuf's wire format, as far as whoever forwards or packs messages needs it.

https://protobuf.dev/programming-guides/encoding/: a field is a tag (number << 3 | wire type),
then for wire type 2 a length and so many bytes. Two messages written one after the other are one
message whose repeated fields follow each other; that is why an agent needs no decoding.
"""

from typing import Final

MAX_FRAMES: Final = 1000


class MalformedError(ValueError):
    """The bytes are not the message that they are said to be."""


class TooManySpansError(ValueError):
    """There are more spans in a message than whoever reads it wants to look at."""

    def __init__(self, most_spans: int) -> None:
        super().__init__(f"the request is larger than {most_spans} spans")


def varint(value: int) -> bytes:
    """Encode a non-negative integer, seven bits a byte, least significant first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, payload: bytes) -> bytes:
    """One length-delimited field: a message, a string or bytes."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def check_frames(message: bytes, number: int) -> None:
    """Raise MalformedError unless *message* is whole fields of that *number*, end to end.

    What passes can be concatenated with its neighbours without swallowing bytes of theirs; what
    is inside the fields is for the receiver to judge. An empty field, which says nothing, and more
    than MAX_FRAMES fields are refused: looking at a mass of them takes longer than they are worth.
    """
    tag, at = number << 3 | 2, 0
    frames = 0
    while at < len(message):
        frames += 1
        if frames > MAX_FRAMES:
            raise MalformedError(f"more than {MAX_FRAMES} fields")
        if message[at] != tag:
            raise MalformedError(f"byte {at} begins no field {number}")
        length, at = _read_varint(message, at + 1)
        if not length:
            raise MalformedError(f"the field before byte {at} is empty")
        at += length
    if at != len(message):
        raise MalformedError(f"a field ends {at - len(message)} bytes past the message")


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 35, 7):
        if at >= len(message):
            raise MalformedError("the message ends inside a length")
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
    raise MalformedError(f"the length before byte {at} has more than five bytes")
