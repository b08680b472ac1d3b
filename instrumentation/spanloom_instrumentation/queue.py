"""Between the application's threads and the one that sends: a bounded queue that never waits."""

import contextlib
import os
import threading
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

MAX_QUEUED_SPANS: Final = 8192
BATCH_SPANS: Final = 512
SEND_INTERVAL_S: Final = 0.2
"""How long a span waits for others to share a datagram with: somebody may be looking at its trace."""
SHUTDOWN_S: Final = 2.0


class SpanSender(Protocol):
    """Where the queue leads; `UdpSpanExporter` is one."""

    def export(self, spans: Sequence[ReadableSpan]) -> object:
        """Send the spans; quick, and without raising."""

    def note_dropped(self, span_count: int) -> None:
        """Count spans that were given up on before they reached the sender."""

    def shutdown(self) -> None:
        """Let go of the network."""


class SpanQueue(SpanProcessor):
    """Queues ended spans and hands them to a sender in a thread of its own.

    When the queue is full the newest span is dropped and counted: those already queued are closer
    to completing a trace. After a fork the child begins with an empty queue; the parent sends what
    was in its own.
    """

    def __init__(self, sender: SpanSender, *, max_queued_spans: int = MAX_QUEUED_SPANS) -> None:
        self._sender = sender
        self._max_queued_spans = max_queued_spans
        self._shut_down = False
        self._begin()
        begin = weakref.WeakMethod(self._begin)
        os.register_at_fork(after_in_child=lambda: (method := begin()) and method())

    def _begin(self) -> None:
        self._queue: deque[ReadableSpan] = deque()
        self._something = threading.Event()
        self._hurry = threading.Event()
        self._sending = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a sampled span."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if self._shut_down or len(self._queue) >= self._max_queued_spans:
            self._sender.note_dropped(1)
            return
        self._queue.append(span)
        if not self._something.is_set() or self._thread is None:
            self._something.set()
            self._ensure_thread()
        if len(self._queue) >= BATCH_SPANS:
            self._hurry.set()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what is queued, in the caller's thread."""
        if not self._sending.acquire(timeout=timeout_millis / 1000):
            return False
        try:
            self._send_all()
        finally:
            self._sending.release()
        return True

    def shutdown(self) -> None:
        """Send what is queued and end the thread, within two seconds; a second call does nothing."""
        if self._shut_down:
            return
        self._shut_down = True
        self._something.set()
        self._hurry.set()
        if self._thread is None:
            self.force_flush(int(SHUTDOWN_S * 1000))
        else:
            self._thread.join(SHUTDOWN_S)
        self._sender.note_dropped(len(self._queue))
        self._sender.shutdown()

    def _ensure_thread(self) -> None:
        # Started by the first span, not by configure(): a server that forks its workers has none to lose.
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="spanloom-send", daemon=True)
                with contextlib.suppress(RuntimeError):  # no more threads just now; the next span tries again
                    thread.start()
                    self._thread = thread

    def _run(self) -> None:
        while not self._shut_down:
            self._something.wait()
            self._hurry.wait(SEND_INTERVAL_S)
            self._hurry.clear()
            self._something.clear()
            with self._sending:
                self._send_all()
        with self._sending:
            self._send_all()

    def _send_all(self) -> None:
        while self._queue:
            count = min(BATCH_SPANS, len(self._queue))
            self._sender.export([self._queue.popleft() for _ in range(count)])
