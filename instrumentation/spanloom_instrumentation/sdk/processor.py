"""Span processors written for `opentelemetry-sdk`, in our pipeline."""

import contextlib
from collections.abc import Iterator
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanProcessor

from spanloom_instrumentation.notices import warn_once
from spanloom_instrumentation.sdk.readable import readable
from spanloom_instrumentation.span import Span


class SdkProcessor:
    """Calls a processor as the SDK would; what it raises is not the application's business."""

    def __init__(self, processor: SpanProcessor) -> None:
        self._processor: Any = processor  # what begins is a span of ours, which has all that theirs have
        self.hears_starts = getattr(type(processor), "on_start", None) is not SpanProcessor.on_start

    def on_start(self, span: Span, parent_context: Context | None) -> None:
        """Let it look, or set attributes."""
        with contained("at the start of a span"):
            self._processor.on_start(span, parent_context=parent_context)

    def on_end(self, span: Span) -> None:
        """Give it what the SDK gives: a span that can only be read."""
        with contained("at the end of a span"):
            self._processor.on_end(readable(span))

    def force_flush(self, timeout_millis: int) -> bool:
        """Pass it on."""
        with contained("to flush"):
            return self._processor.force_flush(timeout_millis) is not False
        return False

    def shutdown(self) -> None:
        """Pass it on."""
        with contained("to shut down"):
            self._processor.shutdown()


@contextlib.contextmanager
def contained(when: str) -> Iterator[None]:
    """Whatever is raised inside is told once, and no further."""
    try:
        yield
    except Exception as exc:  # noqa: BLE001  # whatever it is
        warn_once(f"A span processor failed {when}: %r", exc)
