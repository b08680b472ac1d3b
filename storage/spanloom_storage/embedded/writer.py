"""The writing half: batches in, acknowledged once they are on the disk."""

import asyncio
import contextlib
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow as pa

from spanloom_storage.batch import SpanBatch
from spanloom_storage.embedded import segment
from spanloom_storage.errors import Overloaded, Unavailable

SEGMENT_BYTES: Final = 64 * 2**20
MAX_WAITING_BYTES: Final = 128 * 2**20


class EmbeddedWriter:
    """Appends batches to the newest segment; all that wait share one fsync (group commit)."""

    def __init__(self, directory: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._file: BinaryIO | None = None
        self._waiting: list[tuple[SpanBatch, asyncio.Future[None]]] = []
        self._waiting_bytes = 0
        self._committing: asyncio.Task[None] | None = None
        self._disk: Executor = ThreadPoolExecutor(1, "spanloom-commit")
        self._tidying: Executor = ThreadPoolExecutor(1, "spanloom-rewrite")

    async def write(self, batch: SpanBatch) -> None:
        """Return when the batch is durable."""
        if self._waiting_bytes > MAX_WAITING_BYTES:
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
        self._disk.shutdown()
        self._tidying.shutdown(cancel_futures=True)
        self._abandon()

    async def _commit_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            taken, self._waiting, self._waiting_bytes = self._waiting, [], 0
            batches = [batch for batch, _ in taken]
            try:
                await loop.run_in_executor(self._disk, self._append, pa.concat_tables(batches))
            except OSError as exc:
                _fail(taken, Unavailable(f"the store cannot be written: {exc.strerror}"))
            except Exception as exc:  # noqa: BLE001  # whatever it is, nobody may wait for ever
                _fail(taken, exc)
            else:
                _succeed(taken)
        self._committing = None

    def _append(self, spans: SpanBatch) -> None:
        file = self._file or self._begin()
        try:
            segment.append(file, spans)
        except OSError:
            # What the file holds now is unknown, so nothing may follow it there.
            self._abandon()
            raise
        if file.tell() >= self._segment_bytes:
            self._abandon()

    def _begin(self) -> BinaryIO:
        path = segment.next_segment_path(self._directory)
        self._file = path.open("xb")
        segment.sync_directory(self._directory)
        # All segments before this one are at rest now, those of earlier runs too.
        self._tidying.submit(self._rewrite_resting)
        return self._file

    def _abandon(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # what could not be written was not acknowledged either
                self._file.close()
            self._file = None

    def _rewrite_resting(self) -> None:
        for path in segment.resting_paths(self._directory):
            segment.rewrite(path)


def _succeed(taken: list[tuple[SpanBatch, asyncio.Future[None]]]) -> None:
    for _, done in taken:
        if not done.done():  # whoever waited may have been cancelled
            done.set_result(None)


def _fail(taken: list[tuple[SpanBatch, asyncio.Future[None]]], reason: Exception) -> None:
    for _, done in taken:
        if not done.done():
            done.set_exception(reason)
