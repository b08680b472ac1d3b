"""How a kernel is compiled: ahead of time, kept on disk, free of the GIL."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

REQUEST = "Array(uint8, 1, 'C', readonly=True)"
"""In a signature: the bytes of a request, which a kernel reads and never changes."""

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(signature: str) -> Callable[[Kernel], Kernel]:
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
    return cast(Kernel, numba.njit(inline="always")(function))
