"""The writing half: batches in, acknowledged once they are on the disk."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow as pa

from spanloom_storage.batch import SpanBatch
from spanloom_storage.embedded import segment
from spanloom_storage.errors import Overloaded, Unavailable

SEGMENT_BYTES: Final = 64 * 2**20
MAX_WAITING_BYTES: Final = 128 * 2**20
PAUSE_S: Final = 1.0
"""How long a disk that failed is left alone."""


class EmbeddedWriter:
    """Appends batches to the newest segment; all that wait share one fsync (group commit)."""

    def __init__(
        self,
        directory: Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
        pause_s: float = PAUSE_S,
        append: Callable[[BinaryIO, SpanBatch], None] = segment.append,
    ) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._max_waiting_bytes = max_waiting_bytes
        self._append = append
        self._file: BinaryIO | None = None
        self._pause_s = pause_s
        self._failed_at = -pause_s
        self._waiting: list[tuple[SpanBatch, asyncio.Future[None]]] = []
        self._waiting_bytes = 0
        self._committing: asyncio.Task[None] | None = None
        self._disk = ThreadPoolExecutor(1, "spanloom-commit")
        self._rewriter = _Rewriter(directory)

    async def write(self, batch: SpanBatch) -> None:
        """Return when the batch is durable."""
        if self._waiting_bytes > self._max_waiting_bytes:
            raise Overloaded("the disk does not keep up with what arrives")
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((batch, done))
        self._waiting_bytes += batch.nbytes
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_waiting())
        await done

    async def close(self) -> None:
        """Wait for what was taken, then close the segment."""
        if self._committing is not None:
            await self._committing
        await asyncio.to_thread(self._disk.shutdown)
        await asyncio.to_thread(self._rewriter.close)
        self._leave_segment()

    async def _commit_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            taken, self._waiting = self._waiting, []
            batches = [batch for batch, _ in taken]
            try:
                await loop.run_in_executor(self._disk, self._commit, pa.concat_tables(batches))
            except OSError as exc:
                _fail(taken, Unavailable(f"the store cannot be written: {exc.strerror}"))
            except Exception as exc:  # noqa: BLE001  # whatever it is, nobody may wait for ever
                _fail(taken, exc)
            else:
                _succeed(taken)
            self._waiting_bytes -= sum(batch.nbytes for batch in batches)
        self._committing = None

    def _commit(self, spans: SpanBatch) -> None:
        if time.monotonic() - self._failed_at < self._pause_s:
            raise Unavailable("the store could not be written a moment ago")
        file = self._file or self._begin_segment()
        acknowledged_bytes = file.tell()
        try:
            self._append(file, spans)
        except OSError:
            # What the file holds now is unknown, so nothing may follow it there.
            self._failed_at = time.monotonic()
            self._leave_segment()
            if not acknowledged_bytes:
                Path(file.name).unlink()
            raise
        if file.tell() >= self._segment_bytes:
            self._leave_segment()

    def _begin_segment(self) -> BinaryIO:
        path = segment.next_segment_path(self._directory)
        self._file = path.open("xb")
        segment.sync_directory(self._directory)
        # All segments before this one are at rest now, those of earlier runs too.
        self._rewriter.wake()
        return self._file

    def _leave_segment(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # what could not be written was not acknowledged either
                self._file.close()
            self._file = None


class _Rewriter:
    """Rewrites segments at rest in a thread of its own, each once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._done: set[Path] = set()
        self._closing = threading.Event()
        self._thread = ThreadPoolExecutor(1, "spanloom-rewrite")

    def wake(self) -> None:
        """Have a look at what is at rest now."""
        self._thread.submit(self._rewrite_resting)

    def close(self) -> None:
        """End after the segment in hand."""
        self._closing.set()
        self._thread.shutdown(cancel_futures=True)

    def _rewrite_resting(self) -> None:
        for path in segment.resting_paths(self._directory):
            if self._closing.is_set():
                return
            if path not in self._done:
                with contextlib.suppress(OSError):  # a full disk; the segment is good as it is
                    segment.rewrite(path)
                self._done.add(path)


def _succeed(taken: list[tuple[SpanBatch, asyncio.Future[None]]]) -> None:
    for _, done in taken:
        if not done.done():  # whoever waited may have been cancelled
            done.set_result(None)


def _fail(taken: list[tuple[SpanBatch, asyncio.Future[None]]], reason: Exception) -> None:
    for _, done in taken:
        if not done.done():
            done.set_exception(reason)
