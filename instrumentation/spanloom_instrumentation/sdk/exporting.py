"""Exporters written for `opentelemetry-sdk`, behind the SDK's own queue and thread."""

import threading
from collections.abc import Callable
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from spanloom_instrumentation.forks import renew_in_children
from spanloom_instrumentation.notices import warn_once
from spanloom_instrumentation.queue import SHUTDOWN_S
from spanloom_instrumentation.sdk.processor import contained
from spanloom_instrumentation.sdk.readable import readable
from spanloom_instrumentation.span import Span


class Exporting:
    """Made by the first span of each process: connections and threads do not outlive a fork.

    Above all gRPC's do not: a server that forks its workers must not have used it before. What a
    child has from its parent is left alone, since to close it would wait for threads that are no more.
    """

    hears_starts = False

    def __init__(self, make: Callable[[], SpanExporter]) -> None:
        self._make = make
        self._left_alone: list[Any] = []
        self._processor: Any = None
        self.after_fork()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Begin without a processor."""
        if self._processor is not None:
            self._left_alone.append(self._processor)
        self._processor = None
        self._over = False
        self._one_at_a_time = threading.RLock()  # a signal handler may end a span while one is made

    def on_start(self, span: Span, parent_context: Context | None) -> None:
        """Nothing to do yet."""

    def on_end(self, span: Span) -> None:
        """Give it what the SDK gives."""
        if not span.heritage.sampled:
            return
        with contained("at the end of a span"):
            if processor := self._processor or self._made():
                processor.on_end(readable(span))

    def _made(self) -> Any:
        with self._one_at_a_time:
            if self._processor is None and not self._over:
                try:
                    self._processor = BatchSpanProcessor(self._make())  # reads OTEL_BSP_… itself
                except Exception as exc:  # noqa: BLE001  # a wrong address, say: no span is worth a second try
                    self._over = True
                    warn_once("An exporter cannot be made, and its spans are dropped: %r", exc)
            return self._processor

    def force_flush(self, timeout_millis: int) -> bool:
        """Pass it on."""
        with contained("to flush"):
            return self._processor is None or self._processor.force_flush(timeout_millis) is not False
        return False

    def shutdown(self) -> None:
        """Pass it on, but do not wait as long as an exporter may try, where that can be helped."""
        self._over = True
        if self._processor is None:
            return
        ending = threading.Thread(target=self._shut_down, daemon=True)
        try:
            ending.start()
        except RuntimeError:  # no threads are to be had at the end of CPython 3.12
            self._shut_down()
        else:
            ending.join(SHUTDOWN_S)

    def _shut_down(self) -> None:
        with contained("to shut down"):
            self._processor.shutdown()
