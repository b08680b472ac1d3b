"""Datagrams at a steady pace over loopback, as several services would send them.

python -m benchmarks.datagrams PORT --rate 100000 --seconds 5 --bytes 900

sendmmsg(2) through ctypes: Python's own calls would not come to such rates on a core. Prints how many
were sent when it is done.
"""

import argparse
import ctypes
import os
import socket
import struct
import time
from collections.abc import Sequence
from typing import Final

from spanloom_agent.slots import messages_at
from spanloom_model import datagram, wire
from spanloom_model.datagram import Datagram

SERVICES: Final = 16
AT_ONCE: Final = 64
_SEQUENCE_AT: Final = 14


class Burst:
    """AT_ONCE datagrams of one span each, numbered anew each time that they are sent."""

    def __init__(self, udp: socket.socket, size: int) -> None:
        self._udp = udp
        senders = [int.from_bytes(os.urandom(8)) for _ in range(SERVICES)]
        first = [_datagram(number % SERVICES, senders, size) for number in range(AT_ONCE)]
        self._data = bytearray(b"".join(first))
        self._step = len(first[0])
        start = ctypes.addressof((ctypes.c_char * len(self._data)).from_buffer(self._data))
        self._messages = messages_at(start, AT_ONCE, self._step)
        self._send = ctypes.CDLL(None, use_errno=True).sendmmsg
        self._sent = 0

    def send(self) -> int:
        """Send all; how many the kernel took."""
        for number in range(AT_ONCE):
            sequence = (self._sent + number) // SERVICES
            struct.pack_into("!Q", self._data, number * self._step + _SEQUENCE_AT, sequence)
        if self._send(self._udp.fileno(), self._messages, AT_ONCE, 0) != AT_ONCE:
            raise ConnectionError("nobody takes the datagrams")
        self._sent += AT_ONCE
        return AT_ONCE


def _datagram(service: int, senders: Sequence[int], size: int) -> bytes:
    name = f"service-{service:02}"
    payload = wire.field(1, bytes(size - datagram.header_bytes(name) - 3))
    return datagram.encode(
        Datagram(sender=senders[service], service=name, sequence=0, span_count=1, payload=payload)
    )


def send(port: int, rate: int, seconds: float, size: int) -> int:
    """Send at a rate; how many datagrams were sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(("127.0.0.1", port))
        burst = Burst(udp, size)
        began = time.perf_counter()
        sent = 0
        while (passed := time.perf_counter() - began) < seconds:
            while sent < rate * passed:
                sent += burst.send()
            time.sleep(0.0005)
    return sent


def main() -> None:
    """Send, and say how much."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("port", type=int)
    parser.add_argument("--rate", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--bytes", type=int, default=900)
    arguments = parser.parse_args()
    print(send(arguments.port, arguments.rate, arguments.seconds, arguments.bytes))


if __name__ == "__main__":
    main()
