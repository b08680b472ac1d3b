"""Rows to a block: a directory of Parquet files.

    spans.parquet      a row for each span; groups of rows by trace id, in a group by service, name, kind
    events.parquet     a row for each event, links.parquet one for each link, in the order of their spans
    traces.parquet     a row for each trace, by id
    resources.parquet  a row for each distinct resource, scopes.parquet one for each scope
    block.json         counts, times, checksums, and which files this block replaces

docs/storage-format.md says what each column is.
"""

from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spanloom_storage.arrangement import GROUP_SPANS, arrange_rows
from spanloom_storage.arrays import (
    WORD,
    binaries,
    fixed,
    masked,
    span_ids,
    texts,
    texts_array,
    trace_ids,
    words,
)
from spanloom_storage.embedded.attribute_columns import PREFIX, TYPE_NAMES, AttributeTable
from spanloom_storage.kernels import arrange
from spanloom_storage.kernels.decode import decode_owners
from spanloom_storage.kernels.rows import Owners, Records, Rows
from spanloom_storage.kernels.take import Fields, take
from spanloom_storage.services import services_of

_DELTA: Final = "DELTA_BINARY_PACKED"
_SPLIT: Final = "BYTE_STREAM_SPLIT"

SPAN_FIELDS: Final = [
    pa.field("trace", pa.int32(), nullable=False),
    pa.field("span_id", pa.binary(8), nullable=False),
    pa.field("parent", pa.int32()),
    pa.field("parent_id", pa.binary(8)),
    pa.field("service", WORD, nullable=False),
    pa.field("name", WORD, nullable=False),
    pa.field("kind", pa.int32(), nullable=False),
    pa.field("status_code", pa.int32(), nullable=False),
    pa.field("start_offset_ns", pa.int64()),
    pa.field("duration_ns", pa.int64()),
    pa.field("status_message", WORD),
    pa.field("trace_state", WORD),
    pa.field("flags", pa.uint32()),
    pa.field("dropped_attributes", pa.uint32()),
    pa.field("dropped_events", pa.uint32()),
    pa.field("dropped_links", pa.uint32()),
    pa.field("resource", pa.int32(), nullable=False),
    pa.field("scope", pa.int32(), nullable=False),
    pa.field("unknown", pa.binary()),
]
EVENT_FIELDS: Final = [
    pa.field("span", pa.int32(), nullable=False),
    pa.field("time_offset_ns", pa.int64()),
    pa.field("name", WORD, nullable=False),
    pa.field("dropped_attributes", pa.uint32()),
    pa.field("unknown", pa.binary()),
]
LINK_FIELDS: Final = [
    pa.field("span", pa.int32(), nullable=False),
    pa.field("trace_id", pa.binary(16)),
    pa.field("span_id", pa.binary(8)),
    pa.field("trace_state", WORD),
    pa.field("flags", pa.uint32()),
    pa.field("dropped_attributes", pa.uint32()),
    pa.field("unknown", pa.binary()),
]
_ENCODING: Final = {
    "trace": _DELTA,
    "span_id": "PLAIN",
    "parent": _DELTA,
    "parent_id": "PLAIN",
    "start_offset_ns": _SPLIT,
    "duration_ns": _SPLIT,
    "unknown": "PLAIN",
    "span": _DELTA,
    "time_offset_ns": _SPLIT,
    "trace_id": "PLAIN",
    "rest": "PLAIN",
    "message": "PLAIN",
}
"""All others are dictionary-encoded."""


