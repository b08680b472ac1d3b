"""The writing half: requests in, acknowledged once they are on the disk."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from spanloom_storage.api import Upkeep
from spanloom_storage.batch import SpanRequest
from spanloom_storage.embedded import segment
from spanloom_storage.embedded.catalog import Catalog
from spanloom_storage.embedded.sealer import Sealer
from spanloom_storage.errors import Overloaded, Unavailable

COMMIT_BYTES: Final = 16 * 2**20
"""So much, or one request, is one frame at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Where a writer stops or waits."""

    segment_bytes: int = 48 * 2**20
    """A segment that has so much is sealed."""
    segment_age_s: float = 300.0
    """So is one that is so old, however small it is: blocks are searched faster."""
    max_waiting_bytes: int = 128 * 2**20
    """Beyond this, whoever writes is asked to slow down."""
    room_s: float = 10.0
    """How long a new segment waits for older ones to be sealed before whoever writes is refused."""
    pause_s: float = 1.0
    """How long a disk that failed is left alone."""


DEFAULT_LIMITS: Final = Limits()

_Waiting = list[tuple[SpanRequest, asyncio.Future[None]]]


class EmbeddedWriter:
    """Appends requests to its newest segment; all that wait share one fsync (group commit)."""

    def __init__(
        self,
        catalog: Catalog,
        sealer: Sealer,
        *,
        worker: int = 0,
        limits: Limits = DEFAULT_LIMITS,
        append: Callable[..., None] = segment.append,
    ) -> None:
        self._catalog = catalog
        self._sealer = sealer
        self._worker = worker
        self._limits = limits
        self._append = append
        self._file: BinaryIO | None = None
        self._begun_s = 0.0
        self._failed_s = -limits.pause_s
        self._waiting: _Waiting = []
        self._waiting_bytes = 0
        self._committing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._disk = ThreadPoolExecutor(1, "spanloom-commit")

    async def write(self, request: SpanRequest) -> None:
        """Return when the request's spans are durable."""
        if self._waiting_bytes > self._limits.max_waiting_bytes:
            raise Overloaded("the disk does not keep up with what arrives")
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((request, done))
        self._waiting_bytes += len(request.data)
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_waiting())
        await done

    def on_upkeep(self, hear: Callable[[Upkeep], None]) -> None:
        """Tell *hear* what becomes of segments and blocks."""
        self._sealer.hear = hear

    async def close(self) -> None:
        """Wait for what was taken, then close the segment; the next writer seals it."""
        if self._committing is not None:
            await self._committing
        if self._timer is not None:
            self._timer.cancel()
        await asyncio.to_thread(self._disk.shutdown)
        self._close_file()

    async def _commit_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            taken = self._next()
            try:
                await loop.run_in_executor(self._disk, self._commit, [request for request, _ in taken])
            except OSError as exc:
                _fail(taken, Unavailable(f"the store cannot be written: {exc.strerror}"))
            except Exception as exc:  # noqa: BLE001  # whatever it is, nobody may wait for ever
                _fail(taken, exc)
            else:
                _succeed(taken)
            self._waiting_bytes -= sum(len(request.data) for request, _ in taken)
        self._committing = None
        if self._timer is None:
            self._timer = loop.call_later(self._limits.segment_age_s, self._look_at_age)

    def _look_at_age(self) -> None:
        """Leave a segment that is old, also when nobody writes any more."""
        self._timer = None
        if self._file is None:
            return
        left_s = self._limits.segment_age_s - (time.monotonic() - self._begun_s)
        if left_s <= 0:
            self._disk.submit(self._leave_if_old)
        else:
            self._timer = asyncio.get_running_loop().call_later(left_s, self._look_at_age)

    def _leave_if_old(self) -> None:
        if self._file is not None and time.monotonic() - self._begun_s >= self._limits.segment_age_s:
            self._leave_segment()

    def _next(self) -> _Waiting:
        """What goes into the next frame."""
        size = 0
        for number, (request, _) in enumerate(self._waiting):
            size += len(request.data)
            if number and size > COMMIT_BYTES:
                taken, self._waiting = self._waiting[:number], self._waiting[number:]
                return taken
        taken, self._waiting = self._waiting, []
        return taken

    def _commit(self, requests: list[SpanRequest]) -> None:
        if time.monotonic() - self._failed_s < self._limits.pause_s:
            raise Unavailable("the store could not be written a moment ago")
        self._leave_if_old()
        span_count = sum(request.span_count for request in requests)
        acknowledged_bytes = 0
        try:
            file = self._file or self._begin_segment()
            acknowledged_bytes = file.tell()
            self._append(
                file,
                [request.data for request in requests],
                span_count=span_count,
                received_ns=time.time_ns(),
            )
        except OSError:
            # What the file holds now is unknown, so nothing may follow it there.
            self._failed_s = time.monotonic()
            self._leave_segment(keep=acknowledged_bytes > 0)
            raise
        if file.tell() >= self._limits.segment_bytes:
            self._leave_segment()

    def _begin_segment(self) -> BinaryIO:
        if not self._sealer.wait_for_room(self._limits.room_s):
            raise Overloaded("blocks are not made as fast as spans arrive")
        path = self._catalog.next_segment(self._worker)
        self._sealer.appending_to(path)
        self._begun_s = time.monotonic()
        self._file = path.open("xb")
        segment.sync_directory(path.parent)  # before that its name may not last, nor what is in it
        return self._file

    def _leave_segment(self, *, keep: bool = True) -> None:
        self._close_file(keep=keep)
        self._sealer.appending_to(None)

    def _close_file(self, *, keep: bool = True) -> None:
        if self._file is None:
            return
        with contextlib.suppress(OSError):  # what could not be written was not acknowledged either
            self._file.close()
        if not keep:
            with contextlib.suppress(OSError):
                Path(self._file.name).unlink()
        self._file = None


def _succeed(taken: _Waiting) -> None:
    for _, done in taken:
        if not done.done():  # whoever waited may have been cancelled
            done.set_result(None)


def _fail(taken: _Waiting, reason: Exception) -> None:
    for _, done in taken:
        if not done.done():
            done.set_exception(reason)
