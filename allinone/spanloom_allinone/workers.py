"""Several processes that do the same on one port: forked, kept, ended together."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final, NoReturn, TypeAlias

from spanloom_model.errors import MisconfiguredError

Work: TypeAlias = Callable[[int, "Tether"], None]
"""Do the work of a worker, by its number, until SIGTERM or until the tether is cut."""

PAUSE_S: Final = 1.0
"""A worker that ends by itself is replaced at once, but not more often than this."""


_ENDS: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Tether:
    """What ties a worker to the process that has forked it."""

    alive: int
    """Readable, at its end, once that process is no more."""
    _ready: int

    def say_ready(self) -> None:
        """The worker is at work now."""
        os.write(self._ready, b".")


class Workers:
    """Forks workers from a process that has no threads, and lets no place stay empty."""

    def __init__(self, count: int, work: Work) -> None:
        self._count = count
        self._work = work
        self._alive, self._hold = os.pipe()
        self._numbers: dict[int, int] = {}
        """Worker by process."""
        self._stopping = False

    def start(self) -> None:
        """Return when all of them are at work; raises SystemExit where one cannot begin."""
        for one in _ENDS:
            signal.signal(one, self._stop)
        for number in range(self._count):
            if not self._fork(number):
                self._stop(signal.SIGTERM, None)
                self.watch()
                sys.exit(1)  # the worker has said why

    def watch(self) -> None:
        """Replace workers that end, until this process is told to end and all of them have."""
        while self._numbers:
            process, status = os.wait()
            number = self._numbers.pop(process)
            if not self._stopping:
                told = os.waitstatus_to_exitcode(status)
                print(f"Worker {number} ended ({told}); another begins.", file=sys.stderr, flush=True)
                time.sleep(PAUSE_S)
                self._fork(number)

    def _fork(self, number: int) -> bool:
        """Whether a worker is at work now, or none is wanted any more."""
        ready, say_ready = os.pipe()
        with _signals_later():
            if self._stopping:
                return True
            process = os.fork()
            if not process:
                os.close(ready)
                self._be(number, Tether(self._alive, say_ready))
            self._numbers[process] = number
        os.close(say_ready)
        begun = os.read(ready, 1)
        os.close(ready)
        return bool(begun) or self._stopping

    def _be(self, number: int, tether: Tether) -> NoReturn:
        os.close(self._hold)
        os.setpgid(0, 0)  # Ctrl-C is for the parent, which tells its workers
        for one in _ENDS:
            signal.signal(one, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
        code = 1
        try:
            self._work(number, tether)
            code = 0
        except MisconfiguredError as exc:
            print(f"spanloom: {exc}", file=sys.stderr)
        except BaseException:  # noqa: BLE001  # nothing of the parent's may run in a worker that fails
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(code)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self._stopping and number == signal.SIGINT:
            number = signal.SIGKILL  # asked twice: now
        self._stopping = True
        for process in self._numbers:
            os.kill(process, number)


@contextmanager
def _signals_later() -> Iterator[None]:
    """Between deciding to fork and knowing the new process, nobody is told to end."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
