"""What OpenTracing hands from span to span, as an OpenTelemetry context."""

from typing import Final

import opentracing
from opentelemetry import baggage
from opentelemetry.baggage import _BAGGAGE_KEY
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext as OtelSpanContext
from opentelemetry.trace import get_current_span

from spanloom_instrumentation.sampling.forced import FORCED

BAGGAGE: Final = _BAGGAGE_KEY
CARRIED: Final = frozenset({BAGGAGE, FORCED})
"""What goes from a context to the spans that are started in it, besides its span."""


class SpanContext(opentracing.SpanContext):
    """A context with a span, or what headers told of one, and baggage. It is never changed."""

    def __init__(self, otel: Context) -> None:
        self.otel = otel

    @property
    def baggage(self) -> dict[str, object]:
        """All of it."""
        return dict(baggage.get_all(self.otel))

    @property
    def span_context(self) -> OtelSpanContext:
        """The ids."""
        return get_current_span(self.otel).get_span_context()

    @property
    def trace_id(self) -> int:
        """As Jaeger's client calls it."""
        return self.span_context.trace_id

    @property
    def span_id(self) -> int:
        """As Jaeger's client calls it."""
        return self.span_context.span_id


def carried(context: Context) -> Context:
    """What goes on to children."""
    return Context({key: value for key, value in context.items() if key in CARRIED})
