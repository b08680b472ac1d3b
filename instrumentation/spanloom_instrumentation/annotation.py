"""`annotate`: what happens, as it happens, on whatever span is current."""

from opentelemetry import trace
from opentelemetry.util.types import AnyValue

from spanloom_instrumentation.current_context import SPAN_KEY, get
from spanloom_instrumentation.unsampled_span import UnsampledSpan


def annotate(text: str, /, **values: AnyValue) -> None:
    """Say on the current span that something happened now; nothing where there is none.

    An event of OpenTelemetry's. How much one span may say is bounded: see `SPANLOOM_ANNOTATION_BYTES`.
    """
    span = get().get(SPAN_KEY)
    if type(span) is not UnsampledSpan and isinstance(span, trace.Span):
        span.add_event(text, values)
