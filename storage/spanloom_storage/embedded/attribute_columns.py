"""Attributes of rows as Arrow arrays: a column for each key and type, shapes, and the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanloom_storage.arrays import WORD, binaries, bits, interned, masked, texts_array
from spanloom_storage.kernels import encode, pivot
from spanloom_storage.kernels.rows import BOOL, DOUBLE, INT, OTHER, STRING, Bytes, Records

PREFIX: Final = "attributes."
SUFFIX: Final = {STRING: "", BOOL: ":bool", INT: ":int", DOUBLE: ":double"}
TYPE_NAMES: Final = {STRING: "string", BOOL: "bool", INT: "int", DOUBLE: "double"}
TYPE: Final = {STRING: WORD, BOOL: pa.bool_(), INT: pa.int64(), DOUBLE: pa.float64()}

MOST_COLUMNS: Final = 512
LEAST_VALUES: Final = 16
"""What is rarer in a block goes to `rest`: a column has a price, in bytes and in time."""


@dataclass(frozen=True, slots=True)
class Column:
    """One key with one type."""

    key: int
    type: int
    name: str

    @property
    def field(self) -> pa.Field:
        """As Arrow has it."""
        return pa.field(self.name, TYPE[self.type])


def column_name(key: str, value_type: int) -> str:
    """What the column of a key and type is called in a file."""
    return f"{PREFIX}{key}{SUFFIX[value_type]}"


def column_key(name: str) -> tuple[str, int]:
    """(key, type) of a column by its name."""
    key = name.removeprefix(PREFIX)
    for value_type, suffix in SUFFIX.items():
        if suffix and key.endswith(suffix):
            return key.removesuffix(suffix), value_type
    return key, STRING


class AttributeTable:
    """The attributes of all rows of one kind: spans, events or links."""

    def __init__(  # noqa: PLR0913  # all but the last two are the rows
        self,
        data: Bytes,
        keys: Records,
        attributes: Records,
        begins: npt.NDArray[np.int64],
        *,
        least_values: int = LEAST_VALUES,
        counted: npt.NDArray[np.int64] | None = None,
    ) -> None:
        """Of *counted* rows, which are all but those that were sent twice; None where that is all."""
        self._data = data
        self._keys = keys
        self._attributes = attributes
        self._begins = np.ascontiguousarray(begins[:-1])
        self._ends = np.ascontiguousarray(begins[1:])
        self._counts = np.zeros(max(1, len(keys)) * 8, np.int64)
        rows = slice(None) if counted is None else counted
        pivot.count_values(self._begins[rows], self._ends[rows], attributes, self._counts)
        self.columns = self._worth_a_column(least_values)
        self._column_of = np.full(max(1, len(keys)) * 8, -1, np.int32)
        for number, column in enumerate(self.columns):
            self._column_of[column.key * 8 + column.type] = number

    @property
    def fields(self) -> list[pa.Field]:
        """What `arrays` gives, as a schema."""
        fixed = [pa.field("shape", pa.dictionary(pa.int32(), pa.binary())), pa.field("rest", pa.binary())]
        return fixed + [column.field for column in self.columns]

    def arrays(self, rows: npt.NDArray[np.int64]) -> list[Any]:
        """The columns of some rows, in the order of `fields`."""
        begins, ends = self._begins[rows], self._ends[rows]
        total = int((ends - begins).sum())
        shape_of = np.empty(rows.size, np.int32)
        shapes = np.empty(2 * total + 2, np.uint8)
        shape_ends = np.zeros(min(rows.size, pivot.MOST_SHAPES) + 3, np.int64)
        column_ends = np.zeros(len(self.columns) + 1, np.int64)
        value_at, value_row = np.empty(total, np.int64), np.empty(total, np.int32)
        rest_ends, rest_at = np.zeros(rows.size + 1, np.int64), np.empty(total, np.int64)
        shape_count, _, in_rest = pivot.place_values(
            begins, ends, self._attributes, self._column_of, max(1, len(self._keys)),
            shape_of, shapes, shape_ends, column_ends, value_at, value_row, rest_ends, rest_at,
        )  # fmt: skip
        result = [
            _shapes(shape_of, shapes, shape_ends[: shape_count + 1]),
            self._rest(rest_ends, rest_at[:in_rest]),
        ]
        for number, column in enumerate(self.columns):
            values = slice(column_ends[number], column_ends[number + 1])
            result.append(self._array(column, value_at[values], value_row[values], rows.size))
        return result

    def counts(self) -> list[tuple[str, int, int]]:
        """(key, type, how many values) of each that is there."""
        codes = np.flatnonzero(self._counts).tolist()
        return [
            (_text(self._data, self._keys[code // 8]), code % 8, int(self._counts[code])) for code in codes
        ]

    def _worth_a_column(self, least_values: int) -> Sequence[Column]:
        chosen: list[Column] = []
        for code in np.argsort(-self._counts, kind="stable").tolist():
            key, value_type = code // 8, code % 8
            if self._counts[code] < max(1, least_values) or len(chosen) == MOST_COLUMNS:
                break
            if value_type == OTHER:
                continue
            name = column_name(_text(self._data, self._keys[key]), value_type)
            if column_key(name)[1] == value_type:  # else its name would be taken for another's
                chosen.append(Column(key, value_type, name))
        return sorted(chosen, key=lambda column: column.name)

    def _array(
        self, column: Column, value_at: npt.NDArray[np.int64], rows: npt.NDArray[np.int32], count: int
    ) -> Any:
        if not value_at.size:
            return pa.nulls(count, TYPE[column.type])
        valid = np.zeros(count, np.uint8)
        if column.type == STRING:
            chosen = self._attributes[value_at]
            codes, texts = interned(
                self._data, np.ascontiguousarray(chosen["value"]), chosen["size"].astype(np.int64)
            )
            spread = np.zeros(count, np.int32)
            pivot.spread_codes(rows, codes, spread, valid)
            words = texts_array(self._data, texts)
            return pa.DictionaryArray.from_arrays(masked(spread, valid, pa.int32()), words)
        numbers = np.zeros(count, np.int64)
        pivot.spread_numbers(rows, value_at, self._attributes, numbers, valid)
        if column.type == BOOL:
            return pa.Array.from_buffers(pa.bool_(), count, [bits(valid), bits(numbers.astype(np.uint8))])
        return masked(numbers, valid, TYPE[column.type])

    def _rest(self, ends: npt.NDArray[np.int64], at: npt.NDArray[np.int64]) -> Any:
        if not at.size:
            return pa.nulls(ends.size - 1, pa.binary())
        attributes = self._attributes[at]
        byte_ends = np.zeros(ends.size, np.int64)
        encode.measure_pairs(attributes, self._keys, ends, byte_ends)
        target = np.empty(byte_ends[-1], np.uint8)
        encode.write_pairs(self._data, attributes, self._keys, ends, byte_ends, target)
        return binaries(target, byte_ends, valid=np.diff(ends) > 0)


def _shapes(codes: npt.NDArray[np.int32], shapes: Bytes, ends: npt.NDArray[np.int64]) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(codes), binaries(shapes[: ends[-1]], ends))


def _text(data: Bytes, text: Any) -> str:
    return bytes(data[text["at"] : text["at"] + text["size"]]).decode()
