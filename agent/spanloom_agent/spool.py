"""What waits for the collector: bounded, oldest out first."""

import asyncio
from collections import deque

from spanloom_agent.counts import Counts


class Spool:
    """OTLP messages in the order they came, at most *max_bytes* of them."""

    def __init__(self, max_bytes: int, counts: Counts) -> None:
        self._max_bytes = max_bytes
        self._counts = counts
        self._messages: deque[bytes] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._closed = False

    @property
    def size_bytes(self) -> int:
        """How much waits."""
        return self._bytes

    @property
    def closed(self) -> bool:
        """Whether nothing more will come."""
        return self._closed

    def close(self) -> None:
        """Nothing more will come: whoever waits goes on, and takes nothing once it is empty."""
        self._closed = True
        self._filled.set()

    def put(self, message: bytes) -> None:
        """Add a message; where there is no room, the oldest go."""
        self._messages.append(message)
        self._bytes += len(message)
        while self._bytes > self._max_bytes:
            self._bytes -= len(self._messages.popleft())
            self._counts.datagrams_dropped.labels("spool_full").inc()
        self._counts.spool_bytes.set(self._bytes)
        self._filled.set()

    async def wait(self) -> None:
        """Return when there is something to take, or nothing will come."""
        await self._filled.wait()

    def take(self, max_bytes: int) -> list[bytes]:
        """The oldest messages, up to *max_bytes* but at least one if there is any."""
        taken: list[bytes] = []
        size = 0
        while self._messages and (not taken or size + len(self._messages[0]) <= max_bytes):
            message = self._messages.popleft()
            taken.append(message)
            size += len(message)
        self._bytes -= size
        self._counts.spool_bytes.set(self._bytes)
        if not self._messages and not self._closed:
            self._filled.clear()
        return taken
