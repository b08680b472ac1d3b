"""What happens to spans when they start and end."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from opentelemetry.context import Context

if TYPE_CHECKING:
    from spanloom_instrumentation.span import Span


class Processor(Protocol):
    """A stage that all recorded spans pass, in the thread that starts or ends them; never raises."""

    hears_starts: bool
    """Whether `on_start` does anything; most do not, and calls are what spans cost."""

    def on_start(self, span: "Span", parent_context: Context | None) -> None:
        """Look at a span that has begun, or say something of it."""

    def on_end(self, span: "Span") -> None:
        """Take a span that has ended: it is the processor's now, to read."""

    def force_flush(self, timeout_millis: int) -> bool:
        """Bring away what has ended; whether that was possible in time."""

    def shutdown(self) -> None:
        """Bring away what has ended and let go of everything; in bounded time."""


class Pipeline:
    """The processors of a provider, in the order in which they were added."""

    __slots__ = ("ended", "processors", "starting")

    def __init__(self) -> None:
        self.processors: tuple[Processor, ...] = ()
        self.starting: tuple[Processor, ...] = ()
        self.ended: Callable[[Span], None] = self._all_ended

    def add(self, processor: Processor) -> None:
        """Add one behind the others; spans that have begun meet it at their end."""
        self.processors += (processor,)
        self.starting = tuple(one for one in self.processors if one.hears_starts)
        # With a single one, as usual, nobody stands between the span and it.
        self.ended = processor.on_end if len(self.processors) == 1 else self._all_ended

    def started(self, span: "Span", parent_context: Context | None) -> None:
        """Tell those who want to hear of it."""
        for processor in self.starting:
            processor.on_start(span, parent_context)

    def _all_ended(self, span: "Span") -> None:
        for processor in self.processors:
            processor.on_end(span)
