"""A block on the disk."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanloom_storage import arrays, otlp
from spanloom_storage.batch import OUTLINE, SpanBatch, empty_batch
from spanloom_storage.block import Slice, TraceTable
from spanloom_storage.conditions import Attribute, Owner, ValueType
from spanloom_storage.embedded.block_rows import Around, Parts, rows_of
from spanloom_storage.embedded.catalog import BlockFacts
from spanloom_storage.embedded.chosen import Chosen
from spanloom_storage.embedded.parquet import ColumnCache, File, Group
from spanloom_storage.embedded.stored_slice import StoredSlice
from spanloom_storage.kernels.decode import decode_owners
from spanloom_storage.kernels.rows import Owners, Rows

Messages = Mapping[str, tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]]


class StoredBlock:
    """Reads one block."""

    def __init__(self, directory: Path, facts: BlockFacts, cache: ColumnCache) -> None:
        self._facts = facts
        self._files = {
            name: File(directory / f"{name}.parquet", cache, exists=f"{name}.parquet" in facts.files)
            for name in ("spans", "events", "links", "traces", "resources", "scopes")
        }
        self._first_traces = np.array(facts.first_traces)

    @property
    def span_count(self) -> int:
        """How many spans."""
        return self._facts.span_count

    @property
    def start_range_ns(self) -> tuple[int, int]:
        """The earliest and the latest start that is known."""
        return (self._facts.start_range_ns[0], self._facts.start_range_ns[1])

    @property
    def newest_trace_ns(self) -> int:
        """The latest start of a trace."""
        return self._facts.newest_trace_ns

    def traces(self) -> TraceTable:
        """All traces."""
        return self._table

    @cached_property
    def _table(self) -> TraceTable:
        halves = _halves(self._files["traces"].whole("trace_id"))
        return TraceTable(
            high=halves[:, 0].copy(),
            low=halves[:, 1].copy(),
            start_ns=self._files["traces"].whole("start_ns").to_numpy(),
        )

    def slices(self) -> Sequence[Slice]:
        """The row groups."""
        return [
            StoredSlice(
                Group(self._files["spans"], number),
                Group(self._files["events"], number),
                Group(self._files["links"], number),
                trace_start_ns=lambda: self._table.start_ns,
                owners=lambda: self._owners,
            )
            for number in range(self._first_traces.size)
        ]

    def spans(self, traces: Sequence[int]) -> SpanBatch:
        """All spans of some traces."""
        parts = [otlp.batch_of_rows(self.rows(group, mine)) for group, mine in self._by_group(traces)]
        return pa.concat_tables(parts) if parts else empty_batch()

    def outlines(self, traces: Sequence[int]) -> pa.Table:
        """What a summary needs of them."""
        parts = [self._outline(group, mine) for group, mine in self._by_group(traces)]
        return pa.concat_tables(parts) if parts else OUTLINE.empty_table()

    def _by_group(self, traces: Sequence[int]) -> Sequence[tuple[int, npt.NDArray[np.int64]]]:
        """(a row group, those of the traces that are in it)."""
        wanted = np.unique(np.array(traces, np.int64))
        groups = np.searchsorted(self._first_traces, wanted, "right") - 1
        return [(int(group), wanted[groups == group]) for group in np.unique(groups)]

    def _outline(self, number: int, traces: npt.NDArray[np.int64]) -> pa.Table:
        spans = Group(self._files["spans"], number)
        trace = spans.column("trace").of(None, np.int32)
        chosen = np.flatnonzero(np.isin(trace, traces))
        trace = trace[chosen]
        offset = spans.column("start_offset_ns")
        start_ns = self._table.start_ns[trace] + offset.of(chosen, np.int64).view(np.uint64)
        ids_of = np.zeros(chosen.size, [("trace_high", "u8"), ("trace_low", "u8")])
        ids_of["trace_high"], ids_of["trace_low"] = self._table.high[trace], self._table.low[trace]
        span_ids = spans.column("span_id").of(chosen, np.uint64)
        has_parent = spans.column("parent").has_value(chosen) | spans.column("parent_id").has_value(chosen)
        columns = [
            arrays.trace_ids(ids_of),
            arrays.span_ids(span_ids),
            arrays.span_ids(span_ids, has_parent),  # only whether there is one counts
            spans.column("service").arrow(chosen),
            spans.column("name").arrow(chosen),
            pa.array(spans.column("status_code").of(chosen, np.int32)),
            pa.array(np.where(offset.has_value(chosen), start_ns, 0)),
            pa.array(spans.column("duration_ns").of(chosen, np.int64)),
        ]
        return pa.Table.from_arrays(columns, schema=OUTLINE)

    def attributes(self) -> Mapping[tuple[Attribute, ValueType | None], int]:
        """Which attributes there are."""
        return {
            (Attribute(Owner(owner), str(key)), ValueType(value_type) if value_type else None): int(count)
            for owner, key, value_type, count in self._facts.attributes
        }

    def request(self, group: int) -> bytes:
        """All spans of a row group as OTLP."""
        return otlp.encoded(otlp.batch_of_rows(self.rows(group)))

    def rows(self, number: int, traces: npt.NDArray[np.int64] | None = None) -> Rows:
        """The rows of a row group, of some of its traces or of all."""
        file = self._files["spans"]
        trace = file.read(number, "trace").of(None, np.int32)
        chosen = np.arange(trace.size) if traces is None else np.flatnonzero(np.isin(trace, traces))
        spans = Chosen(file, number, chosen)
        trace = trace[chosen]
        parents = spans.numbers("parent", np.int64, -1)
        known = spans.column("span_id").of(None, np.uint64)[parents]
        parent_ids = np.where(parents >= 0, known, spans.numbers("parent_id", np.uint64))
        halves = np.stack([self._table.high[trace], self._table.low[trace]], axis=1).ravel()
        return rows_of(
            spans,
            self._parts("events", number, chosen),
            self._parts("links", number, chosen),
            Around(halves, self._table.start_ns[trace], parent_ids, self._messages),
        )

    @cached_property
    def _messages(self) -> Messages:
        """The resources and scopes as they came: bytes, and where each one ends."""
        return {name: _stretches(self._files[name].whole("message")) for name in ("resources", "scopes")}

    @cached_property
    def _owners(self) -> Mapping[Owner, Owners]:
        return {
            Owner.RESOURCE: decode_owners(*self._messages["resources"], pair_tag=10),
            Owner.SCOPE: decode_owners(*self._messages["scopes"], pair_tag=26),
        }

    def _parts(self, name: str, number: int, chosen: npt.NDArray[np.int64]) -> Parts | None:
        """The events or links of some spans, with each one's place in *chosen*."""
        file = self._files[name]
        if not file.row_count(number) or not chosen.size:
            return None
        owner = file.read(number, "span").of(None, np.int32)
        place = np.minimum(np.searchsorted(chosen, owner), chosen.size - 1)
        mine = np.flatnonzero(chosen[place] == owner)
        return Parts(Chosen(file, number, mine), place[mine]) if mine.size else None


def _stretches(column: Any) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    ends = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(column.buffers()[2] or b"", np.uint8), ends.astype(np.int64)


def _halves(trace_ids: Any) -> npt.NDArray[np.uint64]:
    """Ids of 16 bytes as two numbers each."""
    begin = 2 * trace_ids.offset
    data = np.frombuffer(trace_ids.buffers()[1], ">u8")[begin : begin + 2 * len(trace_ids)]
    return data.astype(np.uint64).reshape(-1, 2)
