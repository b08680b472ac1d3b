"""Writes numbers as texts have them. Each says where it ended."""

import numpy as np

from spanloom_storage.kernels.compiled import inlined


@inlined
def put_decimal(out, at, value, width):
    """With as many zeros before it as its width wants."""
    digits, rest = 1, value // np.uint64(10)
    while rest:
        digits += 1
        rest //= np.uint64(10)
    digits = max(digits, width)
    for place in range(digits - 1, -1, -1):
        out[at + place] = np.uint8(48 + np.int64(value % np.uint64(10)))
        value //= np.uint64(10)
    return at + digits


@inlined
def put_hex(out, at, value, width):
    """So many of its last digits."""
    for place in range(width - 1, -1, -1):
        digit = np.int64(value & np.uint64(15))
        out[at + place] = np.uint8(48 + digit if digit < 10 else 87 + digit)
        value >>= np.uint64(4)
    return at + width
