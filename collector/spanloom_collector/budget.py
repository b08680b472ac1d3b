"""How much of requests in progress the collector holds in memory at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from spanloom_storage.errors import Overloaded


class Share:
    """What one request holds of the budget."""

    def __init__(self, budget: "Budget") -> None:
        self._budget = budget
        self.held_bytes = 0

    def take(self, size_bytes: int) -> None:
        """Hold so much more; raises Overloaded where it is not there."""
        if size_bytes > self._budget.left_bytes:
            raise Overloaded("too many requests are in progress")
        self._budget.left_bytes -= size_bytes
        self.held_bytes += size_bytes


class Budget:
    """So many bytes for all requests between their first byte and their answer."""

    def __init__(self, max_bytes: int) -> None:
        self.left_bytes = max_bytes

    @contextmanager
    def share(self) -> Iterator[Share]:
        """A share that grows as a request does, and is given back when the block ends."""
        share = Share(self)
        try:
            yield share
        finally:
            self.left_bytes += share.held_bytes
