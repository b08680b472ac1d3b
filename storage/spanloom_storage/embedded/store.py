"""The store as a whole: its directory, its lock, its two halves."""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from spanloom_model.errors import MisconfiguredError
from spanloom_storage.api import OpenWriter, SpanReader, SpanWriter
from spanloom_storage.embedded.catalog import BLOCKS, SEGMENTS, Catalog
from spanloom_storage.embedded.reader import EmbeddedReader
from spanloom_storage.embedded.sealer import Retention, Sealer, Worker
from spanloom_storage.embedded.segment import sync_directory
from spanloom_storage.embedded.writer import DEFAULT_LIMITS, EmbeddedWriter, Limits

FORMAT: Final = "2"

_FORMAT_FILE: Final = "format"


class EmbeddedStorage:
    """A directory of segments and blocks: one process writes, or those it forks; any number read."""

    def __init__(
        self, directory: Path, *, retention: Retention | None = None, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self._directory = directory
        self._retention = retention or Retention()
        self._limits = limits

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[SpanWriter]:
        """The only writer of the directory, or MisconfiguredError."""
        with self.writers(1) as (only,):
            async with only() as writer:
                yield writer

    @contextmanager
    def writers(self, count: int) -> Iterator[Sequence[OpenWriter]]:
        """The only writers of the directory, or MisconfiguredError: processes that inherit its lock."""
        _create(self._directory)
        check_format(self._directory)
        with locked(self._directory):
            yield [partial(self._worker, Worker(number, count)) for number in range(count)]

    @asynccontextmanager
    async def _worker(self, worker: Worker) -> AsyncIterator[SpanWriter]:
        catalog = Catalog(self._directory)
        sealer = Sealer(catalog, self._retention, worker)
        writer = EmbeddedWriter(catalog, sealer, worker=worker.number, limits=self._limits)
        sealer.start()
        try:
            yield writer
        finally:
            await writer.close()
            await asyncio.to_thread(sealer.close)

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[SpanReader]:
        """One more reader; the directory may still be empty, but a wrong path is told."""
        if not self._directory.is_dir():
            raise MisconfiguredError(f"there is no data directory {self._directory}")
        check_format(self._directory)
        yield EmbeddedReader(self._directory)


def open_embedded(rest: str) -> EmbeddedStorage:
    """The backend `embedded:DIR`, or `embedded:DIR?retention_hours=336&retention_gb=50`."""
    directory, _, options = rest.partition("?")
    if not directory:
        raise MisconfiguredError("embedded: takes a directory, as in embedded:/var/lib/spanloom")
    return EmbeddedStorage(Path(directory).expanduser(), retention=_retention(dict(parse_qsl(options))))


def _retention(options: dict[str, str]) -> Retention:
    """How long spans are kept; 0 means for ever."""
    try:
        hours, gigabytes = (float(options.pop(name, 0)) for name in ("retention_hours", "retention_gb"))
    except ValueError as exc:
        raise MisconfiguredError(f"embedded: takes numbers for retention, not {exc.args[0]}") from exc
    if options:
        raise MisconfiguredError(f"embedded: has no option {next(iter(options))!r}")
    return Retention(
        age_s=hours * 3600 if hours else None, size_bytes=int(gigabytes * 1e9) if gigabytes else None
    )


def _create(directory: Path) -> None:
    """Make the directory and say which format is in it."""
    try:
        for part in (SEGMENTS, BLOCKS):
            (directory / part).mkdir(parents=True, exist_ok=True)
        if not (directory / _FORMAT_FILE).exists():
            _say_format(directory)
    except OSError as exc:
        raise MisconfiguredError(f"the data directory {directory} cannot be written: {exc.strerror}") from exc


def _say_format(directory: Path) -> None:
    """In one step: whoever looks meanwhile, or after a crash, sees the whole file or none."""
    draft = directory / f"{_FORMAT_FILE}.draft"
    with draft.open("w") as file:
        file.write(FORMAT + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(directory / _FORMAT_FILE)
    sync_directory(directory)
    sync_directory(directory.parent)


def check_format(directory: Path) -> None:
    """Refuse what another version has written; nothing written yet is fine."""
    try:
        found = (directory / _FORMAT_FILE).read_text().strip()
    except FileNotFoundError:
        return
    except OSError as exc:
        raise MisconfiguredError(f"the data directory {directory} cannot be read: {exc.strerror}") from exc
    if found != FORMAT:
        raise MisconfiguredError(f"the data directory {directory} is of format {found}, this is {FORMAT}")


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory's lock; the kernel lets go of it when the process dies."""
    try:
        lock = (directory / "lock").open("a+")
    except OSError as exc:
        raise MisconfiguredError(f"the data directory {directory} cannot be written: {exc.strerror}") from exc
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise MisconfiguredError(
                f"the data directory {directory} is in use by another Spanloom (process {holder})"
            ) from exc
        with contextlib.suppress(OSError):  # on a full disk the lock holds too, without a name
            os.truncate(lock.fileno(), 0)
            os.write(lock.fileno(), f"{os.getpid()}\n".encode())
        yield
