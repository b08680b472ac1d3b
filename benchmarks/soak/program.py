"""An application at work: threads and an event loop that make spans at a steady rate, and time themselves.

python -m benchmarks.soak.program AGENT [--seconds 60] [--spans-a-second 12000] [--times FILE]

Ends in order, after a while or when it is told to (SIGTERM). Prints as JSON how many spans it has made, sent
and given up on. FILE gets three numbers of each operation, in seconds: when it began on the monotonic clock,
how long it took, and how long a span took that has nothing in it.
"""

import argparse
import asyncio
import json
import signal
import threading
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from opentelemetry.trace import SpanKind, Tracer

from spanloom_instrumentation import TracerProvider
from spanloom_instrumentation.datagrams import UdpSender
from spanloom_instrumentation.queue import SpanQueue
from spanloom_instrumentation.resource import Resource

THREADS: Final = 3
TASKS: Final = 10
"""Together they do as much as one thread."""
SPANS: Final = 4
"""Of an operation."""
BODY: Final = {"lines": [{"product": number, "quantity": 1} for number in range(20)]}


class Shift:
    """How long all of them work."""

    def __init__(self, seconds: float) -> None:
        self._until_s = time.monotonic() + seconds
        self._called_off = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: self._called_off.set())

    def turns(self, first_s: float, every_s: float) -> Iterator[tuple[int, float]]:
        """Each turn's number, and how long to wait for it."""
        for number in count():
            now_s, due_s = time.monotonic(), first_s + number * every_s
            if due_s >= self._until_s or self._called_off.is_set():
                return
            yield number, max(0.0, due_s - now_s)


@dataclass
class Worker:
    """What one thread, or the event loop, has done."""

    tracer: Tracer
    made: int = 0
    times_s: "array[float]" = field(default_factory=lambda: array("d"))

    def operate(self, number: int) -> None:
        """What a service does for a request."""
        began_s = time.monotonic()
        with self.tracer.start_as_current_span(
            "GET /orders/{order}",
            kind=SpanKind.SERVER,
            attributes={"order.id": f"o-{number}", "shop": "north"},
        ) as span:
            with self.tracer.start_as_current_span("SELECT orders", attributes={"db.rows": number % 20}):
                json.dumps(BODY)
            with self.tracer.start_as_current_span("GET stock", kind=SpanKind.CLIENT):
                json.dumps(BODY)
            span.add_event("answered", {"bytes": 1000})
        ended_s = time.monotonic()
        self.tracer.start_span("nothing").end()
        self.times_s.extend((began_s, ended_s - began_s, time.monotonic() - ended_s))
        self.made += SPANS


def work(worker: Worker, shift: Shift, every_s: float) -> None:
    """A thread's work."""
    for number, wait_s in shift.turns(time.monotonic(), every_s):
        time.sleep(wait_s)
        worker.operate(number)


async def work_in_turns(worker: Worker, shift: Shift, every_s: float) -> None:
    """The event loop's work."""

    async def task(first_s: float) -> None:
        for number, wait_s in shift.turns(first_s, every_s * TASKS):
            await asyncio.sleep(wait_s)
            worker.operate(number)

    now_s = time.monotonic()
    await asyncio.gather(*(task(now_s + place * every_s) for place in range(TASKS)))


def main() -> None:
    """Work, end in order, and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("agent")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--spans-a-second", type=float, default=12_000)
    parser.add_argument("--times", type=Path, metavar="FILE")
    options = parser.parse_args()
    sender = UdpSender(options.agent)
    provider = TracerProvider(resource=Resource.of_this_process({"service.name": "soak"}))
    provider.add_span_processor(SpanQueue(sender))
    workers = [Worker(provider.get_tracer("benchmarks.soak")) for _ in range(THREADS + 1)]
    shift = Shift(options.seconds)
    every_s = SPANS * len(workers) / options.spans_a_second
    threads = [threading.Thread(target=work, args=(worker, shift, every_s)) for worker in workers[1:]]
    for thread in threads:
        thread.start()
    asyncio.run(work_in_turns(workers[0], shift, every_s))
    for thread in threads:
        thread.join()
    provider.shutdown()
    if options.times:
        with options.times.open("wb") as file:
            for worker in workers:
                worker.times_s.tofile(file)
    made = sum(worker.made for worker in workers)
    print(json.dumps({"made": made, "sent": sender.sent_count, "dropped": sender.dropped_count}))


if __name__ == "__main__":
    main()
