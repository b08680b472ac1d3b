"""The end of a process: who is to be shut down at it, however the process was begun."""

import atexit
import sys
from typing import Protocol


class Ending(Protocol):
    """What ends with its process."""

    def shutdown(self) -> None:
        """End it; a second call does nothing."""


def end_with_process(ending: Ending) -> None:
    """Shut it down when the interpreter ends, or the worker of `multiprocessing` that this is."""
    atexit.register(ending.shutdown)
    end_with_worker(ending)


def end_with_worker(ending: Ending) -> None:
    """The same after a fork: `multiprocessing` leaves workers that it forked without asking `atexit`."""
    if util := sys.modules.get("multiprocessing.util"):
        # A worker begins by forgetting what was to be done at its end, then does what was registered so.
        util.register_after_fork(ending, _end_with_this_worker)
        if sys.modules["multiprocessing.process"].parent_process():
            _end_with_this_worker(ending)


def _end_with_this_worker(ending: Ending) -> None:
    sys.modules["multiprocessing.util"].Finalize(None, ending.shutdown, exitpriority=0)
