"""How a kernel is compiled: at its first call, kept on disk."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(kernel: Kernel) -> Kernel:
    """For the types that it is first called with; free of the GIL."""
    return cast(Kernel, numba.njit(cache=True, nogil=True)(kernel))
