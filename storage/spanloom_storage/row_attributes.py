"""Columns for a search, from attributes in rows."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from spanloom_storage.arrays import interned, texts_array
from spanloom_storage.block import Column, Numbers, Others, Places, Words, taken
from spanloom_storage.conditions import ValueType
from spanloom_storage.kernels.rows import BOOL, DOUBLE, INT, OTHER, STRING, Bytes, Records

VALUE_TYPES = {STRING: ValueType.STRING, BOOL: ValueType.BOOL, INT: ValueType.INT, DOUBLE: ValueType.DOUBLE}


class RowAttributes:
    """The attributes of some owners, such as spans or events, in rows."""

    def __init__(
        self, data: Bytes, keys: Records, attributes: Records, begins: npt.NDArray[np.int64]
    ) -> None:
        self._data = data
        self._attributes = attributes
        self._keys = texts_array(data, keys)
        self._owners = np.repeat(np.arange(begins.size - 1, dtype=np.int32), np.diff(begins))
        self._codes = np.ascontiguousarray(attributes["key"])

    def columns(self, key: str) -> Sequence[Column]:
        """The values of a key, by type; rows are owners."""
        code = pc.index(self._keys, key).as_py()
        if code < 0:
            return ()
        found: list[Column] = []
        for value_type in (STRING, BOOL, INT, DOUBLE, OTHER):
            places = np.flatnonzero(self._codes == code * 8 + value_type)
            if places.size:
                found += self._column(value_type, self._attributes[places], self._owners[places])
        return found

    def counts(self) -> dict[tuple[str, ValueType | None], int]:
        """How many values there are by key and type."""
        codes, counts = np.unique(self._codes, return_counts=True)
        keys = self._keys.take(pa.array(codes >> 3)).to_pylist()
        return {
            (key, VALUE_TYPES.get(code & 7)): count
            for key, code, count in zip(keys, codes.tolist(), counts.tolist(), strict=True)
        }

    def _column(self, value_type: int, values: Records, rows: Places) -> Sequence[Column]:
        if value_type == STRING:
            codes, texts = interned(
                self._data, np.ascontiguousarray(values["value"]), values["size"].astype(np.int64)
            )
            return [Words(rows=rows, codes=codes, words=texts_array(self._data, texts))]
        numbers = np.ascontiguousarray(values["value"])
        match value_type:
            case 2:
                return [Numbers(rows=rows, values=numbers != 0)]
            case 3:
                return [Numbers(rows=rows, values=numbers)]
            case 4:
                return [Numbers(rows=rows, values=numbers.view(np.float64))]
        codes, texts = interned(self._data, numbers, values["size"].astype(np.int64))
        messages = [bytes(self._data[text["at"] : text["at"] + text["size"]]) for text in texts]
        return elements(messages, codes, rows)


def elements(messages: Sequence[bytes], codes: Places, rows: Places) -> Sequence[Column]:
    """Columns of values that are more than one scalar, given as KeyValue messages.

    The elements of an array are values of the span, by their types; what else there is only exists.
    """
    by_type: dict[str, tuple[list[int], list[object]]] = {}
    for number, message in enumerate(messages):
        pair = KeyValue.FromString(message)
        for kind, value in _scalars(pair.value):
            owners, values = by_type.setdefault(kind, ([], []))
            owners.append(number)
            values.append(value)
    found: list[Column] = [Others(rows=rows)]
    order = np.argsort(codes, kind="stable")
    begins = np.searchsorted(codes[order], np.arange(len(messages) + 1))
    for kind, (owners, values) in by_type.items():
        owner = np.array(owners)
        counts = begins[owner + 1] - begins[owner]
        which = np.repeat(np.arange(owner.size), counts)
        within = np.arange(which.size) - np.repeat(np.cumsum(counts) - counts, counts)
        spans = rows[order[begins[owner][which] + within]]
        if kind == "string_value":
            words = pa.array(values, pa.string()).dictionary_encode()
            codes_of = words.indices.to_numpy()[which]
            found.append(Words(rows=spans, codes=codes_of, words=words.dictionary))
        else:
            found.append(Numbers(rows=spans, values=np.array(values, _DTYPES[kind])[which]))
    return found


_DTYPES = {"bool_value": np.bool_, "int_value": np.int64, "double_value": np.float64}


def _scalars(value: AnyValue) -> list[tuple[str, object]]:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        inner = [(one.WhichOneof("value"), one) for one in value.array_value.values]
        return [
            (name, getattr(one, name)) for name, one in inner if name == "string_value" or name in _DTYPES
        ]
    if kind == "string_value" or kind in _DTYPES:  # a plain value in an unusual message
        return [(str(kind), getattr(value, str(kind)))]
    return []


def shared_out(columns: Sequence[Column], owner_of_row: Places, owner_count: int) -> Sequence[Column]:
    """Columns of owners, such as resources, as columns of the spans that belong to them."""
    found: list[Column] = []
    for column in columns:
        owners = np.arange(owner_count, dtype=np.int32) if column.rows is None else column.rows
        order = np.argsort(owners, kind="stable")
        begins = np.searchsorted(owners[order], np.arange(owner_count + 1))
        counts = (begins[1:] - begins[:-1])[owner_of_row]
        rows = np.repeat(np.arange(owner_of_row.size, dtype=np.int32), counts)
        within = np.arange(rows.size) - np.repeat(np.cumsum(counts) - counts, counts)
        found.append(taken(column, order[begins[owner_of_row[rows]] + within], rows))
    return found


def moved(columns: Sequence[Column], span_of_row: Places) -> Sequence[Column]:
    """Columns of events or links as columns of their spans."""
    return [
        taken(column, slice(None), span_of_row if column.rows is None else span_of_row[column.rows])
        for column in columns
    ]
