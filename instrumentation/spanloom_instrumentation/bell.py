"""One thread waits until another rings, or has rung."""

import contextlib
import threading

from spanloom_instrumentation.native import allocate_lock


class Bell:
    """Rung by releasing a lock, heard by acquiring it.

    Unlike `threading.Event`, which has a lock inside that its user holds for a moment, it may be
    rung by a signal handler that has interrupted somebody who rings it.
    """

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()

    def ring(self) -> None:
        """Let one wait be over, now or the next; ringing twice is ringing once."""
        with contextlib.suppress(RuntimeError):
            self._lock.release()

    def wait(self, timeout_s: float = -1) -> bool:
        """Return once it is rung; False when it was not in time."""
        return self._lock.acquire(timeout=min(timeout_s, threading.TIMEOUT_MAX))
