"""OpenTracing's span over one of OpenTelemetry."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import opentracing
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Status, StatusCode
from opentracing import tags

from spanloom_instrumentation import current_context
from spanloom_instrumentation.current_context import SPAN_KEY
from spanloom_instrumentation.opentracing.logs import log
from spanloom_instrumentation.opentracing.span_context import BAGGAGE, SpanContext
from spanloom_instrumentation.opentracing.values import kind_of, nanoseconds, value_of
from spanloom_instrumentation.span import Span as OurSpan

if TYPE_CHECKING:
    from spanloom_instrumentation.opentracing.tracer import Tracer

_STATUS: Final = {
    True: StatusCode.ERROR,
    "true": StatusCode.ERROR,
    False: StatusCode.OK,
    "false": StatusCode.OK,
}


class Span(opentracing.Span):
    """What is said of it goes to the span below; its context has its baggage."""

    def __init__(self, tracer: "Tracer", span: trace.Span, carried: Context) -> None:
        super().__init__(tracer, SpanContext(trace.set_span_in_context(span, carried)))
        self._context: SpanContext
        self._span = span

    @property
    def context(self) -> SpanContext:
        """As it is now; it does not change with the span's baggage."""
        items = self.__dict__.get("_items")
        if items is None:
            return self._context
        return SpanContext(Context({**self._context.otel, BAGGAGE: dict(items)}))

    @property
    def otel(self) -> trace.Span:
        """The span below."""
        return self._span

    def set_operation_name(self, operation_name: str) -> "Span":
        """Rename it."""
        self._span.update_name(operation_name)
        return self

    def finish(self, finish_time: float | None = None) -> None:
        """End it, now or then."""
        self._span.end(nanoseconds(finish_time))

    def set_tag(self, key: str, value: object) -> "Span":
        """Set an attribute; `error` is the status, and `span.kind` the kind."""
        if key == tags.ERROR:
            self._set_error(value)
        elif key == tags.SPAN_KIND and isinstance(self._span, OurSpan) and (kind := kind_of(value)):
            # Most integrations say it after the start, where OpenTelemetry's API has no word for it.
            if self._span.is_recording():
                self._span.kind = kind
        else:
            self._span.set_attribute(key, value_of(value))
        return self

    def _set_error(self, value: object) -> None:
        said = value.lower() if isinstance(value, str) else value
        code = _STATUS.get(said) if isinstance(said, str | bool) else None
        if code is not None:
            self._span.set_status(Status(code))
        elif value is not None:
            self._span.set_status(Status(StatusCode.ERROR, str(value_of(value))))

    def log_kv(self, key_values: Mapping[str, object], timestamp: float | None = None) -> "Span":
        """Add an event."""
        log(self._span, key_values or {}, nanoseconds(timestamp))
        return self

    def set_baggage_item(self, key: str, value: str | None) -> "Span":
        """For this span's children, here and elsewhere; None takes it away, as with Jaeger's client.

        Where the span is the current one, OpenTelemetry's spans and requests have it from now on too.
        """
        # One dictionary, made once, each step within one call of C: threads lose nothing of each other's,
        # and there is no lock that a fork or a signal handler could find held.
        items = self.__dict__.setdefault("_items", self._context.baggage)
        if value is None:
            items.pop(key, None)
        else:
            items[key] = value
        current = current_context.get()
        if current.get(SPAN_KEY) is self._span:
            # Never detached: whoever made the span the current one goes back to what was before that.
            current_context.attach(Context({**current, BAGGAGE: dict(items)}))
        return self

    def get_baggage_item(self, key: str) -> object | None:
        """One item; None where there is none."""
        return self.context.baggage.get(key)