class BlockWriter:
    """Writes the rows of one block."""

    def __init__(self, rows: Rows, directory: Path, *, group_spans: int = GROUP_SPANS) -> None:
        self._rows = rows
        self._directory = directory
        self._spans = rows.spans[:-1]
        self._resources = decode_owners(rows.resources, rows.resource_ends, pair_tag=10)
        self._scopes = decode_owners(rows.scopes, rows.scope_ends, pair_tag=26)
        services = services_of(self._resources)
        self._service_words = pc.unique(services).sort()
        self._service_of = pc.index_in(services, self._service_words).to_numpy().astype(np.int32)
        self._arranged = arrange_rows(rows, self._kinds(), group_spans)
        self._attributes: list[list[str | int | None]] = []

    def write(self) -> dict[str, Any]:
        """Write all files but block.json, whose facts are returned; nothing is durable yet."""
        summary, services = self._summaries()
        self._write_spans(summary["start_ns"].copy())
        self._write_events()
        self._write_links()
        self._write_traces(summary, services)
        self._write_owners("resources", self._resources, self._rows.resources, self._rows.resource_ends)
        self._write_owners("scopes", self._scopes, self._rows.scopes, self._rows.scope_ends)
        starts = self._spans["start_ns"]
        known = starts[starts != 0]
        return {
            "span_count": int(self._arranged.order.size),
            "trace_count": int(self._arranged.traces.size - 1),
            "first_traces": self._arranged.trace_begins[:-1].tolist(),
            "start_range_ns": [int(known.min()), int(known.max())] if known.size else [0, 0],
            "newest_trace_ns": int(summary["start_ns"].max(initial=0)),
            "attributes": self._attributes,
        }

    def _note(self, owner: str, attributes: AttributeTable) -> None:
        for key, value_type, count in attributes.counts():
            self._attributes.append([owner, key, TYPE_NAMES.get(value_type), count])

    def _groups(self) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]]:
        """The rows of each row group, and their traces."""
        arranged = self._arranged
        cuts = zip(arranged.begins[:-1], arranged.begins[1:], strict=True)
        return [(arranged.order[begin:end], arranged.trace[begin:end]) for begin, end in cuts]

    def _distinct(self, parts: str | None = None) -> npt.NDArray[np.int64] | None:
        """The spans, or their parts, without those that were sent twice; None where that is all."""
        order = self._arranged.order
        if order.size == self._spans.size:
            return None
        return order if parts is None else _parts(self._rows.spans[parts], order)[0]

    def _kinds(self) -> npt.NDArray[np.int32]:
        """Each row's service, name and kind as one number, in the order of the words."""
        names = texts_array(self._rows.data, self._rows.names)
        place = pc.rank(names, tiebreaker="dense").to_numpy().astype(np.int64)
        both = (
            self._service_of[self._spans["resource"]] * np.int64(len(names) + 1) + place[self._spans["name"]]
        )
        with_kind = both * 8 + (self._spans["kind"] & 7)  # those above 7 mix with others, and are few
        return np.unique(with_kind, return_inverse=True)[1].astype(np.int32)

    def _summaries(self) -> tuple[Records, Records]:
        arranged = self._arranged
        traces = np.zeros(arranged.traces.size, arrange.TRACE)
        services = np.empty(arranged.by_trace.size, arrange.SERVICE)
        arrange.summarise(
            arranged.by_trace, self._rows.spans, arranged.traces, self._service_of,
            len(self._service_words), traces, services,
        )  # fmt: skip
        return traces[:-1], services[: traces[-1]["services"]]

    def _write_spans(self, trace_start_ns: npt.NDArray[np.uint64]) -> None:
        rows, arranged = self._rows, self._arranged
        attributes = AttributeTable(
            rows.data, rows.keys, rows.attributes, rows.spans["attributes"], counted=self._distinct()
        )
        self._note("span", attributes)
        parents = np.full(self._spans.size, -1, np.int64)
        arrange.find_parents(
            arranged.by_trace, rows.spans, arranged.traces, 0, arranged.traces.size - 1, parents
        )
        with _Table(self._directory / "spans.parquet", [*SPAN_FIELDS, *attributes.fields]) as table:
            for chosen, trace in self._groups():
                fields = take(rows.spans, chosen, trace, trace_start_ns, parents)
                table.append([*self._span_columns(fields, trace), *attributes.arrays(chosen)])

    def _span_columns(self, fields: Fields, trace: npt.NDArray[np.int32]) -> list[Any]:
        data = self._rows.data
        return [
            pa.array(trace),
            fixed(fields.span_id, pa.binary(8)),
            masked(fields.parent, fields.has_parent, pa.int32()),
            fixed(fields.parent_id, pa.binary(8), fields.has_parent_id),
            pa.DictionaryArray.from_arrays(self._service_of[fields.resource], self._service_words),
            words(data, fields.name_at, fields.name_size, needed=True),
            pa.array(fields.kind),
            pa.array(fields.status_code),
            masked(fields.start_offset_ns, fields.has_start, pa.int64()),
            masked(fields.duration_ns, fields.has_end, pa.int64()),
            words(data, fields.message_at, fields.message_size),
            words(data, fields.trace_state_at, fields.trace_state_size),
            _counts(fields.flags),
            _counts(fields.dropped_attributes),
            _counts(fields.dropped_events),
            _counts(fields.dropped_links),
            pa.array(fields.resource),
            pa.array(fields.scope),
            _stretches(self._rows.rest, fields.rest_at, fields.rest_size),
        ]

    def _write_events(self) -> None:
        rows = self._rows
        if len(rows.events) == 1:
            return
        attributes = AttributeTable(
            rows.data,
            rows.keys,
            rows.event_attributes,
            rows.events["attributes"],
            counted=self._distinct("events"),
        )
        self._note("event", attributes)
        with _Table(self._directory / "events.parquet", [*EVENT_FIELDS, *attributes.fields]) as table:
            for chosen, _ in self._groups():
                places, owners = _parts(rows.spans["events"], chosen)
                events, start_ns = rows.events[places], self._spans["start_ns"][chosen[owners]]
                fixed = [
                    pa.array(owners.astype(np.int32)),
                    masked((events["time_ns"] - start_ns).view(np.int64), events["time_ns"] != 0, pa.int64()),
                    texts(rows.data, events, "name", needed=True),
                    _counts(events["dropped_attributes"]),
                    _stretches(rows.event_rest, events["rest_at"], events["rest_size"]),
                ]
                table.append([*fixed, *attributes.arrays(places)])

    def _write_links(self) -> None:
        rows = self._rows
        if len(rows.links) == 1:
            return
        attributes = AttributeTable(
            rows.data,
            rows.keys,
            rows.link_attributes,
            rows.links["attributes"],
            counted=self._distinct("links"),
        )
        self._note("link", attributes)
        with _Table(self._directory / "links.parquet", [*LINK_FIELDS, *attributes.fields]) as table:
            for chosen, _ in self._groups():
                places, owners = _parts(rows.spans["links"], chosen)
                links = rows.links[places]
                has_trace = (links["trace_high"] | links["trace_low"]) != 0
                fixed = [
                    pa.array(owners.astype(np.int32)),
                    trace_ids(links, has_trace),
                    span_ids(links["span_id"], valid=links["span_id"] != 0),
                    texts(rows.data, links, "trace_state"),
                    _counts(links["flags"]),
                    _counts(links["dropped_attributes"]),
                    _stretches(rows.link_rest, links["rest_at"], links["rest_size"]),
                ]
                table.append([*fixed, *attributes.arrays(places)])

    def _write_traces(self, summary: Records, services: Records) -> None:
        roots = self._spans[summary["root"]]
        firsts = self._spans[self._arranged.by_trace[self._arranged.traces[:-1]]]
        known_end = np.maximum(0, summary["end_ns"] - summary["start_ns"].view(np.int64))
        service_counts = pa.StructArray.from_arrays(
            [
                self._service_words.take(pa.array(services["service"].copy())),
                pa.array(services["span_count"].copy()),
                pa.array(services["error_count"].copy()),
            ],
            names=["service", "span_count", "error_count"],
        )
        offsets = np.append(summary["services"], len(services)).astype(np.int32)
        table = pa.table(
            {
                "trace_id": trace_ids(firsts),
                "start_ns": pa.array(summary["start_ns"].copy()),
                "duration_ns": pa.array(known_end),
                "span_count": pa.array(summary["span_count"].copy()),
                "error_count": pa.array(summary["error_count"].copy()),
                "root_service": self._service_words.take(pa.array(self._service_of[roots["resource"]])),
                "root_name": texts(self._rows.data, roots, "name", needed=True),
                "root_missing": pa.array(roots["parent_id"] != 0),
                "services": pa.ListArray.from_arrays(pa.array(offsets), service_counts),
            }
        )
        with _Table(self._directory / "traces.parquet", list(table.schema)) as file:
            file.append(table.columns)

    def _write_owners(self, name: str, owners: Owners, messages: Any, ends: npt.NDArray[np.int64]) -> None:
        attributes = AttributeTable(
            owners.data, owners.keys, owners.attributes, owners.begins, least_values=1
        )
        self._note("resource" if name == "resources" else "instrumentation", attributes)
        fields = [pa.field("message", pa.binary(), nullable=False), *attributes.fields]
        with _Table(self._directory / f"{name}.parquet", fields) as table:
            table.append([binaries(messages, ends), *attributes.arrays(np.arange(ends.size - 1))])


