"""A UDP socket that is there when it is needed."""

import os
import socket
import time
from typing import Any, Final

from spanloom_model import address

SEND_TIMEOUT_S: Final = 0.1
RESOLVE_EVERY_S: Final = 30.0


class Socket:
    """Datagrams to one address; opened by the first, and again after a fork or a while."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._udp: socket.socket | None = None
        self._where: tuple[Any, ...] = ()
        self._opened = 0, 0.0

    def send(self, data: bytes) -> None:
        """Send one datagram; raises OSError or MisconfiguredError where that is not possible."""
        process, since_s = self._opened
        fresh = process == os.getpid() and time.monotonic() - since_s <= RESOLVE_EVERY_S
        udp = self._udp if self._udp is not None and fresh else self._open()
        # Not connected: a connected socket fails the next datagram when nobody heard the last one.
        udp.sendto(data, self._where)

    def _open(self) -> socket.socket:
        # The name is asked again now and then: an agent in a container comes back at another address.
        family, self._where = address.resolve(*address.split(self._target), socket.SOCK_DGRAM)
        self.close()
        self._udp = socket.socket(family, socket.SOCK_DGRAM)
        self._udp.settimeout(SEND_TIMEOUT_S)
        self._opened = os.getpid(), time.monotonic()
        return self._udp

    def close(self) -> None:
        """Close it; a later send opens it again."""
        if self._udp is not None:
            self._udp.close()
            self._udp = None
