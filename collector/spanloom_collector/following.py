"""Files and addresses whose content may change while the collector runs."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.error import HTTPError
from urllib.request import urlopen

from spanloom_model.errors import MisconfiguredError

LOOK_EVERY_S: Final = 1.0
URL_TIMEOUT_S: Final = 1.0

_log = logging.getLogger(__name__)


class Follower:
    """Has what a source says taken whenever it says something else.

    What cannot be read or taken leaves the old in place, and is told in `trouble` and the log.
    """

    def __init__(
        self, what: str, read: Callable[[], bytes], take: Callable[[bytes], None], *, settles: bool = False
    ) -> None:
        self._what = what
        self._read = read
        self._take = take
        self._settles = settles
        """Take only what was read twice alike: somebody may be writing just now."""
        self._taken: bytes | None = None
        self._refused: bytes | None = None
        self._seen: bytes | None = None
        self.trouble: str | None = None
        """Why the newest is not in force, in one sentence; None while it is."""

    def start(self) -> None:
        """Take what is there; raises MisconfiguredError where it cannot be read or taken."""
        try:
            self._seen = self._read()
            self._take(self._seen)
        except OSError as exc:
            raise MisconfiguredError(self._unreadable(exc)) from exc
        except MisconfiguredError as exc:
            raise MisconfiguredError(f"{self._what}: {exc}") from exc
        self._taken = self._seen

    async def look(self) -> None:
        """Take what is there if it is something else."""
        try:
            found = await asyncio.to_thread(self._read)
        except OSError as exc:
            self._tell(self._unreadable(exc))
            return
        settled = not self._settles or found == self._seen
        self._seen = found
        if not settled or found == self._refused:
            return
        self._refused = None
        if found == self._taken:
            self.trouble = None
            return
        try:
            self._take(found)
        except MisconfiguredError as exc:
            self._refused = found
            self._tell(f"{self._what} cannot be used as changed; what was there before stays in force: {exc}")
            return
        self._taken, self.trouble = found, None
        _log.info("%s changed, and what is there now is in force", self._what)

    @asynccontextmanager
    async def running(self, every_s: float = LOOK_EVERY_S) -> AsyncIterator[None]:
        """Look again and again until left."""

        async def run() -> None:
            while True:
                await asyncio.sleep(every_s)
                await self.look()

        looking = asyncio.create_task(run())
        try:
            yield
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking

    def _tell(self, trouble: str) -> None:
        if trouble != self.trouble:
            _log.warning("%s", trouble)
        self.trouble = trouble

    def _unreadable(self, exc: OSError) -> str:
        return f"{self._what} cannot be read: {exc.strerror or exc}"


def file_reader(path: Path) -> Callable[[], bytes]:
    """What a file says."""
    return path.read_bytes


def url_reader(url: str) -> Callable[[], bytes]:
    """What an http or https address says, within a second."""

    def read() -> bytes:
        try:
            with urlopen(url, timeout=URL_TIMEOUT_S) as answer:  # noqa: S310  # whoever made it has looked
                return bytes(answer.read())
        except HTTPError as exc:
            exc.close()
            raise

    return read
