"""How a kernel is compiled: ahead of time, kept on disk, free of the GIL."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba import types

BYTES = types.Array(types.uint8, 1, "C", readonly=True)
"""In a signature: bytes that a kernel reads and never changes."""
UINT8S = types.uint8[::1]
INT32S = types.int32[::1]
INT64S = types.int64[::1]
UINT32S = types.uint32[::1]
UINT64S = types.uint64[::1]
INT64_PAIRS = types.int64[:, ::1]

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def array_of(record: np.dtype[np.void]) -> Any:
    """In a signature: rows of a record."""
    return types.Array(numba.from_dtype(record), 1, "C")


def compiled(signature: Any) -> Callable[[Kernel], Kernel]:
    """Compile for exactly this signature when the module is imported, or load what was kept."""

    def compile_now(kernel: Kernel) -> Kernel:
        try:
            return cast(Kernel, numba.njit(signature, cache=True, nogil=True)(kernel))
        except RuntimeError:
            # Nowhere to keep it: neither beside the source nor in a home. Every start compiles then.
            return cast(Kernel, numba.njit(signature, nogil=True)(kernel))

    return compile_now


def inlined(function: Kernel) -> Kernel:
    """Compile into each kernel that calls it."""
    return cast(Kernel, numba.njit(forceinline=True)(function))
