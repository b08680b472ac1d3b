"""Batches on the disk: appended to files, read from the oldest on, bounded by size and age.

A directory is one agent's. Nothing is synced: what a process has written outlives the process, and
what a machine loses with its power was promised to nobody. What was sent when the process died, and
not yet marked as delivered, is sent again by the next one.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from spanloom_agent import frames, spool_file
from spanloom_agent.batch import Batch, Place, joined
from spanloom_agent.counts import Counts
from spanloom_agent.frames import Header
from spanloom_agent.spool_file import SpoolFile
from spanloom_model.errors import MisconfiguredError

FILES: Final = 64
"""So many files the bounds are divided into; what goes at once, when they are reached, is one of them."""
_SUFFIX: Final = ".spool"
_OURS: Final = "[0-9]" * 16 + _SUFFIX


class Disk:
    """The batches in a directory; used by one thread at a time."""

    def __init__(self, directory: Path, counts: Counts, *, max_bytes: int, max_age_s: float) -> None:
        self._directory = directory
        self._counts = counts
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._files: dict[Path, SpoolFile] = {}
        """Oldest first."""
        self._appending: SpoolFile | None = None
        self._number = 0
        self._lock = -1
        self.size_bytes = 0
        """What all files hold, delivered batches among others included."""
        self.waiting = 0
        """How many messages can be taken."""

    def open(self) -> None:
        """Take the directory, and note what an earlier agent has left there.

        Raises MisconfiguredError where another agent has it or it cannot be used.
        """
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for path in sorted(self._directory.glob(_OURS)):
                self._find(path)
        except BlockingIOError:
            os.close(self._lock)
            raise MisconfiguredError(f"the spool {self._directory} is in use by another agent") from None
        except OSError as exc:
            raise MisconfiguredError(f"the spool {self._directory} cannot be used: {exc.strerror}") from exc

    def close(self) -> None:
        """Leave the directory to others."""
        os.close(self._lock)

    def append(self, batch: Batch) -> None:
        """Keep a batch; the oldest go where there is no room. Raises OSError where the disk fails."""
        now_s = time.time()
        size = frames.frame_bytes(batch)
        self._drop_aged(now_s)
        while self._files and self.size_bytes + size > self._max_bytes:
            self._drop(self._oldest(), "spool_full")
        file = self._to_append_to(now_s)
        try:
            file.append(batch, now_s)
        except OSError:
            self._appending = None
            raise
        self._appending = self._files[file.path] = file
        self.size_bytes += size
        self.waiting += len(batch)

    def take(self, max_bytes: int) -> Batch | None:
        """The oldest batches as one, up to *max_bytes* but at least one; they stay until `delivered`."""
        self._drop_aged(time.time())
        batches: list[Batch] = []
        places: list[Place] = []
        room = max_bytes
        while file := next((one for one in self._files.values() if one.message_count), None):
            try:
                header = file.peek()
                if header is None:
                    self._damaged(file)
                    continue
                if batches and header.frame_bytes > room:
                    break
                batch, place = file.take(header)
            except OSError:
                self._damaged(file)
                continue
            self.waiting -= header.message_count
            if batch is None:
                self._passed_over(header)
                self._delete_if_done(file)
            else:
                batches.append(batch)
                places.append(place)
                room -= header.frame_bytes
        return joined(batches, places) if batches else None

    def delivered(self, places: Sequence[Place]) -> None:
        """What was taken from these need not be kept any longer."""
        for place in places:
            file = self._files.get(place.file)
            if file is not None:  # it may have been dropped meanwhile
                with contextlib.suppress(OSError):
                    file.delivered(place.at)
                self._delete_if_done(file)

    def _find(self, path: Path) -> None:
        file, torn, rest_bytes = spool_file.found(path)
        self._files[path] = file
        self._number = int(path.stem)
        self.size_bytes += file.size_bytes
        self.waiting += file.message_count
        if torn is not None:
            self._passed_over(torn)
        elif rest_bytes:
            self._counts.spool_damaged.inc()
        self._delete_if_done(file)

    def _oldest(self) -> SpoolFile:
        return next(iter(self._files.values()))

    def _to_append_to(self, now_s: float) -> SpoolFile:
        file = self._appending
        if (
            file is None
            or file.path not in self._files
            or file.size_bytes > self._max_bytes // FILES
            or now_s - file.began_s > self._max_age_s / FILES
        ):
            self._number += 1
            return SpoolFile(self._directory / f"{self._number:016d}{_SUFFIX}", now_s, now_s)
        return file

    def _drop_aged(self, now_s: float) -> None:
        while self._files and now_s - self._oldest().newest_s > self._max_age_s:
            self._drop(self._oldest(), "spool_age")

    def _drop(self, file: SpoolFile, reason: str) -> None:
        if file.message_count:
            self._counts.drop(reason, file.message_count, file.span_count)
        self._delete(file)

    def _damaged(self, file: SpoolFile) -> None:
        """What is left in a file cannot be read."""
        self._counts.spool_damaged.inc()
        self._counts.drop("damaged", file.message_count, file.span_count)
        self.waiting -= file.message_count
        file.message_count = file.span_count = 0
        self._delete_if_done(file)

    def _passed_over(self, header: Header) -> None:
        self._counts.spool_damaged.inc()
        self._counts.drop("damaged", header.message_count, header.span_count)

    def _delete_if_done(self, file: SpoolFile) -> None:
        if not file.message_count and not file.out:
            self._delete(file)

    def _delete(self, file: SpoolFile) -> None:
        self.waiting -= file.message_count
        self.size_bytes -= file.size_bytes
        del self._files[file.path]
        with contextlib.suppress(OSError):
            file.path.unlink()
