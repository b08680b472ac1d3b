"""Between the application's threads and the one that sends: a bounded queue that never waits."""

import contextlib
import sys
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from opentelemetry.context import Context

from spanloom_instrumentation.background import Background
from spanloom_instrumentation.bell import Bell
from spanloom_instrumentation.forks import renew_in_children
from spanloom_instrumentation.native import allocate_lock
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
        """Say what is left to say, and let go of the network; quick, and without raising."""


class SpanQueue:
    """Queues ended spans and hands them to a sender in a thread of its own.

    When the queue is full the newest span is dropped and counted: those already queued are closer
    to completing a trace. After a fork the child begins with an empty queue; the parent sends what
    was in its own.

    No lock is ever waited for: a signal handler that ends a span may interrupt any line of this, also
    one that ends a span. What threads need to know of each other is in single values, in bells, and in
    locks that are either had at once or somebody else's business.
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
        self.after_fork()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Begin with nothing queued, and no thread."""
        self._queue: deque[Span] = deque()
        self._alarm_at = 0
        """How many queued spans the thread wants to hear of: any while it sleeps, a batch while it waits."""
        self._something = Bell()
        self._hurry = Bell()
        self._waiting: set[Bell] = set()
        self._sending = allocate_lock()
        # Started by the first span, not by configure(): a server that forks its workers has none to lose.
        self._thread = Background(self._run)

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
        if self._thread.runs():
            self._something.ring()
        else:
            self._alarm_at = 0  # the next span tries again

    def _run(self) -> None:
        closing = False
        while not closing:
            self._something.wait()
            closing = self._closing
            if not closing and not self._waiting:
                self._hurry.wait(self._interval_s)
            self._send_round(last=closing)

    def _send_round(self, *, last: bool = False) -> bool:
        """Send what is queued, and close the sender behind the *last*.

        False where somebody is at it, perhaps the very one who is interrupted.
        """
        if not self._sending.acquire(blocking=False):
            return False
        try:
            waiting = self._waiting.copy()
            self._alarm_at = 0  # before the queue is looked at: what comes later rings again
            left = len(self._queue)  # and is not waited for, or under load nobody's flush would ever be done
            while left > 0 and (spans := self._taken(min(left, self._batch))):
                left -= len(spans)
                self._sender.send(spans)
            if last:
                self._sender.close()
            for one in waiting:
                one.ring()
        finally:
            self._sending.release()
        return True

    def _taken(self, most: int) -> list[Span]:
        """The first ones; fewer where another thread takes at the same time."""
        found: list[Span] = []
        with contextlib.suppress(IndexError):
            while len(found) < most:
                found.append(self._queue.popleft())
        return found

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Let the thread send what is queued; whether it could in time."""
        timeout_s = timeout_millis / 1000
        if self._closing and self._thread.begun:
            return self._thread.join(timeout_s)
        if not self._thread.begun and not self._queue:
            return True
        done = Bell()
        self._waiting.add(done)
        try:
            if self._closing or not self._thread.runs():
                return self._send_round()
            self._something.ring()
            self._hurry.ring()
            return done.wait(timeout_s)
        finally:
            self._waiting.discard(done)

    def shutdown(self) -> None:
        """Send what is queued and end the thread, within two seconds; a second call does nothing."""
        if self._closing:
            return
        self._most = 0  # what comes now is counted, not queued
        self._closing = True
        self._something.ring()
        self._hurry.ring()
        if self._thread.begun:
            self._thread.join(SHUTDOWN_S)
        else:
            self._send_round(last=True)
        # Taken away too: a thread that is stuck until later must not send what is counted as dropped.
        self._sender.note_dropped(len(self._taken(len(self._queue))))