class _Table:
    """A Parquet file whose row groups are given one after the other."""

    def __init__(self, path: Path, fields: list[Any]) -> None:
        self._path = path
        self._schema = pa.schema(fields)
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def append(self, columns: list[Any]) -> None:
        table = pa.Table.from_arrays(columns, schema=self._schema)
        if self._writer is None:
            self._writer = self._open()
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))

    def _open(self) -> Any:
        encoding = {field.name: _ENCODING.get(field.name) or _suiting(field) for field in self._schema}
        return pq.ParquetWriter(
            self._path,
            self._schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[name for name, how in encoding.items() if how == "DICTIONARY"] or False,
            column_encoding={name: how for name, how in encoding.items() if how != "DICTIONARY"},
            # Only for whether a column is empty in a row group: readers skip it then.
            write_statistics=[field.name for field in self._schema if _may_be_empty(field)] or False,
            write_page_checksum=True,
            store_schema=False,
            data_page_size=2**20,
            max_rows_per_page=2**20,
            dictionary_pagesize_limit=2**22,
        )

    def __exit__(self, *exc_info: object) -> None:
        if self._writer is not None:
            self._writer.close()


def _may_be_empty(field: Any) -> bool:
    return field.nullable and not field.name.startswith(PREFIX) and not pa.types.is_nested(field.type)


