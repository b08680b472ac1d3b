"""Eight bytes at once: what makes comparing, hashing and looking for odd bytes cheap."""

from typing import Any

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from spanloom_storage.kernels.compiled import inlined


@intrinsic
def _load(_, data, at):
    """The bytes from a place on as a little-endian number; the place may be odd."""

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        word = builder.bitcast(builder.gep(array.data, [arguments[1]]), ir.IntType(64).as_pointer())
        return builder.load(word, align=1)

    return types.uint64(data, at), generate


@inlined
def _load_checked(data, at):
    """The same where numba is to check every index (NUMBA_BOUNDSCHECK), which it cannot do in `_load`."""
    value = types.uint64(0)
    for position in range(8):
        value |= types.uint64(data[at + position]) << types.uint64(8 * position)
    return value


load: Any = _load_checked if getattr(config, "BOUNDSCHECK", None) else _load
"""load(bytes, at): eight bytes, the first the least; all eight must be there."""


@inlined
def swapped(word):
    """The bytes of a word in the opposite order."""
    word = ((word & types.uint64(0x00FF00FF00FF00FF)) << types.uint64(8)) | (
        (word >> types.uint64(8)) & types.uint64(0x00FF00FF00FF00FF)
    )
    word = ((word & types.uint64(0x0000FFFF0000FFFF)) << types.uint64(16)) | (
        (word >> types.uint64(16)) & types.uint64(0x0000FFFF0000FFFF)
    )
    return (word << types.uint64(32)) | (word >> types.uint64(32))


@inlined
def same(data, at, other, other_at, size):
    """Whether two stretches of bytes are equal."""
    if size >= 8:
        last = at + size - 8
        shift = other_at - at
        while at < last:
            if load(data, at) != load(other, at + shift):
                return False
            at += 8
        return load(data, last) == load(other, last + shift)
    for position in range(size):
        if data[at + position] != other[other_at + position]:
            return False
    return True


@inlined
def hashed(data, at, size):
    """A hash of a stretch of bytes; for tables of our own that live as long as one pass."""
    end = at + size
    value = types.uint64(0x9E3779B97F4A7C15) ^ types.uint64(size)
    if size >= 8:
        while at + 16 < end:
            value = (value ^ load(data, at)) * types.uint64(0xD6E8FEB86659FD93) ^ load(data, at + 8)
            value ^= value >> types.uint64(32)
            at += 16
        if at + 8 < end:
            value = (value ^ load(data, at)) * types.uint64(0xD6E8FEB86659FD93)
            value ^= value >> types.uint64(32)
        value = (value ^ load(data, end - 8)) * types.uint64(0xD6E8FEB86659FD93)
        return value ^ (value >> types.uint64(29))
    while at < end:
        value = (value ^ types.uint64(data[at])) * types.uint64(0x100000001B3)
        at += 1
    value *= types.uint64(0xD6E8FEB86659FD93)
    return value ^ (value >> types.uint64(29))


@inlined
def copy(source, at, size, target, to):
    """Copy a stretch of bytes; where it ended in the target."""
    for position in range(size):
        target[to + position] = source[at + position]
    return to + size


@intrinsic
def _move(_, source, at, size, target, to):
    """What the C library's memcpy does; both stretches must be there, and must not overlap."""

    def generate(context, builder, signature, arguments):
        arrays = [
            context.make_array(signature.args[place])(context, builder, arguments[place]) for place in (0, 3)
        ]
        begin, end = (
            builder.gep(array.data, [arguments[place]]) for array, place in zip(arrays, (1, 4), strict=True)
        )
        cgutils.raw_memcpy(builder, end, begin, arguments[2], 1)
        return context.get_dummy_value()

    return types.void(source, at, size, target, to), generate


@inlined
def _copied_long(source, at, size, target, to):
    _move(source, at, size, target, to)
    return to + size


copy_long: Any = copy if getattr(config, "BOUNDSCHECK", None) else _copied_long
"""The same as `copy`, which is faster for a few bytes and slower for many."""
