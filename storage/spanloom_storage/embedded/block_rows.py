"""Rows of a block's file back from its columns: what is shown whole, exported or merged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanloom_storage.embedded.attribute_columns import column_key
from spanloom_storage.embedded.chosen import Chosen
from spanloom_storage.embedded.stored_column import StoredColumn
from spanloom_storage.kernels.decode import decode_owners
from spanloom_storage.kernels.pivot import REST
from spanloom_storage.kernels.rows import (
    ATTRIBUTE,
    BOOL,
    EVENT,
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

    def add_words(self, words: Any, codes: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], Any]:
        """(where, how long) the word of each code is; 0, 0 for none, which is -1."""
        if codes.size < len(words):  # a few rows need a few of them
            there = np.flatnonzero(codes >= 0)
            words = words.take(pa.array(codes[there]))
            codes = np.full(codes.size, -1)
            codes[there] = np.arange(there.size)
        texts = np.append(self.add_strings(words), np.zeros(1, TEXT))
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


@dataclass(frozen=True, slots=True)
class Parts:
    """Events or links of the rows that are wanted."""

    chosen: Chosen
    spans: npt.NDArray[np.int64]
    """The place of each one's span among the wanted, ascending."""


def attributes_of(chosen: Chosen, texts: Texts, keys: Keys) -> tuple[npt.NDArray[np.int64], Records]:
    """(where each row's attributes begin, and the last end; the attributes) of rows."""
    shape = chosen.column("shape")
    codes = shape.of(chosen.rows, np.int32)
    ends = np.frombuffer(shape.words.buffers()[1], np.int32)[shape.words.offset :]
    shapes = np.frombuffer(shape.words.buffers()[2] or b"", np.uint8)
    rest, rest_counts = _rest(chosen, texts, keys)
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
    used, cuts = np.unique(columns[order], return_index=True)
    for number, places in zip(used.tolist(), np.split(order, cuts)[1:], strict=True):
        if number != REST:
            name = chosen.attribute_names[number]
            key, value_type = column_key(name)
            attributes["key"][places] = keys.number(key) * 8 + value_type
            column = chosen.column(name)
            values = _values(value_type, column, chosen.rows[owners[places]], texts)
            attributes["value"][places], attributes["size"][places] = values
    return begins, attributes


def _values(
    value_type: int, column: StoredColumn, rows: npt.NDArray[np.int64], texts: Texts
) -> tuple[Any, Any]:
    """(values, sizes) of an attribute in rows that have it."""
    values = column.at(rows)
    if value_type == STRING:
        return texts.add_words(column.words, values)
    return (values if value_type == BOOL else values.view(np.int64)), 0


def _rest(chosen: Chosen, texts: Texts, keys: Keys) -> tuple[Records, npt.NDArray[np.int64]]:
    """(the attributes in rest, how many each row has there)."""
    column = chosen.column("rest")
    if not column.has_values:
        return np.empty(0, ATTRIBUTE), np.zeros(chosen.rows.size, np.int64)
    data, ends = column.stretches(chosen.rows)
    found = decode_owners(data, ends, owner_tag=0, pair_tag=74)
    begin = texts.add(data)
    numbers_of = np.array(
        [keys.number(bytes(data[key["at"] : key["at"] + key["size"]]).decode()) for key in found.keys],
        np.int32,
    )
    attributes = found.attributes.copy()
    attributes["key"] = numbers_of[attributes["key"] >> 3] * 8 + (attributes["key"] & 7)
    attributes["value"] += np.where(np.isin(found.attributes["key"] & 7, (0, STRING)), begin, 0)
    return attributes, np.diff(found.begins)


def _unknown(chosen: Chosen) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """(bytes, where, how long) of what rows have no column for."""
    column = chosen.column("unknown")
    if not column.has_values:
        nothing = np.zeros(chosen.rows.size, np.int64)
        return np.empty(0, np.uint8), nothing, nothing.astype(np.int32)
    data, ends = column.stretches(chosen.rows)
    return data, ends[:-1], np.diff(ends).astype(np.int32)


def _put_words(body: Records, field: str, chosen: Chosen, name: str, texts: Texts) -> None:
    column = chosen.column(name)
    codes = column.of(chosen.rows, np.int32, -1)
    body[f"{field}_at"], body[f"{field}_size"] = texts.add_words(column.words, codes)


def _since(start_ns: npt.NDArray[np.uint64], chosen: Chosen, name: str) -> npt.NDArray[np.uint64]:
    """Times that are stored as distances; 0 where there is none."""
    column = chosen.column(name)
    times = start_ns + column.of(chosen.rows, np.int64).view(np.uint64)
    times[~column.has_value(chosen.rows)] = 0
    return times


def rows_of(spans: Chosen, events: Parts | None, links: Parts | None, around: Around) -> Rows:
    """Rows of stored spans with their events and links."""
    texts = Texts()
    keys = Keys(texts)
    count = spans.rows.size
    result = np.zeros(count + 1, SPAN)
    body = result[:-1]
    body["trace_high"], body["trace_low"] = around.trace_ids[0::2], around.trace_ids[1::2]
    body["span_id"], body["parent_id"] = spans.numbers("span_id", np.uint64), around.parent_ids
    body["start_ns"] = _since(around.trace_start_ns, spans, "start_offset_ns")
    body["end_ns"] = _since(body["start_ns"], spans, "duration_ns")
    for field, name in (("name", "name"), ("message", "status_message"), ("trace_state", "trace_state")):
        _put_words(body, field, spans, name, texts)
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
        body[name] = spans.numbers(name, body.dtype[name])
    rest, body["rest_at"], body["rest_size"] = _unknown(spans)
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


def _events(
    events: Parts | None, spans: Records, texts: Texts, keys: Keys
) -> tuple[Records, Records, npt.NDArray[np.uint8]]:
    if events is None:
        return np.zeros(1, EVENT), np.empty(0, ATTRIBUTE), np.empty(0, np.uint8)
    chosen = events.chosen
    result = np.zeros(chosen.rows.size + 1, EVENT)
    body = result[:-1]
    body["span"] = events.spans
    body["time_ns"] = _since(spans["start_ns"][events.spans], chosen, "time_offset_ns")
    _put_words(body, "name", chosen, "name", texts)
    body["dropped_attributes"] = chosen.numbers("dropped_attributes", np.uint32)
    rest, body["rest_at"], body["rest_size"] = _unknown(chosen)
    result["attributes"], attributes = attributes_of(chosen, texts, keys)
    return result, attributes, rest


def _links(links: Parts | None, texts: Texts, keys: Keys) -> tuple[Records, Records, npt.NDArray[np.uint8]]:
    if links is None:
        return np.zeros(1, LINK), np.empty(0, ATTRIBUTE), np.empty(0, np.uint8)
    chosen = links.chosen
    result = np.zeros(chosen.rows.size + 1, LINK)
    body = result[:-1]
    body["span"] = links.spans
    trace_ids = chosen.column("trace_id").pairs(chosen.rows)
    body["trace_high"], body["trace_low"] = trace_ids[0::2], trace_ids[1::2]
    body["span_id"] = chosen.numbers("span_id", np.uint64)
    _put_words(body, "trace_state", chosen, "trace_state", texts)
    body["flags"] = chosen.numbers("flags", np.uint32)
    body["dropped_attributes"] = chosen.numbers("dropped_attributes", np.uint32)
    rest, body["rest_at"], body["rest_size"] = _unknown(chosen)
    result["attributes"], attributes = attributes_of(chosen, texts, keys)
    return result, attributes, rest
