"""OpenTracing's tracer over OpenTelemetry's.

https://opentelemetry.io/docs/specs/otel/compatibility/opentracing/
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import opentracing
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import Link, NonRecordingSpan, SpanKind, TraceFlags
from opentelemetry.trace import SpanContext as OtelSpanContext
from opentracing import (
    Format,
    InvalidCarrierException,
    Reference,
    ReferenceType,
    UnsupportedFormatException,
)
from opentracing.tags import ERROR, SAMPLING_PRIORITY, SPAN_KIND

from spanloom_instrumentation import current_context
from spanloom_instrumentation.opentracing import carriers
from spanloom_instrumentation.opentracing.scopes import ContextScopes
from spanloom_instrumentation.opentracing.span import Span
from spanloom_instrumentation.opentracing.span_context import BAGGAGE, SpanContext, carried
from spanloom_instrumentation.opentracing.values import attributes_of, kind_of, nanoseconds
from spanloom_instrumentation.remote_span import RemoteSpan
from spanloom_instrumentation.resource import VERSION
from spanloom_instrumentation.sampling.forced import force


class Tracer(opentracing.Tracer):
    """Starts spans of a provider, by default of OpenTelemetry's global one.

    Without a scope manager the active span is OpenTelemetry's current one, so that spans of both
    are each other's parents, over threads, tasks and greenlets as far as contexts go. One that is
    given is used as it is: OpenTelemetry does not know what is active there.
    """

    def __init__(
        self,
        provider: trace.TracerProvider | None = None,
        *,
        scope_manager: opentracing.ScopeManager | None = None,
        text_map: TextMapPropagator | None = None,
        http_headers: TextMapPropagator | None = None,
    ) -> None:
        super().__init__(scope_manager or ContextScopes(self))
        self._provider = provider or trace.get_tracer_provider()
        self._tracer = self._provider.get_tracer("opentracing-shim", VERSION)
        self._propagators = {Format.TEXT_MAP: text_map, Format.HTTP_HEADERS: http_headers}

    def start_span(  # noqa: PLR0913, PLR0917  # the interface's signature
        self,
        operation_name: str | None = None,
        child_of: opentracing.Span | opentracing.SpanContext | None = None,
        references: Reference | Iterable[Reference] | None = None,
        tags: Mapping[str, object] | None = None,
        start_time: float | None = None,
        ignore_active_span: bool = False,  # noqa: FBT001, FBT002  # as above
    ) -> Span:
        """Start a span below *child_of*, the first such reference, the first of others, or the active span.

        References are links as well, with their type. Tags are there when the sampler is asked.
        """
        listed = list(_listed(references))
        within = self._within(_context_of(child_of), listed, ignore_active=ignore_active_span)
        told = dict(tags or {})
        within = _by_priority(told.get(SAMPLING_PRIORITY), within)
        error = told.pop(ERROR, None)
        if kind := kind_of(told.get(SPAN_KIND)):
            del told[SPAN_KIND]
        span = Span(
            self,
            self._tracer.start_span(
                operation_name or "",
                within,
                kind or SpanKind.INTERNAL,
                attributes_of(told),
                [_link(kind, found) for kind, found in listed if found.span_context.is_valid],
                nanoseconds(start_time),
            ),
            carried(within),
        )
        return span.set_tag(ERROR, error)

    def _within(
        self, parent: SpanContext | None, listed: list[tuple[str, SpanContext]], *, ignore_active: bool
    ) -> Context:
        """The context in which a span is started: its parent, and the baggage of all that it refers to."""
        if parent is None and listed:
            parent = next((found for kind, found in listed if kind == ReferenceType.CHILD_OF), listed[0][1])
        if parent is None:
            return Context() if ignore_active else self._active()
        items = {key: value for _, found in [*listed, ("", parent)] for key, value in found.baggage.items()}
        return Context({**parent.otel, BAGGAGE: items})

    def _active(self) -> Context:
        scope = self.scope_manager.active
        span = scope.span if scope else None
        return span.context.otel if isinstance(span, Span) else current_context.get()

    def start_active_span(  # noqa: PLR0913, PLR0917  # the interface's signature
        self,
        operation_name: str | None = None,
        child_of: opentracing.Span | opentracing.SpanContext | None = None,
        references: Reference | Iterable[Reference] | None = None,
        tags: Mapping[str, object] | None = None,
        start_time: float | None = None,
        ignore_active_span: bool = False,  # noqa: FBT001, FBT002  # as above
        finish_on_close: bool = True,  # noqa: FBT001, FBT002  # as above
    ) -> opentracing.Scope:
        """Start a span and make it the active one."""
        span = self.start_span(operation_name, child_of, references, tags, start_time, ignore_active_span)
        return self.scope_manager.activate(span, finish_on_close)

    def inject(
        self,
        span_context: opentracing.Span | opentracing.SpanContext,
        format: str,  # noqa: A002  # the interface's signature
        carrier: Any,
    ) -> None:
        """Write it as headers, or append it to a bytearray; a context of no tracer of ours writes nothing."""
        found = _context_of(span_context)
        context = found.otel if found else Context()
        if format == Format.BINARY:
            if not isinstance(carrier, bytearray):
                raise InvalidCarrierException("a span context is appended to a bytearray")
            carrier += carriers.encoded(context)
        else:
            self._propagator(format).inject(carriers.writable(carrier), context)

    def extract(self, format: str, carrier: Any) -> SpanContext | None:  # noqa: A002  # the interface's signature
        """What was written so; None where nothing was, or where headers make no sense."""
        if format == Format.BINARY:
            context = carriers.decoded(carrier)
        else:
            propagator = self._propagator(format)
            context = propagator.extract(carriers.readable(carrier), Context(), carriers.LOWER_CASE)
        return SpanContext(context) if context else None

    def _propagator(self, wanted: str) -> TextMapPropagator:
        if wanted not in self._propagators:
            raise UnsupportedFormatException(wanted)
        from opentelemetry.propagate import get_global_textmap  # noqa: PLC0415  # its import reads OTEL_PROPAGATORS

        return self._propagators[wanted] or get_global_textmap()

    def close(self) -> None:
        """Send what has ended and shut the provider down, as far as it can be."""
        shutdown = getattr(self._provider, "shutdown", None)
        if shutdown:
            shutdown()


def _context_of(given: object) -> SpanContext | None:
    """Of a span or its context; those of other tracers, such as OpenTracing's own, are none."""
    context = given.context if isinstance(given, opentracing.Span) else given
    return context if isinstance(context, SpanContext) else None


def _listed(references: Reference | Iterable[Reference] | None) -> Iterator[tuple[str, SpanContext]]:
    for reference in [references] if isinstance(references, Reference) else references or ():
        found = _context_of(reference.referenced_context)
        if found is not None:
            yield reference.type, found


def _link(kind: str, found: SpanContext) -> Link:
    return Link(found.span_context, {"opentracing.ref_type": kind})


def _by_priority(priority: object, within: Context) -> Context:
    """The context with what the tag `sampling.priority` wants: above zero all is kept, at zero nothing."""
    try:
        wanted = float(priority) > 0  # type: ignore[arg-type]  # whatever the application says
    except (TypeError, ValueError):
        return within
    if wanted:
        return force(within)
    parent = trace.get_current_span(within).get_span_context()
    if not parent.is_valid:
        return trace.set_span_in_context(RemoteSpan(parent, wanted=False), within)
    unsampled = OtelSpanContext(
        parent.trace_id,
        parent.span_id,
        parent.is_remote,
        TraceFlags(parent.trace_flags & ~TraceFlags.SAMPLED),
        parent.trace_state,
    )
    return trace.set_span_in_context(NonRecordingSpan(unsampled), within)
