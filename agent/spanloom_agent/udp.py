"""UDP sockets with a large receive buffer, and what the kernel dropped because even that was full."""

import contextlib
import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from spanloom_model import address

_SO_RCVBUFFORCE: Final = 33
"""socket(7); Python has no name for it."""
_INODE, _DROPS = 9, 12
"""Columns of /proc/net/udp (proc_net_udp(5)); the kernel counts drops since the socket was made."""


def bind(listen: str, buffer_bytes: int) -> socket.socket:
    """A socket that does not block. Raises MisconfiguredError as `address.bind` does."""
    udp = address.bind(listen, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    if sys.platform == "linux":
        # Beyond net.core.rmem_max, where this process is allowed to.
        with contextlib.suppress(PermissionError):
            udp.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer_bytes)
    udp.settimeout(0)
    return udp


def port(udp: socket.socket) -> str:
    """The port it is bound to."""
    return str(udp.getsockname()[1])


def buffer_bytes(udp: socket.socket) -> int:
    """The receive buffer that the kernel allows."""
    # Linux says twice what was asked for, since it keeps its own records there too.
    allowed = udp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    return allowed // 2 if sys.platform == "linux" else allowed


def kernel_drops(sockets: Iterable[socket.socket]) -> dict[str, int]:
    """Datagrams that found each port's buffer full; nothing where the system does not say."""
    ports = {str(os.fstat(udp.fileno()).st_ino): port(udp) for udp in sockets}
    drops: dict[str, int] = {}
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in Path(table).read_text().splitlines()[1:]:
                columns = line.split()
                if columns[_INODE] in ports:
                    drops[ports[columns[_INODE]]] = int(columns[_DROPS])
    return drops
