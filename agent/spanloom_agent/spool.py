"""What waits for a collector: in memory what is new, on the disk what memory has no room for.

Messages become batches, by size or after a while. Batches go to the disk, oldest first, from half
of the memory's bound on, and at once while no collector takes any. Old and new ones are taken in
turn, so that a disk full of yesterday's spans does not keep today's from arriving.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final, TypeVar, TypeVarTuple

from spanloom_agent.batch import OVERHEAD_BYTES, Batch, Filling
from spanloom_agent.counts import Counts
from spanloom_agent.disk import Disk

DISK_RETRY_S: Final = 1.0
"""How long the disk is left alone after it would not take a batch."""

_log = logging.getLogger(__name__)

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class Spool:
    """Batches between datagrams and requests, bounded, oldest out first."""

    def __init__(
        self, disk: Disk | None, counts: Counts, *, memory_bytes: int, request_bytes: int, linger_s: float
    ) -> None:
        self._disk = disk
        self._counts = counts
        self._memory_bytes = memory_bytes
        self._batch_bytes = min(request_bytes, memory_bytes // 4)
        self._linger_s = linger_s
        self._filling = Filling()
        self._ripening: asyncio.TimerHandle | None = None
        self._fresh: deque[Batch] = deque()
        self._returned: deque[Batch] = deque()
        """Taken from the disk, and not taken by a collector."""
        self._bytes = 0
        self._out = 0
        """How many batches are taken and not settled."""
        self._out_bytes = 0
        """What those of them take that are not on the disk."""
        self._old_first = False
        self._away = False
        self._ended = False
        self._line = asyncio.Lock()
        self._news = asyncio.Event()
        self._spill_now = asyncio.Event()
        self._disk_thread = ThreadPoolExecutor(1, "spool")
        self.closing = asyncio.Event()
        """Set when nothing more will come: whoever waits for a better moment goes on at once."""
        self.disk_trouble: str | None = None
        """Why the disk takes nothing just now."""
        counts.spool_bytes.labels("memory").set_function(lambda: self._bytes + self._out_bytes)
        counts.spool_bytes.labels("disk").set_function(lambda: disk.size_bytes if disk else 0)

    def put(self, messages: Sequence[bytes | bytearray], spans: Sequence[int]) -> None:
        """Add messages; where there is no room, the oldest go."""
        sizes = [len(message) for message in messages]
        added = sum(sizes) + OVERHEAD_BYTES * len(sizes)
        if self._filling.size_bytes + added > self._batch_bytes:
            self._seal()
            if added > self._batch_bytes and len(messages) > 1:
                middle = len(messages) // 2
                self.put(messages[:middle], spans[:middle])
                self.put(messages[middle:], spans[middle:])
                return
        if not messages:
            return
        self._filling.add(messages, sizes, spans)
        self._bytes += added
        if self._ripening is None:
            self._ripening = asyncio.get_running_loop().call_later(self._linger_s, self._seal)
        self._hold_bounds()

    def has_room(self) -> bool:
        """Whether more should come: while the disk is behind, the kernel's buffer is the better place."""
        return (
            self._disk is None or self.disk_trouble is not None or self._bytes < self._memory_bytes * 3 // 4
        )

    async def take(self) -> Batch | None:
        """The next batch, of old and new ones in turn, once there is one; None when no more will come.

        Whoever takes it tells `settle` what came of it. Who has waited longest is served first.
        """
        async with self._line:
            while (batch := await self._next()) is None:
                if self.closing.is_set() and not self._out:
                    return None
                self._news.clear()
                await self._news.wait()
            self._out += 1
            return batch

    async def settle(self, batch: Batch, settled: int) -> None:
        """So many of the batch's messages are done with, from the first on; the others wait again."""
        self._out -= 1
        if not batch.places:
            self._out_bytes -= batch.size_bytes
        if settled == len(batch):
            if batch.places and self._disk is not None:
                await self._in_thread(self._disk.delivered, batch.places)
        elif batch.places:
            self._returned.appendleft(batch.from_message(settled))
        else:
            rest = batch.from_message(settled)
            self._fresh.appendleft(rest)
            self._bytes += rest.size_bytes
            self._hold_bounds()
        self._news.set()

    def away(self, *, away: bool) -> None:
        """Say whether no collector takes anything: then batches do not wait in memory."""
        self._away = away
        self._hold_bounds()

    def close(self) -> None:
        """Nothing more will come: whoever waits goes on, and takes nothing once memory is empty."""
        self.closing.set()
        self._seal()
        self._news.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Use the disk until left; what is in memory then goes there, or is said to be lost.

        Raises MisconfiguredError where the disk's directory is another agent's or cannot be used.
        """
        if self._disk is not None:
            self._disk.open()
        spilling = asyncio.create_task(self._spill())
        try:
            yield
        finally:
            self._away = self._ended = True
            self._spill_now.set()
            await spilling
            if self._disk is not None:
                await self._in_thread(self._disk.close)
            self._disk_thread.shutdown()
            if given_up := sum(map(len, self._fresh)):
                _log.warning("%d datagrams could not be delivered and are gone", given_up)

    async def _spill(self) -> None:
        """Write to the disk what has no place in memory."""
        while not self._ended or self._must_spill():
            await self._spill_now.wait()
            self._spill_now.clear()
            while self._must_spill():
                if await self._spill_one():
                    continue
                if self._ended:
                    return
                await asyncio.sleep(DISK_RETRY_S)

    async def _next(self) -> Batch | None:
        if self._has_old() and (self._old_first or not self._fresh):
            self._old_first = False
            batch = self._returned.popleft() if self._returned else await self._from_disk()
            if batch is not None:
                return batch
        if self._fresh:
            self._old_first = True
            batch = self._fresh.popleft()
            self._bytes -= batch.size_bytes
            self._out_bytes += batch.size_bytes
            return batch
        return None

    def _has_old(self) -> bool:
        """Whether the disk's turn may come; at the end what is there stays for the next start."""
        if self.closing.is_set() or self._disk is None:
            return False
        return bool(self._returned) or self._disk.waiting > 0

    async def _from_disk(self) -> Batch | None:
        assert self._disk is not None  # noqa: S101  # whoever has old batches has a disk
        return await self._in_thread(self._disk.take, self._batch_bytes)

    def _seal(self) -> None:
        """What was filled is a batch."""
        if self._ripening is not None:
            self._ripening.cancel()
            self._ripening = None
        if len(self._filling):
            self._fresh.append(self._filling.batch())
            self._filling = Filling()
            self._news.set()
            self._spill_if_needed()

    def _hold_bounds(self) -> None:
        while self._bytes > self._memory_bytes:
            if not self._fresh:
                self._seal()
            if not self._fresh:
                break  # the rest is being written to the disk
            oldest = self._fresh.popleft()
            self._bytes -= oldest.size_bytes
            self._counts.drop("memory_full", len(oldest), oldest.span_count)
        self._spill_if_needed()

    def _spill_if_needed(self) -> None:
        if self._must_spill():
            self._spill_now.set()

    def _must_spill(self) -> bool:
        return bool(
            self._disk is not None and self._fresh and (self._away or self._bytes > self._memory_bytes // 2)
        )

    async def _spill_one(self) -> bool:
        """Whether the disk has taken the oldest batch; it takes room in memory until then."""
        assert self._disk is not None  # noqa: S101  # see _must_spill
        batch = self._fresh.popleft()
        try:
            await self._in_thread(self._disk.append, batch)
        except OSError as exc:
            self._note(f"the disk does not take what waits ({exc.strerror})")
            self._counts.spool_writes_failed.inc()
            self._fresh.appendleft(batch)
            return False
        self._note(None)
        self._bytes -= batch.size_bytes
        self._news.set()
        return True

    def _note(self, trouble: str | None) -> None:
        if trouble is not None and self.disk_trouble is None:
            _log.warning("%s; the oldest spans are dropped once memory is full", trouble)
        elif trouble is None and self.disk_trouble is not None:
            _log.warning("the disk takes spans again")
        self.disk_trouble = trouble

    def _in_thread(self, call: Callable[[*Arguments], Result], *arguments: *Arguments) -> Awaitable[Result]:
        """The disk may be slow, and datagrams do not wait. It is one thread: one thing at a time."""
        return asyncio.get_running_loop().run_in_executor(self._disk_thread, call, *arguments)
