"""Pages of Parquet files to numbers: headers, levels and the encodings that blocks use.

Nothing here trusts the file: what does not fit into its bytes gives -1, and nothing outside is read
or written. The encodings are those of the Apache Parquet format; headers are in Thrift's compact
protocol.
"""

import numpy as np
from numba import types

from spanloom_storage.kernels.compiled import BYTES, INT32S, INT64S, array_of, compiled, inlined

PAGE = np.dtype(
    [
        ("kind", np.int64),
        ("whole_size", np.int64),
        ("size", np.int64),
        ("checksum", np.int64),
        ("values", np.int64),
        ("encoding", np.int64),
    ]
)
"""What a page's header says; a checksum of -1 is none."""

DATA_PAGE = 0
DICTIONARY_PAGE = 2

_DEEPEST = 4
_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _STRUCT = 0, 1, 2, 3, 7, 8, 12
_INTEGERS = (4, 5, 6)
_VALUES_OF = (5, 7)
"""The fields of a header that hold those of a data page and of a dictionary page."""


@inlined
def _varint(data, at, end):
    """(value, where it ends); ends at -1 where it does not end."""
    value = np.uint64(0)
    shift = np.uint64(0)
    while at < end and shift < 64:
        byte = np.uint64(data[at])
        at += 1
        value |= (byte & np.uint64(0x7F)) << shift
        if byte < np.uint64(0x80):
            return value, at
        shift += np.uint64(7)
    return value, -1


@inlined
def _zigzag(value):
    """A signed number from its unsigned form."""
    return np.int64(value >> np.uint64(1)) ^ -np.int64(value & np.uint64(1))


@inlined
def _note(page, depth, around, field, value):
    """Keep what a field says, if a reader needs it."""
    if depth == 0:
        if field == 1:
            page["kind"] = value
        elif field == 2:
            page["whole_size"] = value
        elif field == 3:
            page["size"] = value
        elif field == 4:
            page["checksum"] = value & 0xFFFFFFFF
    elif depth == 1 and (around == 5 or around == 7):
        if field == 1:
            page["values"] = value
        elif field == 2:
            page["encoding"] = value


@compiled(types.int64(BYTES, types.int64, array_of(PAGE)))
def read_header(data, at, pages):
    """Read the page header that begins at a place into pages[0]; where the page's bytes begin, or -1."""
    page = pages[0]
    page["kind"] = page["whole_size"] = page["size"] = page["values"] = page["encoding"] = -1
    page["checksum"] = -1
    fields = np.zeros(_DEEPEST, np.int64)
    depth = 0
    while at < data.size:
        byte = np.int64(data[at])
        at += 1
        kind = byte & 15
        if kind == _STOP:
            if depth == 0:
                return at if 0 <= page["size"] <= data.size - at else -1
            depth -= 1
            continue
        if byte >> 4:
            fields[depth] += byte >> 4
        else:
            value, at = _varint(data, at, data.size)
            if at < 0:
                return -1
            fields[depth] = _zigzag(value)
        if kind == _BYTE:
            at += 1
        elif kind == _DOUBLE:
            at += 8
        elif kind in _INTEGERS:
            value, at = _varint(data, at, data.size)
            if at < 0:
                return -1
            _note(page, depth, fields[0], fields[depth], _zigzag(value))
        elif kind == _BINARY:
            size, at = _varint(data, at, data.size)
            if at < 0 or size > np.uint64(data.size - at):
                return -1
            at += np.int64(size)
        elif kind == _STRUCT:
            depth += 1
            if depth == _DEEPEST:
                return -1
            fields[depth] = 0
        elif kind not in (_TRUE, _FALSE):
            return -1  # lists and maps are in no header
    return -1


@inlined
def _bits(data, first_bit, width):
    """A number of up to 32 bits, the first the least; all must be there."""
    value = np.uint64(0)
    got = 0
    at = first_bit >> 3
    skipped = first_bit & 7
    while got < width + skipped:
        value |= np.uint64(data[at]) << np.uint64(got)
        got += 8
        at += 1
    return np.int64((value >> np.uint64(skipped)) & ((np.uint64(1) << np.uint64(width)) - np.uint64(1)))


@inlined
def _run(data, at, end, width):
    """The next run of the RLE and bit-packing hybrid: (is it packed, values, value or first byte, next).

    Next is -1 where the run is not whole.
    """
    header, at = _varint(data, at, end)
    if at < 0:
        return False, 0, 0, -1
    count = np.int64(header >> np.uint64(1))
    if header & np.uint64(1):
        if count > (end - at) // max(1, width):
            return True, 0, 0, -1
        return True, 8 * count, at, at + count * width
    size = (width + 7) >> 3
    if size > end - at:
        return False, 0, 0, -1
    value = 0
    for position in range(size):
        value |= np.int64(data[at + position]) << (8 * position)
    return False, count, value, at + size


