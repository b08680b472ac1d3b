"""Sends requests to a collector at full speed, or at a given one, with little work of its own.

python -m benchmarks.loader [--to 127.0.0.1:4318] [--spans 1000000] [--request-spans 1000] [--seed 1]
    [--connections 4] [--spans-a-second 0] [--json FILE]

Each connection is a thread that writes and waits; the corpus lies in a file before the clock starts.
"""

import argparse
import threading
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks import measure
from benchmarks.connection import Connection, Sends, header
from benchmarks.corpus import Corpus, Request
from benchmarks.corpus.files import spooled

_TAKEN: Final = {200, 202}
_RETRIED: Final = {429, 503}
_RETRY_AFTER_S: Final = 1.0
"""Where the answer does not say."""


class RefusedError(Exception):
    """An answer that sending again would not change."""


@dataclass
class Load:
    """What became of it."""

    spans: int = 0
    """Acknowledged."""
    answers: Counter[int] = field(default_factory=Counter)
    """How many had which status."""
    connected_again: int = 0
    """How often a connection had ended before the answer was there; the request was sent again."""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    """The sending threads' own."""
    latencies_s: "array[float]" = field(default_factory=lambda: array("f"))
    """Of requests acknowledged, from their first byte to the end of the answer; 4 bytes each."""

    def add(self, other: "Load") -> None:
        """What another connection has done at the same time."""
        self.spans += other.spans
        self.answers += other.answers
        self.connected_again += other.connected_again
        self.cpu_s += other.cpu_s
        self.latencies_s += other.latencies_s

    def row(self) -> dict[str, object]:
        """For a table."""
        ordered = sorted(self.latencies_s)
        return {
            "spans": self.spans,
            "spans/s": self.spans / self.wall_s if self.wall_s else 0.0,
            "request p50 ms": measure.quantile(ordered, 0.5) * 1000,
            "p99 ms": measure.quantile(ordered, 0.99) * 1000,
            "answers": " ".join(f"{status}:{count}" for status, count in sorted(self.answers.items())),
            "connected again": self.connected_again,
            "loader CPU s": self.cpu_s,
        }


class _Source:
    """Hands out requests, each to one thread, none before its time."""

    def __init__(self, requests: Iterator[Request], spans_a_second: float) -> None:
        self._requests = requests
        self._rate = spans_a_second
        self._lock = threading.Lock()
        self._given = 0
        self._began = time.monotonic()
        self._stopped = False

    def stop(self) -> None:
        """Another thread has failed."""
        self._stopped = True

    def following(self) -> Request | None:
        """The next one; None at the end."""
        with self._lock:
            found = None if self._stopped else next(self._requests, None)
            if found is None:
                return None
            due = self._began + self._given / self._rate if self._rate else 0.0
            self._given += found.span_count
        if due > (now := time.monotonic()):
            time.sleep(due - now)
        return found


def send(  # noqa: PLR0913  # each of them one benchmark or another sets
    requests: Iterator[Request],
    *,
    to: str,
    connections: int = 4,
    spans_a_second: float = 0.0,
    load: Load | None = None,
    connect: Callable[[str], Sends] = Connection,
) -> Load:
    """Send requests over so many connections, and return when all are acknowledged.

    0 spans a second is as fast as they are taken. 429 and 503 wait as Retry-After says and try again,
    a connection that breaks is made anew; any other answer but 200 and 202 raises RefusedError, nobody
    listening ConnectionRefusedError. *load* gets the figures even then.
    """
    load = Load() if load is None else load
    source = _Source(requests, spans_a_second)
    parts = [Load() for _ in range(connections)]
    errors: list[Exception] = []

    def run(part: Load) -> None:
        try:
            with connect(to) as connection:
                while (following := source.following()) is not None:
                    _deliver(connection, following, part)
        except Exception as exc:  # noqa: BLE001  # raised again by the thread that waits
            errors.append(exc)
            source.stop()
        part.cpu_s = time.thread_time()

    threads = [threading.Thread(target=run, args=(part,)) for part in parts]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.wall_s += time.monotonic() - began
    for part in parts:
        load.add(part)
    if errors:
        raise errors[0]
    return load


def _deliver(connection: Sends, request: Request, load: Load) -> None:
    """Send one request until it is acknowledged."""
    while True:
        began = time.monotonic()
        try:
            status, head = connection.post(request.data)
        except ConnectionError:
            load.connected_again += 1
            time.sleep(0.1)
            connection.again()
            continue
        load.answers[status] += 1
        if status in _TAKEN:
            load.latencies_s.append(time.monotonic() - began)
            load.spans += request.span_count
            return
        if status not in _RETRIED:
            raise RefusedError(head.decode(errors="replace"))
        time.sleep(float(header(head, b"retry-after") or _RETRY_AFTER_S))


def main() -> None:
    """Send a corpus to what listens already."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--to", default="127.0.0.1:4318")
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--request-spans", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--spans-a-second", type=float, default=0.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    corpus = Corpus(arguments.spans, seed=arguments.seed, request_spans=arguments.request_spans)
    with spooled(corpus.requests()) as requests:
        load = send(
            requests(),
            to=arguments.to,
            connections=arguments.connections,
            spans_a_second=arguments.spans_a_second,
        )
    measure.report([load.row()], to=arguments.json)


if __name__ == "__main__":
    main()
