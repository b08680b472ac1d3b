"""A segment: what has been acknowledged and is not in a block yet; frames one after the other.

    offset  size  field (integers little-endian)
         0     4  magic "SLF2"
         4     4  length of the payload
         8     8  when it was received, in nanoseconds since the Unix epoch
        16     8  number of spans
        24     8  XXH3-64 of the payload
        32     8  XXH3-64 of the 32 bytes before
        40     n  payload: an ExportTraceServiceRequest, then zeros up to a multiple of 8

A frame is a commit. A crash leaves at most one torn frame, at the end, which was never acknowledged;
it does not count. Nothing is ever truncated or changed, so that readers may follow the growing file.
"""

import mmap
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt
import xxhash

SUFFIX: Final = ".otlp"

_FACTS: Final = struct.Struct("<4sIQQQ")
HEADER_BYTES: Final = _FACTS.size + 8
MAX_PAYLOAD_BYTES: Final = 2**32 - 1
_MAGIC: Final = b"SLF2"
_ZEROS: Final = bytes(8)


@dataclass(frozen=True, slots=True)
class Frame:
    """One commit as it lies in the file, or a stretch of bytes that is not what was written."""

    begin: int
    """Where the payload begins."""
    end: int
    next: int
    """Where the next frame begins."""
    received_ns: int
    span_count: int
    whole: bool


def append(
    file: BinaryIO,
    parts: Sequence[bytes],
    *,
    span_count: int,
    received_ns: int,
    sync: Callable[[int], None] = os.fdatasync,
) -> None:
    """Write one frame and return when it is on the disk; raises OSError, and then some of it may be."""
    size = sum(len(part) for part in parts)
    digest = xxhash.xxh3_64()
    for part in parts:
        digest.update(part)
    facts = _FACTS.pack(_MAGIC, size, received_ns, span_count, digest.intdigest())
    file.write(facts + xxhash.xxh3_64_digest(facts))
    for part in parts:
        file.write(part)
    file.write(_ZEROS[: -size % 8])
    file.flush()
    sync(file.fileno())


def read(path: Path, start: int = 0) -> npt.NDArray[np.uint8]:
    """The bytes of a segment from *start* on, as long as it is now: mapped, since files never shrink."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= start:
            return np.empty(0, np.uint8)
        first = start - start % mmap.ALLOCATIONGRANULARITY
        mapped = mmap.mmap(file.fileno(), size - first, access=mmap.ACCESS_READ, offset=first)
        return np.frombuffer(mapped, np.uint8)[start - first :]


def frames(data: npt.NDArray[np.uint8]) -> Iterator[Frame]:
    """The frames in a segment's bytes, the first of which begins with one.

    Stops before a frame that is not all there: it is being written, or was torn.
    """
    view = memoryview(data)  # type: ignore[arg-type]  # numpy's arrays are buffers; its stubs do not say so
    at = 0
    while at + HEADER_BYTES <= len(view):
        facts = _facts(view, at)
        if facts is None:
            # The length cannot be trusted either: go on where a frame is whole again, if anywhere.
            begin, at = at, _next_header(view, at)
            yield Frame(begin, at, at, 0, 0, whole=False)
            continue
        size, received_ns, span_count, checksum = facts
        begin = at + HEADER_BYTES
        if begin + size > len(view):
            return
        at = begin + size + -size % 8
        whole = xxhash.xxh3_64_intdigest(view[begin : begin + size]) == checksum
        yield Frame(begin, begin + size, at, received_ns, span_count, whole=whole)


def _facts(view: memoryview, at: int) -> tuple[int, int, int, int] | None:
    """What the header at a place says, if that is a header."""
    facts, checksum = view[at : at + _FACTS.size], view[at + _FACTS.size : at + HEADER_BYTES]
    if bytes(facts[:4]) != _MAGIC or xxhash.xxh3_64_digest(facts) != bytes(checksum):
        return None
    _, size, received_ns, span_count, payload_checksum = _FACTS.unpack(facts)
    return size, received_ns, span_count, payload_checksum


def _next_header(view: memoryview, at: int) -> int:
    """Where the first header behind *at* begins, or the end of the data. Frames lie at multiples of 8."""
    for place in range(at + 8, len(view) - HEADER_BYTES + 1, 8):
        if bytes(view[place : place + 4]) == _MAGIC and _facts(view, place) is not None:
            return place
    return len(view)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
