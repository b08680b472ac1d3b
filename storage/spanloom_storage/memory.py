"""Storage in this process's memory: the reference, and good for trying things out."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from spanloom_model.errors import MisconfiguredError
from spanloom_model.ids import TraceId
from spanloom_storage.api import (
    AttributeCount,
    Counts,
    FigureTable,
    OpenWriter,
    Operation,
    ServiceLinks,
    SpanQuery,
    SpanReader,
    SpanWriter,
    StorageStatus,
    TopValues,
    TracePage,
    TraceQuery,
    Upkeep,
)
from spanloom_storage.batch import SpanBatch, SpanRequest
from spanloom_storage.conditions import Field
from spanloom_storage.rows_block import RowsBlock, block_of
from spanloom_storage.search import figures, find, links, statistics

MAX_SPANS: Final = 1_000_000


class MemoryStorage:
    """Keeps the newest requests, up to *max_spans* spans; durable as long as the process is."""

    def __init__(self, *, max_spans: int = MAX_SPANS) -> None:
        self._max_spans = max_spans
        self._requests: deque[SpanRequest] = deque()
        self._span_count = 0
        self._block: RowsBlock | None = None

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[SpanWriter]:
        """This object; there is nothing to open."""
        yield self

    @contextmanager
    def writers(self, count: int) -> Iterator[Sequence[OpenWriter]]:
        """No other process sees this one's memory."""
        if count > 1:
            raise MisconfiguredError("memory: is written by one process only")
        yield [self.writer]

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[SpanReader]:
        """This object; there is nothing to open."""
        yield self

    async def write(self, request: SpanRequest) -> None:
        """Keep the request, and let go of the oldest ones beyond the limit."""
        self._requests.append(request)
        self._span_count += request.span_count
        self._block = None
        while self._span_count > self._max_spans and len(self._requests) > 1:
            self._span_count -= self._requests.popleft().span_count

    def on_upkeep(self, hear: Callable[[Upkeep], None]) -> None:
        """There is none."""

    async def trace(self, trace_id: TraceId) -> SpanBatch:
        """The spans of one trace, each once."""
        return find.trace_spans(self._blocks(), trace_id)

    async def find(self, query: TraceQuery) -> TracePage:
        """One page of the traces that match."""
        return find.find(self._blocks(), query)

    async def services(self) -> Sequence[str]:
        """All services, sorted."""
        return statistics.services(self._blocks())

    async def operations(self, service: str) -> Sequence[Operation]:
        """The names and kinds of a service's spans, sorted."""
        return statistics.operations(self._blocks(), service)

    async def attributes(self) -> Sequence[AttributeCount]:
        """All attribute keys."""
        return statistics.attributes(self._blocks())

    async def values(self, field: Field, query: SpanQuery, *, limit: int = 100) -> TopValues:
        """The most frequent values of a field."""
        return statistics.values(self._blocks(), field, query, limit)

    async def counts(self, query: SpanQuery, *, step_ns: int) -> Counts:
        """Spans over time."""
        return statistics.counts(self._blocks(), query, step_ns)

    async def figures(
        self, query: SpanQuery, *, step_ns: int | None = None, quantiles: Sequence[float] = (0.5, 0.95, 0.99)
    ) -> FigureTable:
        """Rate, errors and durations."""
        return figures.figures(self._blocks(), query, step_ns, quantiles)

    async def service_links(self, query: SpanQuery) -> ServiceLinks:
        """Who calls whom."""
        return links.service_links(self._blocks(), query)

    async def status(self) -> StorageStatus:
        """What there is."""
        return StorageStatus(
            span_count=self._span_count,
            size_bytes=sum(len(request.data) for request in self._requests),
            file_counts={},
        )

    def _blocks(self) -> Sequence[RowsBlock]:
        """All spans as one block, made when it is first asked for."""
        if self._block is None and self._requests:
            whole = SpanRequest(b"".join(request.data for request in self._requests), self._span_count)
            self._block = block_of(whole)
        return () if self._block is None else (self._block,)


def open_memory(rest: str) -> MemoryStorage:
    """The backend `memory:`, or `memory:200000` for another number of spans to keep."""
    if not rest:
        return MemoryStorage()
    if not rest.isdecimal() or int(rest) == 0:
        raise MisconfiguredError(f"memory: takes a number of spans to keep, not {rest!r}")
    return MemoryStorage(max_spans=int(rest))
