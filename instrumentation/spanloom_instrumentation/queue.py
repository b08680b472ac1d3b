"""Between the application's threads and the one that sends: a bounded queue that never waits."""

import os
import sys
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from opentelemetry.context import Context

from spanloom_instrumentation.bell import Bell
from spanloom_instrumentation.native import start_new_thread
from spanloom_instrumentation.span import Span

MAX_QUEUED_SPANS: Final = 8192
BATCH_SPANS: Final = 512
SEND_INTERVAL_S: Final = 0.2
"""How long a span waits for others to share a datagram with: somebody may be looking at its trace."""
SHUTDOWN_S: Final = 2.0
_NEVER: Final = sys.maxsize


class SpanSender(Protocol):
    """Where the queue leads; `UdpSender` is one."""

    def send(self, spans: Sequence[Span]) -> object:
        """Send the spans; quick, and without raising."""

    def note_dropped(self, span_count: int) -> None:
        """Count spans that were given up on before they reached the sender."""

    def close(self) -> None:
        """Let go of the network."""


class SpanQueue:
    """Queues ended spans and hands them to a sender in a thread of its own.

    When the queue is full the newest span is dropped and counted: those already queued are closer
    to completing a trace. After a fork the child begins with an empty queue; the parent sends what
    was in its own.

    No lock is ever held: a signal handler that ends a span may interrupt any line of this, also one
    that ends a span. What threads need to know of each other is in single values and in bells.
    """

    hears_starts = False

    def __init__(
        self,
        sender: SpanSender,
        *,
        max_queued_spans: int = MAX_QUEUED_SPANS,
        batch_spans: int = BATCH_SPANS,
        send_interval_s: float = SEND_INTERVAL_S,
    ) -> None:
        self._sender = sender
        self._most = max_queued_spans
        self._batch = min(batch_spans, max_queued_spans)
        self._interval_s = send_interval_s
        self._closing = False
        self._begin()
        begin = weakref.WeakMethod(self._begin)
        os.register_at_fork(after_in_child=lambda: (method := begin()) and method())

    def _begin(self) -> None:
        self._queue: deque[Span] = deque()
        self._alarm_at = 0
        """How many queued spans the thread wants to hear of: any while it sleeps, a batch while it waits."""
        self._something = Bell()
        self._hurry = Bell()
        self._waiting: deque[Bell] = deque()
        self._end: Bell | None = None
        """Rung when the thread ends; None while there is none."""

    def on_start(self, span: Span, parent_context: Context | None) -> None:
        """Nothing to do yet."""

    def on_end(self, span: Span) -> None:
        """Queue a sampled span."""
        if not span.heritage.sampled:
            return
        size = len(self._queue)
        if size >= self._most:
            self._sender.note_dropped(1)
            return
        self._queue.append(span)
        if size >= self._alarm_at:
            self._alarm()

    def _alarm(self) -> None:
        if len(self._queue) < self._batch:
            self._alarm_at = self._batch - 1
        else:
            self._alarm_at = _NEVER
            self._hurry.ring()
        if self._runs():
            self._something.ring()
        else:
            self._alarm_at = 0  # the next span tries again

    def _runs(self) -> bool:
        # Started by the first span, not by configure(): a server that forks its workers has none to lose.
        if self._end is None:
            end = Bell()
            if self._end is None:  # nobody was quicker; no call since, so nobody can be
                self._end = end
                try:
                    start_new_thread(self._run, (end,))
                except RuntimeError:  # no more threads just now, or never again: the interpreter ends
                    self._end = None
        return self._end is not None

    def _has_ended(self, timeout_s: float) -> bool:
        ended = self._end is None or self._end.wait(timeout_s)
        if ended and self._end is not None:
            self._end.ring()  # for whoever waits besides
        return ended

    def _run(self, end: Bell) -> None:
        closing = False
        while not closing:
            self._something.wait()
            closing = self._closing
            if not closing and not self._waiting:
                self._hurry.wait(self._interval_s)
            self._send_round()
        end.ring()

    def _send_round(self) -> None:
        waiting = len(self._waiting)
        self._alarm_at = 0  # before the queue is looked at: what comes later rings again
        while self._queue:
            count = min(self._batch, len(self._queue))
            self._sender.send([self._queue.popleft() for _ in range(count)])
        for _ in range(waiting):
            self._waiting.popleft().ring()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Let the thread send what is queued; whether it could in time."""
        if self._closing:
            # Whoever closes it sends what is left; two would send the same sequence twice.
            return self._has_ended(timeout_millis / 1000) and not self._queue
        if self._end is None and not self._queue:
            return True
        done = Bell()
        self._waiting.append(done)
        if not self._runs():
            self._send_round()
        self._something.ring()
        self._hurry.ring()
        return done.wait(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Send what is queued and end the thread, within two seconds; a second call does nothing."""
        if self._closing:
            return
        self._most = 0  # what comes now is counted, not queued
        self._closing = True
        self._something.ring()
        self._hurry.ring()
        if self._end is None:
            self._send_round()
        else:
            self._has_ended(SHUTDOWN_S)
        self._sender.note_dropped(len(self._queue))
        self._sender.close()
