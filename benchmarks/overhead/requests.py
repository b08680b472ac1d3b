"""Requests to the service: so many at once, each connection asking again as soon as it is answered.

They take some 30 µs of CPU each, on another core than the service's where there are two. Programs made for
this take less, but would have to be installed, and some of them correct the latencies that they tell.
"""

import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

from benchmarks import measure
from benchmarks.connection import header
from benchmarks.overhead.service import ORDERS

TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of the requests of a while."""

    latencies_s: list[float]
    """In order of size."""
    wall_s: float

    @property
    def mean_ms(self) -> float:
        """How long an answer took on average."""
        return sum(self.latencies_s) / len(self.latencies_s) * 1000

    def quantile_ms(self, part: float) -> float:
        """So great a part of the answers took at most this."""
        return measure.quantile(self.latencies_s, part) * 1000

    @property
    def a_second(self) -> float:
        """How many were answered."""
        return len(self.latencies_s) / self.wall_s


class _Connection:
    def __init__(self, port: int, numbers: Iterator[int]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._numbers = numbers

    def ask(self) -> None:
        self._come = b""
        self._since_s = time.perf_counter()
        self.socket.send(
            b"GET /orders/%d HTTP/1.1\r\nHost: orders\r\nAccept: application/json\r\n\r\n"
            % next(self._numbers)
        )

    def latency_s(self) -> float | None:
        """Read what has come; how long the answer took, or None as long as it is not whole."""
        part = self.socket.recv(65_536)
        now_s = time.perf_counter()
        self._come += part
        end = self._come.find(b"\r\n\r\n")
        if part and end < 0:
            return None
        if not self._come.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(f"the service answers {self._come[:200]!r}")
        size = int(header(self._come[:end].lower(), b"content-length"))
        return now_s - self._since_s if len(self._come) >= end + 4 + size else None


def ask(port: int, *, at_once: int, for_s: float) -> Answers:
    """Ask for a while; raises OSError where the service does not answer with 200."""
    numbers = (number * 7 % ORDERS for number in count())
    latencies_s: list[float] = []
    with selectors.DefaultSelector() as selector:
        connections = [_Connection(port, numbers) for _ in range(at_once)]
        for one in connections:
            selector.register(one.socket, selectors.EVENT_READ, one)
            one.ask()
        began_s = time.perf_counter()
        while (now_s := time.perf_counter()) < began_s + for_s:
            ready = selector.select(TIMEOUT_S)
            if not ready:
                raise TimeoutError("the service does not answer")
            for key, _ in ready:
                latency_s = key.data.latency_s()
                if latency_s is not None:
                    latencies_s.append(latency_s)
                    key.data.ask()
        for one in connections:
            one.socket.close()
    return Answers(sorted(latencies_s), now_s - began_s)
