"""Locks and threads of the system, also where `gevent` puts its own in their place, sooner or later.

Theirs do not wake threads, and one that waits for a lock of the system's stops all that gevent
runs: half of the one and half of the other would keep the application waiting for ever.
"""

import _thread
import sys
import threading
from collections.abc import Callable
from typing import Any


def _of_the_system(name: str) -> Any:
    gevent = sys.modules.get("gevent.monkey")
    return gevent.get_original("_thread", name) if gevent else getattr(_thread, name)


allocate_lock: Callable[[], threading.Lock] = _of_the_system("allocate_lock")
reentrant_lock: Callable[[], threading.RLock] = _of_the_system("RLock")
start_new_thread: Callable[..., int] = _of_the_system("start_new_thread")
