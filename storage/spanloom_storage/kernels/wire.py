"""Protobuf's wire format, of bytes that `check` has passed: nothing here looks at a length again."""

import numpy as np

from spanloom_storage.kernels.compiled import inlined


@inlined
def varint(data, at):
    """(value, where it ends)."""
    value = np.uint64(data[at])
    at += 1
    if value < np.uint64(0x80):  # nearly always
        return value, at
    value &= np.uint64(0x7F)
    shift = np.uint64(7)
    while True:
        byte = np.uint64(data[at])
        at += 1
        value |= (byte & np.uint64(0x7F)) << shift
        if byte < np.uint64(0x80):
            return value, at
        shift += np.uint64(7)


@inlined
def field(data, at):
    """(tag, where its payload begins, where it ends); a varint's payload is the varint."""
    tag, at = varint(data, at)
    wire_type = tag & np.uint64(7)
    begin = at
    if wire_type == 2:
        size, begin = varint(data, at)
        at = begin + np.int64(size)
    elif wire_type == 0:
        _, at = varint(data, at)
    elif wire_type == 1:
        at += 8
    else:
        at += 4
    return tag, begin, at


@inlined
def fixed32(data, at):
    """Four bytes as a number."""
    value = np.uint32(0)
    for position in range(4):
        value |= np.uint32(data[at + position]) << np.uint32(8 * position)
    return value


@inlined
def varint_size(value):
    """How many bytes a number takes as a varint."""
    size = 1
    while value >= np.uint64(0x80):
        value >>= np.uint64(7)
        size += 1
    return size


@inlined
def put_varint(target, to, value):
    """Write a varint; where it ended."""
    while value >= np.uint64(0x80):
        target[to] = np.uint8(value & np.uint64(0x7F)) | np.uint8(0x80)
        value >>= np.uint64(7)
        to += 1
    target[to] = np.uint8(value)
    return to + 1


@inlined
def put_fixed64(target, to, value):
    """Write eight bytes, the least first; where they ended."""
    for position in range(8):
        target[to + position] = np.uint8((value >> np.uint64(8 * position)) & np.uint64(0xFF))
    return to + 8
