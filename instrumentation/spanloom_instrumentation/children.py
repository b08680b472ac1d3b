"""Children that end by `os._exit`, past `atexit`: multiprocessing's and Celery's have an end of their own."""

import sys
from collections.abc import Callable
from typing import Any, Final

_THEIR_PARENTS: Final = ("multiprocessing.util", "billiard.util")
_LAST: Final = -1_000
"""Finalizers with the lowest priority run last: others may still end spans."""


def at_their_end(owner: Any, shutdown: Callable[[], None]) -> None:
    """In a child of a fork, which does not know yet whether it is such a one: have *shutdown* called."""
    for name in _THEIR_PARENTS:
        if util := sys.modules.get(name):
            # What is asked for now would be forgotten: such children forget what their parent had asked for.
            util.register_after_fork(
                owner, lambda _, util=util: util.Finalize(None, shutdown, exitpriority=_LAST)
            )
