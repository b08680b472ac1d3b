"""How much of requests in progress the collector holds in memory at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from spanloom_storage.errors import Overloaded


class Budget:
    """So many bytes for all requests between their first byte and their answer."""

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes

    @contextmanager
    def taking(self, size_bytes: int) -> Iterator[None]:
        """Hold so much while the block runs; raises Overloaded where it is not there."""
        if size_bytes > self._left:
            raise Overloaded("too many requests are in progress")
        self._left -= size_bytes
        try:
            yield
        finally:
            self._left += size_bytes
