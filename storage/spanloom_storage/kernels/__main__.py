"""Compile the kernels and keep them; later starts load them in a tenth of a second."""

from spanloom_storage.kernels import (
    arrange,
    check,
    decode,
    enclose,
    encode,
    locate,
    pages,
    pivot,
    resources,
    select,
    take,
)

kernels = (check, decode, encode, enclose, arrange, pivot, select, take, pages, locate, resources)
print("compiled:", *(kernel.__name__ for kernel in kernels))
