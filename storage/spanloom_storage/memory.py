"""Storage in this process's memory: the reference, and good for trying things out."""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import pyarrow as pa

from spanloom_model.errors import MisconfiguredError
from spanloom_model.ids import TraceId
from spanloom_storage import scan
from spanloom_storage.api import Operation, SpanReader, SpanWriter, TracePage, TraceQuery
from spanloom_storage.batch import SpanBatch, empty_batch

MAX_SPANS: Final = 1_000_000


class MemoryStorage:
    """Keeps the newest batches, up to *max_spans* spans; durable as long as the process is."""

    def __init__(self, *, max_spans: int = MAX_SPANS) -> None:
        self._max_spans = max_spans
        self._batches: deque[SpanBatch] = deque()
        self._span_count = 0

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[SpanWriter]:
        """This object; there is nothing to open."""
        yield self

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[SpanReader]:
        """This object; there is nothing to open."""
        yield self

    async def write(self, batch: SpanBatch) -> None:
        """Keep the batch, and let go of the oldest ones beyond the limit."""
        self._batches.append(batch)
        self._span_count += batch.num_rows
        while self._span_count > self._max_spans and len(self._batches) > 1:
            self._span_count -= self._batches.popleft().num_rows

    async def trace(self, trace_id: TraceId) -> SpanBatch:
        """The spans of one trace, each once."""
        return scan.trace(self._spans(), trace_id)

    async def find(self, query: TraceQuery) -> TracePage:
        """One page of the traces with a span that matches."""
        return scan.find(self._spans(), query)

    async def services(self) -> Sequence[str]:
        """All services, sorted."""
        return scan.services(self._spans())

    async def operations(self, service: str) -> Sequence[Operation]:
        """The names and kinds of a service's spans, sorted."""
        return scan.operations(self._spans(), service)

    def _spans(self) -> SpanBatch:
        return pa.concat_tables(self._batches) if self._batches else empty_batch()


def open_memory(rest: str) -> MemoryStorage:
    """The backend `memory:`, or `memory:200000` for another number of spans to keep."""
    if not rest:
        return MemoryStorage()
    if not rest.isdecimal() or int(rest) == 0:
        raise MisconfiguredError(f"memory: takes a number of spans to keep, not {rest!r}")
    return MemoryStorage(max_spans=int(rest))
