"""Rows of a block's file back from its columns: what is shown whole, exported or merged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spanloom_storage.embedded.attribute_columns import PREFIX, column_key
from spanloom_storage.kernels.decode import decode_owners
from spanloom_storage.kernels.pivot import REST
from spanloom_storage.kernels.rows import (
    ATTRIBUTE,
    BOOL,
    EVENT,
    INT,
    LINK,
    SPAN,
    STRING,
    TEXT,
    Records,
    Rows,
)


class Texts:
    """Bytes that rows refer to, gathered from many columns."""

    def __init__(self) -> None:
        self._parts: list[Any] = []
        self._size = 0

    def add(self, data: Any) -> int:
        """Where the bytes will begin."""
        begin = self._size
        self._parts.append(np.frombuffer(data, np.uint8))
        self._size += self._parts[-1].size
        return begin

    def add_strings(self, strings: Any) -> Records:
        """TEXT of each string or binary of an Arrow array without nulls; null has size 0."""
        texts = np.zeros(len(strings), TEXT)
        if len(strings):
            ends = np.frombuffer(strings.buffers()[1], np.int32)[
                strings.offset : strings.offset + len(strings) + 1
            ]
            data = strings.buffers()[2]
            begin = self.add(data.slice(ends[0], ends[-1] - ends[0])) if data is not None else 0
            texts["at"] = ends[:-1] - ends[0] + begin
            texts["size"] = np.diff(ends)
        return texts

    def add_words(self, column: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """(where, how long) each value of a dictionary-encoded column is; 0, 0 for null."""
        texts = np.append(self.add_strings(column.dictionary), np.zeros(1, TEXT))
        codes = pc.fill_null(column.indices, len(texts) - 1).to_numpy()
        return texts["at"][codes], texts["size"][codes].astype(np.int32)

    def whole(self) -> npt.NDArray[np.uint8]:
        """All of them."""
        return np.concatenate(self._parts) if self._parts else np.empty(0, np.uint8)


class Keys:
    """Keys of attributes, numbered."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._numbers: dict[str, int] = {}
        self._rows: list[tuple[int, int]] = []

    def number(self, key: str) -> int:
        """The key's number."""
        if key not in self._numbers:
            data = key.encode()
            self._numbers[key] = len(self._rows)
            self._rows.append((self._texts.add(data), len(data)))
        return self._numbers[key]

    def table(self) -> Records:
        """TEXT of each."""
        return np.array(self._rows, TEXT)


@dataclass(frozen=True, slots=True)
class Around:
    """What rows need that is not in their own columns: for each span, or for all."""

    trace_ids: npt.NDArray[np.uint64]
    """Two numbers for each span."""
    trace_start_ns: npt.NDArray[np.uint64]
    parent_ids: npt.NDArray[np.uint64]
    messages: Mapping[str, tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]]
    """Resources and scopes: their bytes, and where each one ends."""


def attributes_of(table: Any, texts: Texts, keys: Keys) -> tuple[npt.NDArray[np.int64], Records]:
    """(where each row's attributes begin, and the last end; the attributes) of a table's rows."""
    names = [name for name in table.column_names if name.startswith(PREFIX)]
    codes, dictionary = table["shape"].indices.to_numpy(), table["shape"].dictionary
    ends = np.frombuffer(dictionary.buffers()[1], np.int32)[dictionary.offset :]
    shapes = np.frombuffer(dictionary.buffers()[2] or b"", np.uint8)
    rest, rest_counts = _rest(table["rest"], texts, keys)
    lengths = (ends[codes + 1] - ends[codes]) // 2
    whole_in_rest = (lengths == 0) & (rest_counts > 0)
    counts = np.where(whole_in_rest, rest_counts, lengths).astype(np.int64)
    begins = np.zeros(counts.size + 1, np.int64)
    np.cumsum(counts, out=begins[1:])
    owners = np.repeat(np.arange(counts.size), counts)
    within = np.arange(begins[-1]) - begins[owners]
    at = ends[codes][owners] + 2 * within
    in_shape = ~whole_in_rest[owners]
    columns = np.full(begins[-1], REST, np.int64)
    at = at[in_shape]
    columns[in_shape] = shapes[at].astype(np.int64) | (shapes[at + 1].astype(np.int64) << 8)
    attributes = np.empty(begins[-1], ATTRIBUTE)
    attributes[columns == REST] = rest
    order = np.argsort(columns, kind="stable")
    cuts = np.searchsorted(columns[order], np.arange(len(names) + 1))
    for number, name in enumerate(names):
        places = order[cuts[number] : cuts[number + 1]]
        if places.size:
            found = _values(name, table[name], owners[places], texts)
            key, value_type = column_key(name)
            attributes["key"][places] = keys.number(key) * 8 + value_type
            attributes["value"][places], attributes["size"][places] = found
    return begins, attributes


