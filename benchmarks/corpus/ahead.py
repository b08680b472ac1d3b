"""Requests that are there when they are asked for."""

import queue
import threading
from collections.abc import Iterator

from benchmarks.corpus.generator import Request


def ahead(requests: Iterator[Request], *, most: int = 64) -> Iterator[Request]:
    """The same requests, made by a thread of its own, up to so many before their time (27 MB).

    Making 16,000 spans takes 30 ms at once; whoever waited for it would not send at full speed.
    """
    waiting: queue.Queue[Request | None] = queue.Queue(most)

    def make() -> None:
        try:
            for request in requests:
                waiting.put(request)
        finally:
            waiting.put(None)

    threading.Thread(target=make, daemon=True).start()
    yield from iter(waiting.get, None)
