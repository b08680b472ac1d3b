"""The seam: what the collector and the query service know of storage.

Backends implement `Storage`; `spanloom_storage.testing.StorageContract` checks that they keep
what is promised here. A span batch is an Arrow table of `spanloom_storage.batch.SCHEMA`.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from spanloom_model.ids import TraceId
from spanloom_storage.batch import SpanBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A trace's place in the order of results: newest start first, then by id."""

    start_ns: int
    trace_id: TraceId


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceQuery:
    """Which traces: those with a span that meets all conditions at once."""

    service: str | None = None
    operation: str | None = None
    """The span's name."""
    start_ns: int | None = None
    """The span starts at or after this moment."""
    end_ns: int | None = None
    """The span starts before this moment."""
    limit: int = 20
    after: Place | None = None
    """Only traces behind this place, to go on where a page ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCount:
    """A service's share of one trace."""

    service: str
    span_count: int
    error_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSummary:
    """One trace as a line of a list; all its spans count, not only those that matched."""

    trace_id: TraceId
    service: str
    """Of the root; of the earliest span where the root is missing."""
    name: str
    root_missing: bool
    start_ns: int
    """The earliest start of those that are known; 0 where none is."""
    duration_ns: int
    span_count: int
    error_count: int
    services: tuple[ServiceCount, ...]
    """Most spans first, then by name."""

    @property
    def place(self) -> Place:
        """Where this trace stands among results."""
        return Place(start_ns=self.start_ns, trace_id=self.trace_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class TracePage:
    """One page of results."""

    traces: tuple[TraceSummary, ...]
    next: Place | None
    """Ask again with this as `after` for more; None when there is no more."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Operation:
    """What a service does, by span name and kind."""

    name: str
    kind: int
    """OTLP's number, as `spanloom_model.span.SpanKind`."""


class SpanWriter(Protocol):
    """The collector's half."""

    async def write(self, batch: SpanBatch) -> None:
        """Store *batch* durably, then return; readers find it within two seconds.

        Writing the same span again changes nothing that a reader sees. Raises Overloaded when too
        much waits already and Unavailable for other trouble that passes; then all, some or none of
        the batch may be stored.
        """


class SpanReader(Protocol):
    """The query service's half. Raises Unavailable where storage cannot answer now."""

    async def trace(self, trace_id: TraceId) -> SpanBatch:
        """Every span of the trace, each once, in no particular order; empty for an unknown trace."""

    async def find(self, query: TraceQuery) -> TracePage:
        """Traces that match, newest start first and then by id; each trace once."""

    async def services(self) -> Sequence[str]:
        """All services, sorted."""

    async def operations(self, service: str) -> Sequence[Operation]:
        """What *service* does, sorted; empty for an unknown one."""


class Storage(Protocol):
    """One place where spans are kept. Making one does no I/O; each half opens and closes by itself.

    Both raise MisconfiguredError on entry for what only a person can put right.
    """

    def writer(self) -> AbstractAsyncContextManager[SpanWriter]:
        """The writing half; leaving it waits for what `write` has taken."""

    def reader(self) -> AbstractAsyncContextManager[SpanReader]:
        """The reading half."""