def _values(name: str, column: Any, rows: npt.NDArray[np.int64], texts: Texts) -> tuple[Any, Any]:
    """(values, sizes) of an attribute in some rows."""
    value_type = column_key(name)[1]
    if value_type == STRING:
        at, size = texts.add_words(column)
        return at[rows], size[rows]
    if value_type == BOOL:
        return column.to_numpy(zero_copy_only=False).astype(bool)[rows], 0
    return numbers(column, np.int64 if value_type == INT else np.float64).view(np.int64)[rows], 0


def _rest(column: Any, texts: Texts, keys: Keys) -> tuple[Records, npt.NDArray[np.int64]]:
    """(the attributes in rest, how many each row has there)."""
    if column.null_count == len(column):
        return np.empty(0, ATTRIBUTE), np.zeros(len(column), np.int64)
    filled = pc.fill_null(column, b"")
    ends = np.frombuffer(filled.buffers()[1], np.int32)[filled.offset : filled.offset + len(filled) + 1]
    data = np.frombuffer(filled.buffers()[2], np.uint8)
    found = decode_owners(data, ends.astype(np.int64), owner_tag=0, pair_tag=74)
    begin = texts.add(data)
    numbers_of = np.array(
        [keys.number(bytes(data[key["at"] : key["at"] + key["size"]]).decode()) for key in found.keys],
        np.int32,
    )
    attributes = found.attributes.copy()
    attributes["key"] = numbers_of[attributes["key"] >> 3] * 8 + (attributes["key"] & 7)
    attributes["value"] += np.where(np.isin(found.attributes["key"] & 7, (0, STRING)), begin, 0)
    return attributes, np.diff(found.begins)


def numbers(column: Any, kind: Any, missing: int = 0) -> Any:
    """A column of numbers as they are; *missing* for null."""
    filled = pc.fill_null(column, pa.scalar(missing).cast(column.type)) if column.null_count else column
    return filled.to_numpy(zero_copy_only=False).astype(kind, copy=False)


def ids(column: Any) -> npt.NDArray[np.uint64]:
    """Ids of 8 bytes as numbers, 0 for null; of 16 bytes, two for each."""
    width = column.type.byte_width
    filled = pc.fill_null(column, pa.scalar(bytes(width), column.type)) if column.null_count else column
    data = np.frombuffer(filled.buffers()[1], ">u8")[
        filled.offset * width // 8 : (filled.offset + len(filled)) * width // 8
    ]
    return data.astype(np.uint64)


def _unknown(column: Any) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """(bytes, where, how long) of what rows have no column for."""
    texts = Texts()
    stretches = texts.add_strings(pc.fill_null(column, b""))
    return texts.whole(), stretches["at"].copy(), stretches["size"].astype(np.int32)


