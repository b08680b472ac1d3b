"""OpenTracing's active span is OpenTelemetry's current one."""

import contextlib
from contextvars import Token
from typing import TYPE_CHECKING, Final

import opentracing
from opentelemetry import baggage, trace
from opentelemetry.context import Context, create_key

from spanloom_instrumentation import current_context
from spanloom_instrumentation.opentracing.span import Span
from spanloom_instrumentation.opentracing.span_context import CARRIED, carried

if TYPE_CHECKING:
    from spanloom_instrumentation.opentracing.tracer import Tracer

_SCOPE: Final = create_key("spanloom-opentracing-scope")
_NOTHING: Final = trace.set_span_in_context(trace.INVALID_SPAN, Context())


class Scope(opentracing.Scope):
    """How long a span is active. Only the one that is open can be closed, as with OpenTracing's own."""

    def __init__(
        self, manager: "ContextScopes", span: opentracing.Span, otel: Context, *, finishes: bool
    ) -> None:
        super().__init__(manager, span)
        self.otel = otel
        self._finishes = finishes
        self._token: Token[Context]

    def begin(self) -> "Scope":
        """Make its span the active one."""
        current = current_context.get()
        around = {key: value for key, value in current.items() if key not in CARRIED}
        self._token = current_context.attach(Context({**around, **self.otel, _SCOPE: self}))
        return self

    def close(self) -> None:
        """Go back to what was active before; finish the span, if that was wanted."""
        if current_context.get().get(_SCOPE) is not self:
            return
        with contextlib.suppress(ValueError):  # begun in another context, as a task's may be
            current_context.detach(self._token)
        if self._finishes and self.span:
            self.span.finish()


class ContextScopes(opentracing.ScopeManager):
    """The scope manager of a tracer that was given no other."""

    def __init__(self, tracer: "Tracer") -> None:
        super().__init__()
        self._tracer = tracer

    def activate(self, span: opentracing.Span, finish_on_close: bool) -> Scope:  # noqa: FBT001  # the interface's
        """Make it the active one, for OpenTelemetry too; a span of nobody's hides what was active."""
        otel = span.context.otel if isinstance(span, Span) else _NOTHING
        return Scope(self, span, otel, finishes=finish_on_close).begin()

    @property
    def active(self) -> Scope | None:
        """The scope that is open here, or one around OpenTelemetry's current span, which it does not end."""
        current = current_context.get()
        span = trace.get_current_span(current)
        found = current.get(_SCOPE)
        if isinstance(found, Scope) and trace.get_current_span(found.otel) is span:
            return found
        if not span.get_span_context().is_valid and not baggage.get_all(current):
            return None
        seen = Span(self._tracer, span, carried(current))
        return Scope(self, seen, seen.context.otel, finishes=False)
