"""One file of batches: appended to, read from its beginning, deleted."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spanloom_agent import frames
from spanloom_agent.batch import Batch, Place
from spanloom_agent.frames import Header


@dataclass(slots=True, eq=False)
class SpoolFile:
    """A file of batches, of this process or an earlier one."""

    path: Path
    began_s: float
    newest_s: float
    size_bytes: int = 0
    """Up to the end of its last whole frame."""
    message_count: int = 0
    """How many messages have not been taken."""
    span_count: int = 0
    """How many spans these have."""
    out: int = 0
    """How many batches are taken and not delivered."""
    read_at: int = 0
    """Where to look for the next batch."""

    def append(self, batch: Batch, now_s: float) -> None:
        """Add a batch; raises OSError where the disk fails, and then is as before."""
        create = 0 if self.size_bytes else os.O_CREAT
        with _opened(self.path, os.O_WRONLY | os.O_APPEND | create) as file:
            try:
                frames.append(file, batch, now_s)
            except OSError:
                os.ftruncate(file, self.size_bytes)
                raise
        self.size_bytes += frames.frame_bytes(batch)
        self.newest_s = now_s
        self.message_count += len(batch)
        self.span_count += batch.span_count

    def peek(self) -> Header | None:
        """The header of the next batch that waits; None where the file is damaged before it."""
        with _opened(self.path, os.O_RDONLY) as file:
            while (header := frames.read_header(file, self.read_at)) and not header.waiting:
                self.read_at += header.frame_bytes
        return header

    def take(self, header: Header) -> tuple[Batch | None, Place]:
        """The batch after this header, which `peek` gave, and its place; None where it is damaged."""
        place = Place(self.path, self.read_at)
        with _opened(self.path, os.O_RDONLY) as file:
            batch = frames.read_batch(file, self.read_at, header)
        self.read_at += header.frame_bytes
        self.message_count -= header.message_count
        self.span_count -= header.span_count
        self.out += batch is not None
        return batch, place

    def delivered(self, at: int) -> None:
        """Remember that nobody needs the batch at this place any more."""
        self.out -= 1
        with _opened(self.path, os.O_WRONLY) as file:
            frames.mark_delivered(file, at)


def found(path: Path) -> tuple[SpoolFile, Header | None, int]:
    """(what an earlier process left, the header of a torn frame at its end, bytes after the last whole)."""
    spool_file = SpoolFile(path, began_s=0, newest_s=0)
    torn = None
    with _opened(path, os.O_RDONLY) as file:
        whole = os.fstat(file).st_size
        while header := frames.read_header(file, spool_file.size_bytes):
            if spool_file.size_bytes + header.frame_bytes > whole:
                torn = header
                break
            spool_file.size_bytes += header.frame_bytes
            spool_file.newest_s = header.written_s
            if header.waiting:
                spool_file.message_count += header.message_count
                spool_file.span_count += header.span_count
    return spool_file, torn, whole - spool_file.size_bytes


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    file = os.open(path, flags, 0o600)
    try:
        yield file
    finally:
        os.close(file)