def rows_of(spans: Any, events: Any | None, links: Any | None, around: Around) -> Rows:
    """Rows of a table of spans with the tables of their events and links.

    Tables have one chunk a column; `span` of events and links is the place of a span in *spans*,
    ascending.
    """
    texts = Texts()
    keys = Keys(texts)
    count = spans.num_rows
    result = np.zeros(count + 1, SPAN)
    body = result[:-1]
    body["trace_high"], body["trace_low"] = around.trace_ids[0::2], around.trace_ids[1::2]
    body["span_id"], body["parent_id"] = ids(spans["span_id"]), around.parent_ids
    offset = numbers(spans["start_offset_ns"], np.int64).view(np.uint64)
    known = pc.is_valid(spans["start_offset_ns"]).to_numpy(zero_copy_only=False)
    body["start_ns"] = np.where(known, around.trace_start_ns + offset, 0)
    ended = pc.is_valid(spans["duration_ns"]).to_numpy(zero_copy_only=False)
    body["end_ns"] = np.where(
        ended, body["start_ns"] + numbers(spans["duration_ns"], np.int64).view(np.uint64), 0
    )
    for field, name in (("name", "name"), ("message", "status_message"), ("trace_state", "trace_state")):
        body[f"{field}_at"], body[f"{field}_size"] = texts.add_words(spans[name])
    for name in (
        "kind",
        "status_code",
        "flags",
        "dropped_attributes",
        "dropped_events",
        "dropped_links",
        "resource",
        "scope",
    ):
        body[name] = numbers(spans[name], body.dtype[name])
    rest, body["rest_at"], body["rest_size"] = _unknown(spans["unknown"])
    begins, attributes = attributes_of(spans, texts, keys)
    result["attributes"] = begins
    event_rows, event_attributes, event_rest = _events(events, body, texts, keys)
    link_rows, link_attributes, link_rest = _links(links, texts, keys)
    result["events"] = np.searchsorted(event_rows["span"][:-1], np.arange(count + 1))
    result["links"] = np.searchsorted(link_rows["span"][:-1], np.arange(count + 1))
    names, codes = np.unique(
        np.stack([body["name_at"], body["name_size"].astype(np.int64)], axis=1), axis=0, return_inverse=True
    )
    body["name"] = codes.ravel()
    name_texts = np.zeros(len(names), TEXT)
    name_texts["at"], name_texts["size"] = names[:, 0], names[:, 1]
    return Rows(
        data=texts.whole(),
        rest=rest,
        event_rest=event_rest,
        link_rest=link_rest,
        spans=result,
        attributes=attributes,
        events=event_rows,
        event_attributes=event_attributes,
        links=link_rows,
        link_attributes=link_attributes,
        keys=keys.table(),
        names=name_texts,
        resources=around.messages["resources"][0],
        resource_ends=around.messages["resources"][1],
        scopes=around.messages["scopes"][0],
        scope_ends=around.messages["scopes"][1],
    )


def _events(events: Any | None, spans: Records, texts: Texts, keys: Keys) -> tuple[Records, Records, Any]:
    if events is None or not events.num_rows:
        return np.zeros(1, EVENT), np.empty(0, ATTRIBUTE), np.empty(0, np.uint8)
    result = np.zeros(events.num_rows + 1, EVENT)
    body = result[:-1]
    body["span"] = numbers(events["span"], np.int32)
    offset = numbers(events["time_offset_ns"], np.int64).view(np.uint64)
    known = pc.is_valid(events["time_offset_ns"]).to_numpy(zero_copy_only=False)
    body["time_ns"] = np.where(known, spans["start_ns"][body["span"]] + offset, 0)
    body["name_at"], body["name_size"] = texts.add_words(events["name"])
    body["dropped_attributes"] = numbers(events["dropped_attributes"], np.uint32)
    rest, body["rest_at"], body["rest_size"] = _unknown(events["unknown"])
    result["attributes"], attributes = attributes_of(events, texts, keys)
    return result, attributes, rest


def _links(links: Any | None, texts: Texts, keys: Keys) -> tuple[Records, Records, Any]:
    if links is None or not links.num_rows:
        return np.zeros(1, LINK), np.empty(0, ATTRIBUTE), np.empty(0, np.uint8)
    result = np.zeros(links.num_rows + 1, LINK)
    body = result[:-1]
    body["span"] = numbers(links["span"], np.int32)
    trace_ids = ids(links["trace_id"])
    body["trace_high"], body["trace_low"] = trace_ids[0::2], trace_ids[1::2]
    body["span_id"] = ids(links["span_id"])
    body["trace_state_at"], body["trace_state_size"] = texts.add_words(links["trace_state"])
    body["flags"] = numbers(links["flags"], np.uint32)
    body["dropped_attributes"] = numbers(links["dropped_attributes"], np.uint32)
    rest, body["rest_at"], body["rest_size"] = _unknown(links["unknown"])
    result["attributes"], attributes = attributes_of(links, texts, keys)
    return result, attributes, rest
