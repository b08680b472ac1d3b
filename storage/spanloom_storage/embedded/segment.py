"""One segment file: frames one after the other, each a commit.

    offset  size  field (integers little-endian)
         0     4  magic "SLF1"
         4     4  length of the payload, a multiple of 8
         8     8  XXH3-64 of the payload
        16     8  XXH3-64 of the 16 bytes before
        24     n  payload: an Arrow IPC stream of span batches

A crash leaves at most one torn frame, at the end, which was never acknowledged; it does not count.
Nothing is ever truncated, since readers map these files into their memory.
"""

import mmap
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow as pa
import xxhash

from spanloom_storage.batch import SCHEMA, SpanBatch

SUFFIX: Final = ".spans"
MAP_BYTES: Final = 2**20
"""What is smaller is read: the kernel allows a process some ten thousand maps."""

_FACTS: Final = struct.Struct("<4sIQ")
_HEADER_BYTES: Final = _FACTS.size + 8
_MAGIC: Final = b"SLF1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One commit as it lies in the file."""

    spans: SpanBatch | None
    """None for a stretch of bytes that is not what was written."""
    end: int
    """Where the next frame begins."""


def append(file: BinaryIO, spans: SpanBatch, sync: Callable[[int], None] = os.fsync) -> None:
    """Write one frame and return when it is on the disk; raises OSError, and then some of it may be."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, SCHEMA) as stream:
        stream.write_table(spans)
    payload = sink.getvalue()
    facts = _FACTS.pack(_MAGIC, payload.size, xxhash.xxh3_64_intdigest(payload))
    file.write(facts + xxhash.xxh3_64_digest(facts))
    file.write(payload)
    file.flush()
    sync(file.fileno())


def frames(file: BinaryIO, start: int = 0) -> Iterator[Frame]:
    """The frames of an open file from *start* on; large stretches are mapped rather than read.

    Stops before a frame that is not all there: it is being written, or was torn.
    """
    data = _bytes_from(file, start)
    at = 0
    while at + _HEADER_BYTES <= data.size:
        facts = _facts(data, at)
        if facts is None:
            # The length cannot be trusted either: go on where a frame is whole again, if anywhere.
            at = _next_whole_frame(data, at)
            yield Frame(spans=None, end=start + at)
            continue
        size, checksum = facts
        if at + _HEADER_BYTES + size > data.size:
            return
        payload = data.slice(at + _HEADER_BYTES, size)
        at += _HEADER_BYTES + size
        whole = xxhash.xxh3_64_intdigest(payload) == checksum
        yield Frame(spans=pa.ipc.open_stream(payload).read_all() if whole else None, end=start + at)


def segment_paths(directory: Path) -> list[Path]:
    """All segments, oldest first."""
    return sorted(path for path in directory.glob(f"*{SUFFIX}") if path.stem.isdecimal())


def resting_paths(directory: Path) -> list[Path]:
    """The segments that no writer appends to: all but the newest."""
    return segment_paths(directory)[:-1]


def next_segment_path(directory: Path) -> Path:
    """A name behind all others."""
    newest = max((int(path.stem) for path in segment_paths(directory)), default=0)
    return directory / f"{newest + 1:08}{SUFFIX}"


def rewrite(path: Path) -> None:
    """Make one frame of many, in place: a segment at rest is read faster and takes less room.

    The new file replaces the old one in one step, so a crash or a reader sees either. A damaged
    segment is left as it is.
    """
    with path.open("rb") as file:
        found = list(frames(file))
    spans = [frame.spans for frame in found if frame.spans is not None]
    if len(found) < 2 or len(spans) < len(found):
        return
    whole = pa.concat_tables(spans).unify_dictionaries().combine_chunks()
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        append(file, whole)
    draft.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _bytes_from(file: BinaryIO, start: int) -> Any:
    """An Arrow buffer of the file from *start* to its end."""
    size = os.fstat(file.fileno()).st_size
    if size - start < MAP_BYTES:
        return pa.py_buffer(os.pread(file.fileno(), max(0, size - start), start))
    mapped_from = start - start % mmap.ALLOCATIONGRANULARITY
    mapped = mmap.mmap(file.fileno(), size - mapped_from, access=mmap.ACCESS_READ, offset=mapped_from)
    return pa.py_buffer(mapped).slice(start - mapped_from)


def _facts(data: Any, at: int) -> tuple[int, int] | None:
    """Length and checksum of the payload behind the header at a place, if that is a header."""
    header = data.slice(at, _HEADER_BYTES).to_pybytes()
    facts, checksum = header[: _FACTS.size], header[_FACTS.size :]
    if not facts.startswith(_MAGIC) or xxhash.xxh3_64_digest(facts) != checksum:
        return None
    _, size, payload_checksum = _FACTS.unpack(facts)
    return size, payload_checksum


def _next_whole_frame(data: Any, at: int) -> int:
    """Where the first frame behind *at* begins, or the end of the data. Frames lie at multiples of 8."""
    for place in range(at + 8, data.size - _HEADER_BYTES, 8):
        facts = _facts(data, place)
        if facts is not None and place + _HEADER_BYTES + facts[0] <= data.size:
            return place
    return int(data.size)
