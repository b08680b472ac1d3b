"""What begins anew in a forked child, where only the thread that forked goes on."""

import os
from typing import Final, Protocol
from weakref import WeakSet


class Forked(Protocol):
    """Something that belongs to one process."""

    def after_fork(self) -> None:
        """Begin anew: this is a child."""


_FORKED: Final[WeakSet[Forked]] = WeakSet()


def renew_in_children(one: Forked) -> None:
    """Tell it of each fork, in the child, for as long as it is there."""
    _FORKED.add(one)


def _after_fork() -> None:
    for one in list(_FORKED):
        one.after_fork()


os.register_at_fork(after_in_child=_after_fork)
