"""Whether JSON says too little for its size: taken apart, it would take many times the memory."""

from typing import Final

SPARE_BYTES: Final = 2**16
"""So small a body may be as it likes."""


def is_dense(body: bytes, mark: bytes, *, least_bytes: int) -> bool:
    """Whether the mark stands more often than once in so many bytes."""
    return len(body) > SPARE_BYTES and body.count(mark) * least_bytes > len(body)
