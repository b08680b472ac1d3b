"""Work in a thread of its own, which is started when it is needed."""

from collections.abc import Callable

from spanloom_instrumentation.bell import Bell
from spanloom_instrumentation.native import allocate_lock, start_new_thread


class Background:
    """At most one thread; the interpreter ends without waiting for it.

    Not started when it is made: a server that forks its workers has no thread to lose then.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._starting = allocate_lock()
        """Had at once, or somebody else's business: a signal handler never waits for whom it interrupts."""
        self._over = Bell()

    @property
    def begun(self) -> bool:
        """Whether it was started, or is about to be."""
        return self._starting.locked()

    def runs(self) -> bool:
        """Start it, where that has not happened; whether it could be started."""
        if not self.begun and self._starting.acquire(blocking=False):
            try:
                start_new_thread(self._run, ())
            except RuntimeError:  # no more threads just now, or never again: the interpreter ends
                self._starting.release()
        return self.begun

    def _run(self) -> None:
        try:
            self._work()
        finally:
            self._over.ring()

    def join(self, timeout_s: float) -> bool:
        """Wait until the work is done, if it was begun; whether it is."""
        if not self.begun:
            return True
        over = self._over.wait(timeout_s)
        if over:
            self._over.ring()  # for others who wait
        return over
