"""Deaths by SIGTERM, where the program leaves them to the system: its last spans are sent first.

Otherwise they would be lost with every container that is stopped: uvicorn, for one, ends its
requests in order and then raises the signal again to die of it, past `atexit`.
"""

import contextlib
import os
import signal
import sys
from _thread import get_ident
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any, Final

from spanloom_instrumentation.bell import Bell
from spanloom_instrumentation.native import start_new_thread
from spanloom_instrumentation.provider import TracerProvider

FLUSH_S: Final = 1.0
_SIGTERM: Final = frozenset({signal.SIGTERM})

_raise: Final[Callable[[int], None]] = signal.raise_signal


def flush_at_sigterm(provider: TracerProvider) -> None:
    """Until the program sets a handler of its own; called before its first line."""
    # Children are left to die at once: a pool kills its own and waits, and Python heeds no handler
    # where a signal comes a moment before a thread begins to wait for a lock.
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL and "--multiprocessing-fork" not in sys.orig_argv:
        handler = partial(_flush_and_die, provider)
        signal.signal(signal.SIGTERM, handler)
        _leave_children_alone(handler)
    # Workers of uvicorn have put the system's back when they die.
    signal.raise_signal = partial(_flush_and_raise, provider)


def _leave_children_alone(handler: Any) -> None:
    masks: dict[int, Any] = {}

    def before() -> None:
        # A child forgets signals that Python has caught for it before it could look: these wait.
        masks[get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGTERM)

    def in_parent() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.pop(get_ident()))

    def in_child() -> None:
        if signal.getsignal(signal.SIGTERM) is handler:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        in_parent()

    os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=in_child)


def _flush_and_die(provider: TracerProvider, number: int, _: FrameType | None) -> None:
    _flush(provider)
    ours = signal.signal(number, signal.SIG_DFL)
    _raise(number)
    signal.signal(number, ours)  # still here: the system does not let a container's first process die so


def _flush_and_raise(provider: TracerProvider, signalnum: int, /) -> None:
    if signalnum == signal.SIGTERM and signal.getsignal(signalnum) is signal.SIG_DFL:
        _flush(provider)
    _raise(signalnum)


def _flush(provider: TracerProvider) -> None:
    # In another thread, and without `threading`: whatever this one holds is no reason to wait longer.
    flushed = Bell()
    with contextlib.suppress(RuntimeError):  # there are no more threads: the interpreter ends anyway
        start_new_thread(_flush_and_ring, (provider, flushed))
        flushed.wait(FLUSH_S)


def _flush_and_ring(provider: TracerProvider, flushed: Bell) -> None:
    provider.force_flush(int(FLUSH_S * 1000))
    flushed.ring()
