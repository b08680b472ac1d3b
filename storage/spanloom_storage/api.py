"""The seam: what the collector and the query service know of storage.

Backends implement `Storage`; `spanloom_storage.testing.StorageContract` checks that they keep
what is promised here. A span batch is an Arrow table of `spanloom_storage.batch.SCHEMA`.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from spanloom_model.ids import TraceId
from spanloom_storage.batch import SpanBatch, SpanRequest
from spanloom_storage.conditions import Condition, Field, Owner, Value, ValueType
from spanloom_storage.span_sets import SpanSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A trace's place in the order of results: newest start first, then by id."""

    start_ns: int
    trace_id: TraceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one question may cost; past it, the answer is what there is, and says that it is partial."""

    time_s: float = 10.0
    memory_bytes: int = 512 * 2**20
    """What a question may gather; the columns that it looks through come on top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanQuery:
    """Which spans: those that meet the condition and start in a time range."""

    where: Condition | None = None
    start_ns: int | None = None
    """The span starts at or after this moment."""
    end_ns: int | None = None
    """The span starts before this moment."""
    budget: Budget = Budget()


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceQuery:
    """Which traces: those that have such spans; without a condition, those with a span in the time range."""

    where: SpanSet | None = None
    start_ns: int | None = None
    """A span that a condition is about starts at or after this moment."""
    end_ns: int | None = None
    """It starts before this moment."""
    limit: int = 20
    after: Place | None = None
    """Only traces behind this place, to go on where a page ended."""
    budget: Budget = Budget()


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
    partial: bool = False
    """The budget ran out; `next` goes on from there, though this page may be short or empty."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Operation:
    """What a service does, by span name and kind."""

    name: str
    kind: int
    """OTLP's number, as `spanloom_model.span.SpanKind`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeCount:
    """An attribute key as it is used."""

    owner: Owner
    key: str
    type: ValueType | None
    """None for values that are not compared: bytes, maps, arrays, nothing."""
    value_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCount:
    """A value of a field, and how many spans have it."""

    value: Value
    span_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TopValues:
    """The values that most spans have."""

    values: tuple[ValueCount, ...]
    """Most spans first; of as many, in the order of type and value."""
    partial: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Spans over time."""

    step_ns: int
    start_ns: tuple[int, ...]
    """Where each step begins; steps without spans are left out."""
    span_count: tuple[int, ...]
    error_count: tuple[int, ...]
    partial: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Rate, errors and durations of one operation, in one step of time."""

    service: str
    operation: Operation
    start_ns: int | None
    """Where the step begins; None where the whole range is one."""
    span_count: int
    error_count: int
    duration_ns: tuple[int, ...]
    """The quantiles that were asked for: the nearest rank, which is a duration that some span had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureTable:
    """Figures by service, operation and time, in that order."""

    quantiles: tuple[float, ...]
    rows: tuple[Figures, ...]
    partial: bool


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ServiceLink:
    """How often one service called another: spans whose parent is another service's."""

    caller: str
    callee: str
    call_count: int
    error_count: int
    """Calls whose span in the callee ended in an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLinks:
    """Who calls whom, sorted."""

    links: tuple[ServiceLink, ...]
    partial: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageStatus:
    """What there is, for /health and /metrics."""

    span_count: int
    """Stored spans, as far as storage can tell without looking at them."""
    size_bytes: int
    file_counts: dict[str, int]
    """How many files, or the like, by kind."""
    damaged: tuple[str, ...] = ()
    """What was found not to be as it was written and is left out of every answer, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """One piece of what storage does in the background."""

    work: str
    """`seal`: what was just taken becomes easy to search; `merge`: so do many small pieces; `expire`."""
    span_count: int
    written_bytes: int
    seconds: float


class SpanWriter(Protocol):
    """The collector's half."""

    async def write(self, request: SpanRequest) -> None:
        """Store the spans of *request* durably, then return; readers find them within two seconds.

        Writing the same span again changes nothing that a reader sees. Raises Overloaded when too
        much waits already and Unavailable for other trouble that passes; then all, some or none of
        the spans may be stored.
        """

    def on_upkeep(self, hear: Callable[[Upkeep], None]) -> None:
        """Tell *hear* of everything that is done in the background, from whichever thread does it."""


class SpanReader(Protocol):
    """The query service's half. Raises Unavailable where storage cannot answer now.

    A span that was sent twice is shown once; statistics may count it twice until storage has
    brought the two together.
    """

    async def trace(self, trace_id: TraceId) -> SpanBatch:
        """Every span of the trace, each once, in no particular order; empty for an unknown trace."""

    async def find(self, query: TraceQuery) -> TracePage:
        """Traces that match, newest start first and then by id; each trace once."""

    async def services(self) -> Sequence[str]:
        """All services, sorted."""

    async def operations(self, service: str) -> Sequence[Operation]:
        """What *service* does, sorted; empty for an unknown one."""

    async def attributes(self) -> Sequence[AttributeCount]:
        """All attribute keys with their types, by owner, key and type."""

    async def values(self, field: Field, query: SpanQuery, *, limit: int = 100) -> TopValues:
        """The most frequent values of a field, of the spans that match."""

    async def counts(self, query: SpanQuery, *, step_ns: int) -> Counts:
        """How many of the matching spans start in each step; steps begin at multiples of their length."""

    async def figures(
        self, query: SpanQuery, *, step_ns: int | None = None, quantiles: Sequence[float] = (0.5, 0.95, 0.99)
    ) -> FigureTable:
        """Rate, errors and exact quantiles of durations of the matching spans, by service and operation."""

    async def service_links(self, query: SpanQuery) -> ServiceLinks:
        """Which service called which, by the calls that match in the callee."""

    async def status(self) -> StorageStatus:
        """What there is."""


OpenWriter: TypeAlias = Callable[[], AbstractAsyncContextManager[SpanWriter]]


class Storage(Protocol):
    """One place where spans are kept. Making one does no I/O; each half opens and closes by itself.

    Both raise MisconfiguredError on entry for what only a person can put right.
    """

    def writer(self) -> AbstractAsyncContextManager[SpanWriter]:
        """The writing half; leaving it waits for what `write` has taken."""

    def writers(self, count: int) -> AbstractContextManager[Sequence[OpenWriter]]:
        """A writing half for each of *count* processes, which are forked while this is entered.

        Raises MisconfiguredError where only one process can write.
        """

    def reader(self) -> AbstractAsyncContextManager[SpanReader]:
        """The reading half."""
