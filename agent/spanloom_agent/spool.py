"""What waits for the collector: bounded, oldest out first."""

import asyncio
from collections import deque
from typing import Final

from spanloom_agent.counts import Counts

OVERHEAD_BYTES: Final = 64
"""What a message takes in memory besides its bytes."""


class Spool:
    """OTLP messages in the order they came, at most *max_bytes* of them."""

    def __init__(self, max_bytes: int, counts: Counts) -> None:
        self._max_bytes = max_bytes
        self._counts = counts
        self._messages: deque[bytes] = deque()
        self._bytes = 0
        self._in_hand = 0
        self._filled = asyncio.Event()
        self.closing = asyncio.Event()
        """Set when nothing more will come: whoever waits for a better moment goes on at once."""

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def size_bytes(self) -> int:
        """How much waits."""
        return self._bytes

    def close(self) -> None:
        """Nothing more will come: whoever waits goes on, and takes nothing once it is empty."""
        self.closing.set()
        self._filled.set()

    def put(self, message: bytes) -> None:
        """Add a message; where there is no room, the oldest go."""
        self._messages.append(message)
        self._bytes += _size(message)
        while self._bytes > self._max_bytes:
            self._bytes -= _size(self._messages.popleft())
            self._counts.datagrams_dropped.labels("spool_full").inc()
        self._show()
        self._filled.set()

    async def wait(self) -> None:
        """Return when there is something to take, or nothing will come."""
        await self._filled.wait()

    def take(self, max_bytes: int) -> list[bytes]:
        """The oldest messages, up to *max_bytes* but at least one; what was taken before is done with."""
        taken: list[bytes] = []
        size = 0
        while self._messages and (not taken or size + _size(self._messages[0]) <= max_bytes):
            message = self._messages.popleft()
            taken.append(message)
            size += _size(message)
        self._bytes -= size
        self._in_hand = size
        self._show()
        if not self._messages and not self.closing.is_set():
            self._filled.clear()
        return taken

    def _show(self) -> None:
        self._counts.spool_bytes.set(self._bytes + self._in_hand)


def _size(message: bytes) -> int:
    return len(message) + OVERHEAD_BYTES
