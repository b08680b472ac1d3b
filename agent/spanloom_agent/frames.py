"""Batches in a file, as the agent keeps them while no collector takes them.

    offset  size  field (numbers in the machine's own order: a spool does not travel)
         0     4  magic "SLsp"
         4     1  state: 0 waiting, 1 delivered; written in place, so no checksum covers it
         5     3  zero
         8     8  when it was written, seconds since the Unix epoch, a float
        16     4  messages, n
        20     4  bytes of the body, b
        24     8  spans, as far as senders said
        32     4  CRC-32 of what follows the header
        36     4  CRC-32 of bytes 8 to 36
        40    4n  bytes of each message
    40 + 4n   4n  spans of each message
    40 + 8n    b  the messages, one after the other

A frame is written at once, after the others; a torn one at the end is of a process that died.
"""

import os
import struct
import zlib
from array import array
from dataclasses import dataclass
from typing import Final

from spanloom_agent.batch import OVERHEAD_BYTES, Batch

HEADER_BYTES: Final = 40
_FACTS: Final = struct.Struct("=dIIQI")
_HEADER: Final = struct.Struct(f"=4sB3x{_FACTS.size}sI")
_MAGIC: Final = b"SLsp"
_STATE_AT: Final = 4
_WAITING: Final = 0
_DELIVERED: Final = 1


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a frame without reading the rest."""

    waiting: bool
    written_s: float
    message_count: int
    body_bytes: int
    span_count: int
    checksum: int

    @property
    def frame_bytes(self) -> int:
        """How far it is to the next frame."""
        return HEADER_BYTES + OVERHEAD_BYTES * self.message_count + self.body_bytes


def frame_bytes(batch: Batch) -> int:
    """What a batch takes in a file."""
    return HEADER_BYTES + batch.size_bytes


def append(file: int, batch: Batch, written_s: float) -> None:
    """Write a batch at the end of a file that is open to append.

    Raises OSError where the disk does not take all of it; then a part may be there.
    """
    # In one piece: the thread that writes would have to wait for the interpreter after each of several.
    body = b"".join([batch.sizes.tobytes(), batch.spans.tobytes(), *batch.pieces])
    facts = _FACTS.pack(written_s, len(batch), batch.body_bytes, batch.span_count, zlib.crc32(body))
    header = _HEADER.pack(_MAGIC, _WAITING, facts, zlib.crc32(facts))
    written = os.writev(file, [header, body])
    if written < len(header) + len(body):  # a disk that is full says so only when it is given the rest
        rest = memoryview(header + body)[written:]
        while rest:
            rest = rest[os.write(file, rest) :]


def read_header(file: int, at: int) -> Header | None:
    """The header at this place; None where there is none."""
    data = os.pread(file, HEADER_BYTES, at)
    if len(data) < HEADER_BYTES:
        return None
    magic, state, facts, checksum = _HEADER.unpack(data)
    if magic != _MAGIC or zlib.crc32(facts) != checksum:
        return None
    return Header(state == _WAITING, *_FACTS.unpack(facts))


def read_batch(file: int, at: int, header: Header) -> Batch | None:
    """The batch whose header is at this place; None where it is damaged."""
    data = os.pread(file, header.frame_bytes - HEADER_BYTES, at + HEADER_BYTES)
    if zlib.crc32(data) != header.checksum:
        return None
    sizes, spans = array("I"), array("I")
    middle, end = 4 * header.message_count, OVERHEAD_BYTES * header.message_count
    sizes.frombytes(data[:middle])
    spans.frombytes(data[middle:end])
    return Batch([data[end:]], sizes, spans)


def mark_delivered(file: int, at: int) -> None:
    """Remember that nobody needs the batch at this place any more."""
    os.pwrite(file, bytes([_DELIVERED]), at + _STATE_AT)
