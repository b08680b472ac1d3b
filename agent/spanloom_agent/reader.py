"""Reads a UDP socket when there is something to read, and not too often."""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from typing import Final

from spanloom_agent.slots import COUNT, Slots

REST_S: Final = 0.01
"""How long the socket is left alone after it was emptied. Each time of falling asleep and waking up costs
50 µs, as much as 40 datagrams do. At 100,000 datagrams a second, 1,000 come meanwhile."""
ENOUGH_BYTES: Final = 2**22
"""A receive buffer of this size has room for that many, and more."""
BUSY_S: Final = 0.005
"""How long datagrams are taken before others have their turn on the event loop."""

Take = Callable[[Sequence[int]], None]
"""Take the datagrams that are in the slots, given the length of each."""


class Reader:
    """Gives what comes on a socket to *take*, until closed, and while there *has_room* for it."""

    def __init__(self, udp: socket.socket, slots: Slots, take: Take, *, has_room: Callable[[], bool]) -> None:
        self._udp = udp
        self._slots = slots
        self._take = take
        self._has_room = has_room
        self._loop = asyncio.get_running_loop()
        self._rests = udp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= ENOUGH_BYTES
        self._resting: asyncio.TimerHandle | None = None
        self._listen()

    def close(self) -> None:
        """Take what is there already, and no more."""
        if self._resting is None:
            self._loop.remove_reader(self._udp)
        else:
            self._resting.cancel()
        self._empty()

    def _listen(self) -> None:
        self._resting = None
        self._loop.add_reader(self._udp, self._readable)

    def _readable(self) -> None:
        if not self._has_room() or (self._empty() and self._rests):
            self._loop.remove_reader(self._udp)
            self._resting = self._loop.call_later(REST_S, self._listen)

    def _empty(self) -> bool:
        """Whether there is nothing to do for a while: all is taken, or there is no room for more."""
        until_s = time.monotonic() + BUSY_S
        while lengths := self._slots.receive(self._udp):
            self._take(lengths)
            if len(lengths) < COUNT or not self._has_room():
                break
            if time.monotonic() > until_s:
                return False
        return True
