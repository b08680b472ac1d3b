"""The datagram between an application and the agent on its host.

    offset  size  field (integers big-endian)
         0     4  magic "SPLM"
         4     1  version, 1
         5     1  flags: bit 0 = the payload is zstd-compressed
         6     8  sender: random, new for each process (and after a fork)
        14     8  sequence: how many spans this sender sent before this datagram
        22     4  spans: how many are in this datagram
        26     8  dropped: how many spans this sender has given up on so far
        34     1  length of the service name, n ≤ 255
        35     n  service name, UTF-8
    35 + n        payload: one OTLP ExportTraceServiceRequest

The sequence counts spans, not datagrams, so a gap says exactly how many spans UDP lost
(docs/adr/003). A sender that ends sends a datagram of no spans and no payload, so that a gap behind its
last ones shows. A datagram that begins with 0x0A is a bare OTLP message, which our magic never does.
"""

import struct
from dataclasses import dataclass
from typing import Final

from spanloom_model.wire import MalformedError

PORT = 6835
MAX_DATAGRAM_BYTES = 65_000
"""The largest UDP payload over IPv4 is 65,507 bytes; some are left for options on the way."""

NUMBERS: Final = struct.Struct("!14sQIQ")
"""The header up to the service name, as who counts reads it: (beginning, sequence, spans, dropped)."""
NAME_AT: Final = NUMBERS.size
"""Where the service name stands, its length before it."""

_HEADER = struct.Struct("!4sBBQQIQB")
_BEGINNING = struct.Struct("!4sBBQ")
_MAGIC = b"SPLM"
_VERSION = 1
_ZSTD = 1
_BARE_OTLP = 0x0A
_MAX_SERVICE_BYTES = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Datagram:
    """What one datagram carries."""

    sender: int
    """64 bits that name the sending process."""
    service: str
    sequence: int
    """How many spans the sender had sent before."""
    span_count: int
    dropped_count: int = 0
    """How many spans the sender has given up on since it began; a total, so a lost datagram hides nothing."""
    payload: bytes
    """One OTLP ExportTraceServiceRequest, compressed where `zstd` says so."""
    zstd: bool = False


def header_bytes(service: str) -> int:
    """How many bytes of a datagram the header takes for this service."""
    return _HEADER.size + len(_service_bytes(service))


def beginning(sender: int) -> bytes:
    """How all datagrams of a sender begin that are not compressed."""
    return _BEGINNING.pack(_MAGIC, _VERSION, 0, sender)


def name(service: str) -> bytes:
    """The service name with its length before it, as it stands at NAME_AT."""
    encoded = _service_bytes(service)
    return bytes([len(encoded)]) + encoded


def encode(datagram: Datagram) -> bytes:
    """The bytes to send; the caller keeps them under MAX_DATAGRAM_BYTES."""
    numbers = NUMBERS.pack(
        _BEGINNING.pack(_MAGIC, _VERSION, _ZSTD if datagram.zstd else 0, datagram.sender),
        datagram.sequence,
        datagram.span_count,
        datagram.dropped_count,
    )
    return numbers + name(datagram.service) + datagram.payload


def decode(data: bytes) -> Datagram | bytes:
    """Read a datagram; a bare OTLP message comes back as the bytes it is.

    Raises MalformedError for anything else.
    """
    if data[:1] == bytes([_BARE_OTLP]):
        return data
    if len(data) < _HEADER.size:
        raise MalformedError("shorter than a header")
    magic, version, flags, sender, sequence, span_count, dropped, size = _HEADER.unpack_from(data)
    if magic != _MAGIC or version != _VERSION:
        raise MalformedError("neither a Spanloom datagram of version 1 nor OTLP")
    payload_at = _HEADER.size + size
    if len(data) < payload_at:
        raise MalformedError("ends inside the service name")
    return Datagram(
        sender=sender,
        service=data[_HEADER.size : payload_at].decode(errors="replace"),
        sequence=sequence,
        span_count=span_count,
        dropped_count=dropped,
        payload=data[payload_at:],
        zstd=bool(flags & _ZSTD),
    )


def _service_bytes(service: str) -> bytes:
    # Cut between characters: half a character would be read as another name.
    return service.encode(errors="replace")[:_MAX_SERVICE_BYTES].decode(errors="ignore").encode()
