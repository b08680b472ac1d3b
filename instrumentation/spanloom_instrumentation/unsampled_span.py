"""A span that is not recorded: it has an id and hands on its trace, and costs next to nothing."""

from opentelemetry.trace import NonRecordingSpan, SpanContext

from spanloom_instrumentation.heritage import Heritage


class UnsampledSpan(NonRecordingSpan):
    """Its id is its own, so that log lines and requests of it can be told from others'."""

    __slots__ = ("heritage", "span_id")

    def __init__(self, heritage: Heritage, span_id: int) -> None:
        # Not the base's: its context is made when somebody asks for it.
        self.heritage = heritage
        self.span_id = span_id

    def get_span_context(self) -> SpanContext:
        """Trace id, own id, not sampled."""
        return self.heritage.context(self.span_id)

    def __repr__(self) -> str:
        return f"UnsampledSpan({self.get_span_context()!r})"
