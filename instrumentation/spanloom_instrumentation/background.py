"""Work in a thread of its own, which is started when it is needed."""

import threading
from collections.abc import Callable


class Background:
    """At most one thread; the interpreter ends without waiting for it.

    Not started when it is made: a server that forks its workers has no thread to lose then.
    """

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._name = name
        self._work = work
        self.thread: threading.Thread | None = None

    def runs(self) -> bool:
        """Start it, where that has not happened; whether it could be started."""
        if self.thread is None:
            made = threading.Thread(target=self._work, name=self._name, daemon=True)
            if self.thread is None:  # nobody was quicker; no call since, so nobody can be
                self.thread = made
                try:
                    made.start()
                except RuntimeError:  # no more threads just now, or never again: the interpreter ends
                    self.thread = None
        return self.thread is not None

    def join(self, timeout_s: float) -> None:
        """Wait until the work is done, if it was begun."""
        if self.thread is not None:
            self.thread.join(timeout_s)