@compiled(types.UniTuple(types.int64, 2)(BYTES, types.int64, types.int64, INT32S, types.int64))
def read_levels(data, count, first_row, rows, filled):
    """Which of *count* rows have a value; (where the values begin or -1, how many rows are filled).

    Levels of an optional column in a data page of version 1: a length, then runs of one bit.
    """
    if data.size < 4:
        return -1, filled
    size = np.int64(data[0]) | np.int64(data[1]) << 8 | np.int64(data[2]) << 16 | np.int64(data[3]) << 24
    end = 4 + size
    if end > data.size or first_row + count > rows.size:
        return -1, filled
    at = 4
    row = 0
    while row < count:
        packed, values, what, at = _run(data, at, end, 1)
        if at < 0 or values == 0:
            return -1, filled
        values = min(values, count - row)
        if packed:
            for position in range(values):
                if (data[what + (position >> 3)] >> (position & 7)) & 1:
                    rows[filled] = first_row + row + position
                    filled += 1
        elif what:
            for position in range(values):
                rows[filled] = first_row + row + position
                filled += 1
        row += values
    return end, filled


@compiled(types.boolean(BYTES, types.int64, INT32S, types.int64, types.int64))
def read_codes(data, at, codes, begin, code_count):
    """Fill codes from a place on with the places in a dictionary that a page holds."""
    if at >= data.size:
        return begin == codes.size
    width = np.int64(data[at])
    at += 1
    if width > 32:
        return False
    while begin < codes.size:
        packed, values, what, at = _run(data, at, data.size, width)
        if at < 0 or values == 0:
            return False
        values = min(values, codes.size - begin)
        if packed:
            window = np.uint64(0)
            bits = 0
            mask = (np.uint64(1) << np.uint64(width)) - np.uint64(1)
            for position in range(begin, begin + values):
                while bits < width:
                    window |= np.uint64(data[what]) << np.uint64(bits)
                    what += 1
                    bits += 8
                code = np.int64(window & mask)
                window >>= np.uint64(width)
                bits -= width
                if code >= code_count:
                    return False
                codes[position] = code
        else:
            if what >= code_count:
                return False
            codes[begin : begin + values] = what
        begin += values
    return True


@compiled(types.boolean(BYTES, types.int64, INT64S, types.int64))
def read_deltas(data, at, numbers, begin):
    """Fill numbers from a place on with what DELTA_BINARY_PACKED holds."""
    end = data.size
    block, at = _varint(data, at, end)
    if at < 0:
        return False
    parts, at = _varint(data, at, end)
    if at < 0:
        return False
    total, at = _varint(data, at, end)
    if at < 0:
        return False
    first, at = _varint(data, at, end)
    if at < 0 or parts == 0 or parts > 64 or block > 65536 or np.int64(total) != numbers.size - begin:
        return False
    part_size = np.int64(block) // np.int64(parts)
    value = _zigzag(first)
    if begin < numbers.size:
        numbers[begin] = value
        begin += 1
    while begin < numbers.size:
        least, at = _varint(data, at, end)
        widths = at
        at += np.int64(parts)
        if widths < 0 or at > end or part_size == 0:
            return False
        for part in range(np.int64(parts)):
            if begin == numbers.size:
                break
            width = np.int64(data[widths + part])
            if width > 32 or (part_size * width + 7) >> 3 > end - at:
                return False
            for position in range(min(part_size, numbers.size - begin)):
                value += _zigzag(least) + _bits(data, 8 * at + position * width, width)
                numbers[begin] = value
                begin += 1
            at += (part_size * width) >> 3
    return True


@compiled(types.boolean(BYTES, types.int64, INT64S, types.int64))
def read_split(data, at, numbers, begin):
    """Fill numbers of 8 bytes from a place on with what BYTE_STREAM_SPLIT holds."""
    count = numbers.size - begin
    if data.size - at < 8 * count:
        return False
    for place in range(count):
        value = np.uint64(0)
        for byte in range(8):
            value |= np.uint64(data[at + byte * count + place]) << np.uint64(8 * byte)
        numbers[begin + place] = np.int64(value)
    return True


@compiled(types.int64(BYTES, types.int64, types.int64, INT32S, types.uint8[::1]))
def read_texts(data, at, count, ends, texts):
    """Put byte arrays, each after its length, one after the other; how many bytes they are, or -1."""
    size = 0
    ends[0] = 0
    for place in range(count):
        if at + 4 > data.size:
            return -1
        length = (
            np.int64(data[at])
            | np.int64(data[at + 1]) << 8
            | np.int64(data[at + 2]) << 16
            | np.int64(data[at + 3]) << 24
        )
        at += 4
        if length > data.size - at:
            return -1
        for position in range(length):
            texts[size + position] = data[at + position]
        at += length
        size += length
        ends[place + 1] = size
    return size
