"""One segment file: frames one after the other, each a commit.

    offset  size  field (integers little-endian)
         0     4  magic "SLF1"
         4     4  length of the payload, a multiple of 8
         8     8  XXH3-64 of the payload
        16     n  payload: an Arrow IPC stream of span batches

A frame is whole or does not count: a crash leaves at most one torn frame, at the end, which was
never acknowledged. Nothing is ever truncated, since readers map these files into their memory.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow as pa
import xxhash

from spanloom_storage.batch import SCHEMA, SpanBatch

SUFFIX: Final = ".spans"

_HEADER: Final = struct.Struct("<4sIQ")
_MAGIC: Final = b"SLF1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One commit as it lies in the file."""

    spans: SpanBatch | None
    """None where the payload is not what was written."""
    end: int
    """Where the next frame begins."""


def append(file: BinaryIO, spans: SpanBatch) -> None:
    """Write one frame and return when it is on the disk; raises OSError, and then some of it may be."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, SCHEMA) as stream:
        stream.write_table(spans)
    payload = sink.getvalue()
    file.write(_HEADER.pack(_MAGIC, payload.size, xxhash.xxh3_64_intdigest(payload)))
    file.write(payload)
    file.flush()
    os.fsync(file.fileno())


def frames(path: Path, start: int = 0) -> Iterator[Frame]:
    """The whole frames of a file from *start* on, mapped rather than read.

    Stops silently before a frame that is not all there: it is being written, or was torn.
    """
    with pa.memory_map(str(path)) as file:
        file.seek(start)
        data = file.read_buffer()
    at = 0
    while at + _HEADER.size <= data.size:
        magic, size, checksum = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        if magic != _MAGIC or at + size > data.size:
            return
        payload = data.slice(at, size)
        at += size
        whole = xxhash.xxh3_64_intdigest(payload) == checksum
        yield Frame(spans=pa.ipc.open_stream(payload).read_all() if whole else None, end=start + at)


def segment_paths(directory: Path) -> list[Path]:
    """All segments, oldest first."""
    return sorted(directory.glob(f"*{SUFFIX}"))


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
    found = list(frames(path))
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
