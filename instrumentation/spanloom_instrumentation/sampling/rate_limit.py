"""About so many traces a second, whatever the traffic, each telling with what probability it was kept.

Dapper's adaptive sampling (4.4): not "the first ten of each second", which would say nothing of the
rest, but a probability that follows the traffic. It depends on what has come before and never on the
trace that it is used for, so adjusted counts add up to what was made, on average exactly.
"""

import time
from collections.abc import Callable
from math import exp, inf
from typing import Final

from spanloom_instrumentation.forks import renew_in_children
from spanloom_instrumentation.sampling.sampler import Intent, Start
from spanloom_model.ot_entry import threshold_of

AT_ONCE: Final = 10.0
_LEAST_WINDOW_S: Final = 1.0
_LONGEST_WINDOW_S: Final = 86_400.0
_ALL: Final = Intent(threshold=0)


class RateLimited:
    """Keeps all while no more come than wanted, else the part that amounts to it; for each process.

    What has come counts for less the longer ago it was: after a window, for a third. A window is as
    long as it takes to keep *at_once*, and a second at least. After a pause as many are kept of a
    burst as a window has room for, and then ever fewer: of B at once, room × (1 + ln(B ÷ room)).

    Without a lock: threads that start a trace at the same moment may count one instead of two.
    """

    follows_parent = False

    def __init__(
        self, per_second: float, *, at_once: float = AT_ONCE, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        if not 0 < per_second < inf:
            raise ValueError(f"a rate is above 0 traces a second, not {per_second}")
        self._per_second = per_second
        self._window_s = min(max(_LEAST_WINDOW_S, at_once / per_second), _LONGEST_WINDOW_S)
        self._room = per_second * self._window_s
        self._now_s = now_s
        self.after_fork()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Begin with what a child has seen: nothing."""
        self._seen = 0.0
        self._at_s = self._now_s()

    def intent(self, start: Start) -> Intent:  # noqa: ARG002  # all traces are alike
        """All, or what there is room for of as many as were seen lately."""
        now_s = self._now_s()
        seen = self._seen * exp(min(0.0, self._at_s - now_s) / self._window_s)
        self._seen, self._at_s = seen + 1, now_s
        return _ALL if seen <= self._room else Intent(threshold=threshold_of(self._room / seen))

    def shutdown(self) -> None:
        """There is nothing."""

    def __str__(self) -> str:
        return f"RateLimited{{{self._per_second}}}"
