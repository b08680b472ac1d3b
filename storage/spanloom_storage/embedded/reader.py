"""The reading half: follows the files, from whichever process."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from spanloom_model.ids import TraceId
from spanloom_storage import scan
from spanloom_storage.api import Operation, TracePage, TraceQuery
from spanloom_storage.batch import SpanBatch, empty_batch
from spanloom_storage.embedded.segment import frames, segment_paths


class EmbeddedReader:
    """Answers from all that is in the directory at the time of the question."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._segments: dict[Path, _Segment] = {}
        self._refreshing = threading.Lock()

    async def trace(self, trace_id: TraceId) -> SpanBatch:
        """The spans of one trace, each once."""
        return await asyncio.to_thread(lambda: scan.trace(self._spans(), trace_id))

    async def find(self, query: TraceQuery) -> TracePage:
        """One page of the traces with a span that matches."""
        return await asyncio.to_thread(lambda: scan.find(self._spans(), query))

    async def services(self) -> Sequence[str]:
        """All services, sorted."""
        return await asyncio.to_thread(lambda: scan.services(self._spans()))

    async def operations(self, service: str) -> Sequence[Operation]:
        """The names and kinds of a service's spans, sorted."""
        return await asyncio.to_thread(lambda: scan.operations(self._spans(), service))

    def _spans(self) -> SpanBatch:
        with self._refreshing:
            paths = segment_paths(self._directory)
            self._segments = {path: self._segments.get(path) or _Segment(path) for path in paths}
            tables = [table for path in paths for table in self._segments[path].refreshed()]
        return pa.concat_tables(tables) if tables else empty_batch()


class _Segment:
    """What has been read of one file so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file_number = 0
        self._end = 0
        self._tables: list[SpanBatch] = []

    def refreshed(self) -> Sequence[SpanBatch]:
        """All whole frames of the file as it is now; damaged ones are passed over."""
        status = self._path.stat()
        if status.st_ino != self._file_number:  # rewritten, or seen for the first time
            self._file_number, self._end, self._tables = status.st_ino, 0, []
        if status.st_size > self._end:
            for frame in frames(self._path, self._end):
                self._end = frame.end
                if frame.spans is not None:
                    self._tables.append(frame.spans)
        return self._tables