def _suiting(field: Any) -> str:
    """How a column is encoded that has nothing special about it."""
    if pa.types.is_floating(field.type):
        return _SPLIT
    return "PLAIN" if pa.types.is_boolean(field.type) else "DICTIONARY"


def _parts(
    begins: npt.NDArray[np.int32], chosen: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(the parts, such as events, that belong to the chosen spans; which of the chosen has each)."""
    first, counts = begins[chosen].astype(np.int64), begins[chosen + 1] - begins[chosen]
    owners = np.repeat(np.arange(chosen.size), counts)
    within = np.arange(owners.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return first[owners] + within, owners


def _counts(values: npt.NDArray[np.uint32]) -> Any:
    """Numbers that are mostly 0, which is none."""
    if not values.any():
        return pa.nulls(values.size, pa.uint32())
    return masked(values, values != 0, pa.uint32())


def _stretches(data: Any, at: npt.NDArray[np.int64], sizes: npt.NDArray[Any]) -> Any:
    """Bytes of records, none where there are none."""
    if not sizes.any():
        return pa.nulls(sizes.size, pa.binary())
    parts = [
        bytes(data[begin : begin + size]) or None
        for begin, size in zip(at.tolist(), sizes.tolist(), strict=True)
    ]
    return pa.array(parts, pa.binary())
