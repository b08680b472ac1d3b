"""Segments as blocks: what has been acknowledged a moment ago, read by whichever process."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spanloom_storage.embedded import segment
from spanloom_storage.kernels.decode import decode
from spanloom_storage.rows_block import RowsBlock


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some frames of a segment, decoded."""

    begin: int
    end: int
    block: RowsBlock | None


class HotSegment:
    """What has been read of one segment so far; it is followed as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._chunks: list[_Chunk] = []

    def refreshed(self) -> Sequence[RowsBlock]:
        """The spans of all whole frames in the file as it is now, in a few blocks."""
        end = self._chunks[-1].end if self._chunks else 0
        if self._path.stat().st_size > end:
            chunk = self._read(end)
            if chunk.end > end:
                self._chunks.append(chunk)
                self._join()
        return [chunk.block for chunk in self._chunks if chunk.block is not None]

    def _join(self) -> None:
        """Decode neighbours again as one where the last is not much smaller: each span a few times in all."""
        first = len(self._chunks) - 1
        size = self._chunks[first].end - self._chunks[first].begin
        while first > 0 and self._chunks[first - 1].end - self._chunks[first - 1].begin < 2 * size:
            first -= 1
            size += self._chunks[first].end - self._chunks[first].begin
        if first < len(self._chunks) - 1:
            whole = self._read(self._chunks[first].begin)
            del self._chunks[first:]
            self._chunks.append(whole)

    def _read(self, begin: int) -> _Chunk:
        data = segment.read(self._path, begin)
        extents = []
        end = 0
        for frame in segment.frames(data):
            end = frame.next
            if frame.whole:
                extents.append([frame.begin, frame.end])
        block = RowsBlock(decode(data, np.array(extents, np.int64))) if extents else None
        return _Chunk(begin, begin + end, block)
