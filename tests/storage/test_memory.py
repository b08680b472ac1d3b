"""The memory backend keeps the contract, and its limit."""

import pytest

from spanloom_storage.api import Storage
from spanloom_storage.memory import MemoryStorage
from spanloom_storage.testing import StorageContract, checked_of
from spanloom_storage.testing.samples import span


class TestMemoryStorage(StorageContract):
    """Everything that every backend promises."""

    @pytest.fixture
    def storage(self) -> Storage:
        """An empty store."""
        return MemoryStorage()


async def test_oldest_batches_go_when_the_limit_is_reached() -> None:
    """A process that keeps spans in memory does not grow without end."""
    storage = MemoryStorage(max_spans=2)
    for number in range(1, 6):
        await storage.write(checked_of([span(number, number)]))
    assert (await storage.trace(span(3).trace_id)).num_rows == 0
    assert (await storage.trace(span(4).trace_id)).num_rows == 1
