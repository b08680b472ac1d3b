"""What the GIL gives for nothing, where there is none: see `Span`."""

import functools
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

M = TypeVar("M", bound=Callable[..., Any])

_FREE: Final = not getattr(sys, "_is_gil_enabled", lambda: True)()
_LOCKS: Final = [threading.RLock() for _ in range(64)]
"""Each for some objects: a lock in every span would cost where nobody needs it."""


def _renew() -> None:
    _LOCKS[:] = [threading.RLock() for _ in _LOCKS]


def one_at_a_time(method: M) -> M:
    """Let no two threads be in such methods of one object.

    With a GIL it is left as it is: there, nothing gets between a look and the change that depends on
    it if no call stands between them. A signal handler may enter, with and without.
    """
    if not _FREE:
        return method

    @functools.wraps(method)
    def locked(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _LOCKS[id(self) >> 6 & 63]:
            return method(self, *args, **kwargs)

    return locked  # type: ignore[return-value]  # it is called as the method


if _FREE:
    os.register_at_fork(after_in_child=_renew)  # another thread of the parent may have held one
