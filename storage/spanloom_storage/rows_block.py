"""A block in memory: spans in rows, as they have just arrived."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanloom_storage import otlp
from spanloom_storage.arrangement import Arrangement, arrange_rows
from spanloom_storage.batch import SpanBatch, SpanRequest
from spanloom_storage.block import Column, Places, Slice, TraceTable
from spanloom_storage.conditions import Attribute, Field, ValueType
from spanloom_storage.kernels import arrange
from spanloom_storage.kernels.decode import decode, decode_owners
from spanloom_storage.kernels.rows import Rows
from spanloom_storage.row_columns import RowColumns


class RowsBlock:
    """Rows of spans, as one slice."""

    def __init__(self, rows: Rows) -> None:
        arranged = _arranged(rows)
        if arranged.order.size < len(rows.spans) - 1:  # spans that were sent twice
            kept = otlp.encoded(otlp.batch_of_rows(rows, np.sort(arranged.order)))
            rows = decode(np.frombuffer(kept, np.uint8))
            arranged = _arranged(rows)
        self._rows = rows
        self._spans = rows.spans[:-1]
        self._by_trace = arranged.by_trace
        self._begins = arranged.traces
        self._columns = RowColumns(
            rows,
            decode_owners(rows.resources, rows.resource_ends, pair_tag=10),
            decode_owners(rows.scopes, rows.scope_ends, pair_tag=26),
        )

    @property
    def span_count(self) -> int:
        """How many spans."""
        return len(self._spans)

    @cached_property
    def start_range_ns(self) -> tuple[int, int]:
        """The earliest and the latest start that is known."""
        known = self._spans["start_ns"][self._spans["start_ns"] != 0]
        return (int(known.min()), int(known.max())) if known.size else (0, 0)

    @cached_property
    def newest_trace_ns(self) -> int:
        """The latest start of a trace."""
        return int(self._table.start_ns.max(initial=0))

    def traces(self) -> TraceTable:
        """All traces."""
        return self._table

    def slices(self) -> Sequence[Slice]:
        """This block is its only slice."""
        return (self,)

    def spans(self, traces: Sequence[int]) -> SpanBatch:
        """All spans of some traces."""
        return otlp.batch_of_rows(self._rows, self._places(traces))

    def outlines(self, traces: Sequence[int]) -> pa.Table:
        """What a summary needs of them."""
        return otlp.outline_of_rows(self._rows, self._places(traces))

    def _places(self, traces: Sequence[int]) -> npt.NDArray[np.int64]:
        places = [self._by_trace[self._begins[trace] : self._begins[trace + 1]] for trace in traces]
        return np.concatenate([np.empty(0, np.int64), *places])

    def attributes(self) -> Mapping[tuple[Attribute, ValueType | None], int]:
        """Which attributes there are, and how many values."""
        return self._columns.attributes()

    def trace(self) -> Places:
        """Each span's trace."""
        return self._trace

    def parent(self) -> Places:
        """The row of each span's parent."""
        return self._parent

    def ids(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        """Each span's id and its parent's."""
        return self._spans["span_id"].copy(), self._spans["parent_id"].copy()

    def columns(self, field: Field) -> Sequence[Column]:
        """The values of a field."""
        return self._columns.columns(field)

    @cached_property
    def _table(self) -> TraceTable:
        firsts = self._spans[self._by_trace[self._begins[:-1]]]
        start_ns = self._spans["start_ns"][self._by_trace]
        known = np.where(start_ns == 0, np.uint64(2**64 - 1), start_ns)
        earliest = np.minimum.reduceat(known, self._begins[:-1]) if len(firsts) else known
        has_none = np.logical_and.reduceat(start_ns == 0, self._begins[:-1]) if len(firsts) else start_ns == 0
        return TraceTable(
            high=firsts["trace_high"].copy(),
            low=firsts["trace_low"].copy(),
            start_ns=np.where(has_none, np.uint64(0), earliest),
        )

    @cached_property
    def _trace(self) -> Places:
        trace = np.empty(self.span_count, np.int32)
        trace[self._by_trace] = np.repeat(
            np.arange(self._begins.size - 1, dtype=np.int32), np.diff(self._begins)
        )
        return trace

    @cached_property
    def _parent(self) -> Places:
        parent = np.full(self.span_count, -1, np.int64)
        arrange.find_parents(self._by_trace, self._rows.spans, self._begins, 0, self._begins.size - 1, parent)
        return parent.astype(np.int32)


def _arranged(rows: Rows) -> Arrangement:
    return arrange_rows(rows, np.zeros(len(rows.spans) - 1, np.int32))


def block_of(request: SpanRequest) -> RowsBlock:
    """A request's spans as a block."""
    return RowsBlock(otlp.rows_of(request))
