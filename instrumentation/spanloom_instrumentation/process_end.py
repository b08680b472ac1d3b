"""The end of a process: who is to be shut down at it, however the process was begun."""

import atexit
import sys
from typing import Any, Final, Protocol

_LEAVE_BY_THEMSELVES: Final = ("multiprocessing", "billiard")
"""Workers that these fork end by `os._exit`, past `atexit`; billiard is Celery's."""
_LAST: Final = -1_000
"""Finalizers with the lowest priority run last: others may still end spans."""


class Ending(Protocol):
    """What ends with its process."""

    def shutdown(self) -> None:
        """End it; a second call does nothing."""


def end_with_process(ending: Ending) -> None:
    """Shut it down when the interpreter ends, or the worker of a pool that this is."""
    atexit.register(ending.shutdown)
    end_with_worker(ending)


def end_with_worker(ending: Ending) -> None:
    """The same after a fork."""
    for name in _LEAVE_BY_THEMSELVES:
        if util := sys.modules.get(f"{name}.util"):
            # A worker begins by forgetting what was to be done at its end, then does what was registered so.
            util.register_after_fork(ending, lambda one, util=util: _end_with_this_worker(one, util))
            if sys.modules[f"{name}.process"].current_process()._parent_pid is not None:  # noqa: SLF001  # both have it
                _end_with_this_worker(ending, util)


def _end_with_this_worker(ending: Ending, util: Any) -> None:
    util.Finalize(None, ending.shutdown, exitpriority=_LAST)
