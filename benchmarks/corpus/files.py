"""A corpus on disk: each request behind its length (uint32, little-endian)."""

import mmap
import os
import struct
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.corpus.generator import Request

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_FORGET_BYTES: Final = 64 * 2**20


def write(requests: Iterable[Request], path: Path) -> list[int]:
    """Write requests; how many spans each has, which the file does not say."""
    counts = []
    with path.open("wb") as file:
        for request in requests:
            file.write(struct.pack("<I", len(request.data)))
            file.write(request.data)
            counts.append(request.span_count)
        file.flush()
        os.fsync(file.fileno())  # or the disk would still be busy with it when a clock runs
    return counts


def read(path: Path, counts: Sequence[int]) -> Iterator[Request]:
    """The requests again, whose spans are so many; what has been read is given back to the kernel."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        data.madvise(mmap.MADV_SEQUENTIAL)
        at = forgotten = 0
        for count in counts:
            (size,) = struct.unpack_from("<I", data, at)
            at += 4
            yield Request(data[at : at + size], count)
            at += size
            if at - forgotten > _FORGET_BYTES:
                whole = at - at % mmap.PAGESIZE
                data.madvise(mmap.MADV_DONTNEED, forgotten, whole - forgotten)
                forgotten = whole


@contextmanager
def spooled(made: Iterable[Request]) -> Iterator[Callable[[], Iterator[Request]]]:
    """All of them, made before any clock starts, in a file meanwhile; each call begins anew."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "corpus.otlp"
        counts = write(made, path)
        yield lambda: read(path, counts)


def zstd_bytes(requests: Iterable[Request]) -> float:
    """What a span takes in a plain zstd-3 stream of the requests, without their lengths."""
    compressor = zstd.ZstdCompressor(level=3)
    size = spans = 0
    for request in requests:
        size += len(compressor.compress(request.data))
        spans += request.span_count
    return (size + len(compressor.flush())) / spans
