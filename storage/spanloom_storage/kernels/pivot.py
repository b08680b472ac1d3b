"""Attributes of rows to columns: one for each key and type that is worth one.

What has no column goes to `rest`. A row's *shape* is the sequence of its attributes' columns, so
that their order comes back.
"""

from typing import Final

import numpy as np
from numba import types

from spanloom_storage.kernels.compiled import (
    BYTES,
    INT32S,
    INT64S,
    UINT8S,
    array_of,
    compiled,
    inlined,
)
from spanloom_storage.kernels.memory import copy, hashed, same
from spanloom_storage.kernels.rows import ATTRIBUTE, TEXT

REST: Final = 0xFFFF
"""In a shape: the next attribute in `rest`."""
MOST_SHAPES: Final = 2**15
"""Rows of shapes beyond these have all their attributes in `rest`, in order."""
_ALL_IN_REST: Final = 0
"""The first shape: empty, which also is the shape of rows without attributes."""


@compiled(types.void(INT64S, INT64S, array_of(ATTRIBUTE), INT64S))
def count_values(begins, ends, attributes, counts):
    """How many values there are of each key and type, in counts[key * 8 + type]."""
    for row in range(begins.size):
        for place in range(begins[row], ends[row]):
            counts[attributes[place].key] += 1


@inlined
def _find_shape(table, shapes, shape_ends, count):
    """(number or -1, its slot) of the shape that was written last."""
    at = shape_ends[count]
    size = shape_ends[count + 1] - at
    mask = table.size - 1
    slot = np.int64(hashed(shapes, at, size)) & mask
    while True:
        number = np.int64(table[slot])
        if number < 0:
            return number, slot
        begin = shape_ends[number]
        if shape_ends[number + 1] - begin == size and same(shapes, begin, shapes, at, size):
            return number, slot
        slot = (slot + 1) & mask


@compiled(
    types.UniTuple(types.int64, 3)(
        INT64S, INT64S, array_of(ATTRIBUTE), INT32S, types.int64,
        INT32S, UINT8S, INT64S, INT64S, INT64S, INT32S, INT64S, INT64S,
    )
)  # fmt: skip
def place_values(
    begins, ends, attributes, column_of, key_count,
    shape_of, shapes, shape_ends, column_ends, value_at, value_row, rest_ends, rest_at,
):  # fmt: skip
    """Sort the values of some rows by column; (shapes, values in columns, values in rest).

    column_of[key * 8 + type] is a column, or -1 where there is none. shape_of: each row's shape;
    shapes: numbers of two bytes, where shape_ends says. value_at, value_row: which attribute and
    which row, of column c between column_ends[c] and column_ends[c + 1]. rest_at: which attributes
    of row r are in rest, between rest_ends[r] and rest_ends[r + 1].
    """
    columns = column_ends.size - 1
    last_row = np.full(key_count, -1, np.int32)
    slots = 2
    while slots < 2 * min(begins.size + 1, MOST_SHAPES + 1):
        slots *= 2
    table = np.full(slots, -1, np.int32)
    shape_ends[1] = 0
    table[np.int64(hashed(shapes, 0, 0)) & (slots - 1)] = _ALL_IN_REST
    shape_count = np.int64(1)
    in_rest = np.int64(0)
    values = np.int64(0)
    chosen = np.empty(attributes.size, np.int16)
    for row in range(begins.size):
        to = shape_ends[shape_count]
        begin_rest = in_rest
        for place in range(begins[row], ends[row]):
            key = attributes[place].key
            column = column_of[key]
            if column >= 0 and last_row[key >> 3] == row:
                column = -1  # a key that the row has already: the first has the column
            last_row[key >> 3] = row
            chosen[place] = column
            shapes[to] = np.uint8(column & 0xFF)
            shapes[to + 1] = np.uint8((column >> 8) & 0xFF)
            to += 2
            if column < 0:
                rest_at[in_rest] = place
                in_rest += 1
            else:
                column_ends[column + 1] += 1
        shape_ends[shape_count + 1] = to
        shape, slot = _find_shape(table, shapes, shape_ends, shape_count)
        if shape < 0 and shape_count < MOST_SHAPES:
            table[slot] = shape = shape_count
            shape_count += 1
        if shape < 0:  # too colourful: all its attributes are in rest
            in_rest = begin_rest
            for place in range(begins[row], ends[row]):
                if chosen[place] >= 0:
                    column_ends[chosen[place] + 1] -= 1
                    chosen[place] = -1
                rest_at[in_rest] = place
                in_rest += 1
            shape = np.int64(_ALL_IN_REST)
        shape_of[row] = shape
        rest_ends[row + 1] = in_rest
    for column in range(columns):
        column_ends[column + 1] += column_ends[column]
    values = column_ends[columns]
    following = column_ends[:-1].copy()
    for row in range(begins.size):
        for place in range(begins[row], ends[row]):
            column = chosen[place]
            if column >= 0:
                value_at[following[column]] = place
                value_row[following[column]] = row
                following[column] += 1
    return shape_count, values, in_rest


@compiled(types.int64(BYTES, INT64S, INT64S, INT32S, array_of(TEXT), INT64S, types.int64))
def intern_texts(data, ats, sizes, codes, texts, table, generation):
    """Number the distinct texts; how many there are.

    table is scratch, of a power of two of at least twice as many slots as texts. It is never cleared:
    what is in it counts only with this generation in its upper half.
    """
    slots = 16
    while slots < 2 * ats.size:
        slots *= 2
    mask = slots - 1
    count = np.int64(0)
    for place in range(ats.size):
        at, size = ats[place], sizes[place]
        if place > 0:  # like stands beside like
            before = texts[codes[place - 1]]
            if before.size == size and same(data, before.at, data, at, size):
                codes[place] = codes[place - 1]
                continue
        slot = np.int64(hashed(data, at, size)) & mask
        while True:
            if table[slot] >> 32 != generation:
                table[slot] = generation << 32 | count
                texts[count].at = at
                texts[count].size = size
                codes[place] = count
                count += 1
                break
            number = table[slot] & 0xFFFFFFFF
            if texts[number].size == size and same(data, texts[number].at, data, at, size):
                codes[place] = number
                break
            slot = (slot + 1) & mask
    return count


@compiled(types.void(BYTES, array_of(TEXT), INT32S, UINT8S))
def gather_texts(data, texts, ends, target):
    """Copy texts one after the other; ends says where each one goes."""
    for number in range(texts.size):
        copy(data, texts[number].at, texts[number].size, target, np.int64(ends[number]))


@compiled(types.void(INT32S, INT32S, INT32S, UINT8S))
def spread_codes(rows, codes, target, valid):
    """Codes of some rows to a column of all rows."""
    for place in range(rows.size):
        target[rows[place]] = codes[place]
        valid[rows[place]] = 1


@compiled(types.void(INT32S, INT64S, array_of(ATTRIBUTE), INT64S, UINT8S))
def spread_numbers(rows, ats, attributes, target, valid):
    """Numbers of some rows to a column of all rows."""
    for place in range(rows.size):
        target[rows[place]] = attributes[ats[place]].value
        valid[rows[place]] = 1
