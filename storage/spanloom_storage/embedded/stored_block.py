"""A block on the disk."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spanloom_storage import arrays, otlp
from spanloom_storage.batch import OUTLINE, SpanBatch, empty_batch
from spanloom_storage.block import Places, Slice, TraceTable
from spanloom_storage.conditions import Attribute, Owner, ValueType
from spanloom_storage.embedded.attribute_columns import PREFIX
from spanloom_storage.embedded.block_rows import Around, ids, numbers, rows_of
from spanloom_storage.embedded.catalog import BlockFacts
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
        halves = ids(self._files["traces"].whole("trace_id"))
        return TraceTable(
            high=halves[0::2].copy(),
            low=halves[1::2].copy(),
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
        trace = numbers(spans.column("trace"), np.int32)
        chosen = np.flatnonzero(np.isin(trace, traces))
        places, trace = pa.array(chosen), trace[chosen]
        start_ns = np.where(
            pc.is_valid(spans.column("start_offset_ns")).to_numpy(zero_copy_only=False)[chosen],
            self._table.start_ns[trace]
            + numbers(spans.column("start_offset_ns"), np.int64)[chosen].view(np.uint64),
            0,
        )
        parent = pc.or_(pc.is_valid(spans.column("parent")), pc.is_valid(spans.column("parent_id"))).take(
            places
        )
        ids_of = np.zeros(chosen.size, [("trace_high", "u8"), ("trace_low", "u8")])
        ids_of["trace_high"], ids_of["trace_low"] = self._table.high[trace], self._table.low[trace]
        span_ids = spans.column("span_id").take(places)
        columns = [
            arrays.trace_ids(ids_of),
            span_ids,
            pc.if_else(parent, span_ids, pa.scalar(None, span_ids.type)),  # only whether there is one counts
            spans.column("service").take(places),
            spans.column("name").take(places),
            spans.column("status_code").take(places),
            pa.array(start_ns),
            pc.fill_null(spans.column("duration_ns").take(places), 0),
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
        spans = Group(self._files["spans"], number)
        trace = numbers(spans.column("trace"), np.int32)
        chosen = np.arange(trace.size) if traces is None else np.flatnonzero(np.isin(trace, traces))
        table = self._chosen("spans", number, chosen)
        trace = trace[chosen]
        parents = numbers(table["parent"], np.int64, -1)
        parent_ids = np.where(parents >= 0, ids(spans.column("span_id"))[parents], ids(table["parent_id"]))
        halves = np.stack([self._table.high[trace], self._table.low[trace]], axis=1).ravel()
        return rows_of(
            table,
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

    def _chosen(self, name: str, number: int, chosen: npt.NDArray[np.int64]) -> "Chosen":
        """Rows of a row group by place, with the columns that have something for them."""
        file = self._files[name]
        places = pa.array(chosen)
        used = _used_columns(file.group(number, ["shape"])["shape"].take(places))
        attributes = [column for column in file.names if column.startswith(PREFIX)]
        wanted = [column for place, column in enumerate(attributes) if place in used]
        wanted += [column for column in file.names if not column.startswith(PREFIX)]
        arrays = {column: array.take(places) for column, array in file.group(number, wanted).items()}
        return Chosen(arrays, attributes, chosen.size)

    def _parts(self, name: str, number: int, chosen: npt.NDArray[np.int64]) -> "Chosen | None":
        """The events or links of some spans, with each one's place in *chosen* as its span."""
        if not self._files[name].row_count(number) or not chosen.size:
            return None
        owner: Places = numbers(self._files[name].group(number, ["span"])["span"], np.int32)
        place = np.searchsorted(chosen, owner)
        place[place == chosen.size] = 0
        mine = np.flatnonzero(chosen[place] == owner)
        if not mine.size:
            return None
        found = self._chosen(name, number, mine)
        found.arrays["span"] = pa.array(place[mine].astype(np.int32))
        return found


class Chosen:
    """Arrays of some rows by name; `column_names` are all that the file has for attributes."""

    def __init__(self, arrays: dict[str, Any], column_names: Sequence[str], count: int) -> None:
        self.arrays = arrays
        self.column_names = column_names
        self.num_rows = count

    def __getitem__(self, name: str) -> Any:
        return self.arrays[name]


def _used_columns(shape: Any) -> set[int]:
    codes = np.unique(shape.indices.to_numpy())
    return {
        number
        for code in codes.tolist()
        for number in np.frombuffer(shape.dictionary[code].as_py() or b"", "<u2").tolist()
    }


def _stretches(column: Any) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    ends = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(column.buffers()[2] or b"", np.uint8), ends.astype(np.int64)
