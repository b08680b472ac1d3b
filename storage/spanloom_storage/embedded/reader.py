"""The reading half: follows the files, from whichever process."""

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from spanloom_model.ids import TraceId
from spanloom_storage import scan
from spanloom_storage.api import Operation, TracePage, TraceQuery
from spanloom_storage.batch import SpanBatch, empty_batch
from spanloom_storage.embedded.segment import frames, segment_paths
from spanloom_storage.errors import Unavailable

Answer = TypeVar("Answer")


class EmbeddedReader:
    """Answers from all that is in the directory at the time of the question."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._segments: dict[Path, _Segment] = {}
        self._refreshing = threading.Lock()

    async def trace(self, trace_id: TraceId) -> SpanBatch:
        """The spans of one trace, each once."""
        return await self._ask(lambda spans: scan.trace(spans, trace_id))

    async def find(self, query: TraceQuery) -> TracePage:
        """One page of the traces with a span that matches."""
        return await self._ask(lambda spans: scan.find(spans, query))

    async def services(self) -> Sequence[str]:
        """All services, sorted."""
        return await self._ask(scan.services)

    async def operations(self, service: str) -> Sequence[Operation]:
        """The names and kinds of a service's spans, sorted."""
        return await self._ask(lambda spans: scan.operations(spans, service))

    async def _ask(self, question: Callable[[SpanBatch], Answer]) -> Answer:
        """Put a question to all spans, in a thread."""
        try:
            return await asyncio.to_thread(lambda: question(self._spans()))
        except OSError as exc:
            raise Unavailable(f"the store cannot be read: {exc.strerror}") from exc

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
        if self._is_as_it_was(self._path.stat()):
            return self._tables
        with self._path.open("rb") as file:
            # Asked of the open file: between two looks at the name it may have been replaced.
            status = os.fstat(file.fileno())
            if status.st_ino != self._file_number:
                self._file_number, self._end, self._tables = status.st_ino, 0, []
            for frame in frames(file, self._end):
                self._end = frame.end
                if frame.spans is not None:
                    self._tables.append(frame.spans)
        return self._tables

    def _is_as_it_was(self, status: os.stat_result) -> bool:
        return status.st_ino == self._file_number and status.st_size <= self._end
