"""Starts spans."""

from collections.abc import Sequence
from time import time_ns
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import DEFAULT_TRACE_STATE, Link, SpanContext, SpanKind
from opentelemetry.util.types import Attributes

from spanloom_instrumentation import current_context
from spanloom_instrumentation.current_context import SPAN_KEY
from spanloom_instrumentation.current_span import CurrentSpan
from spanloom_instrumentation.heritage import Heritage
from spanloom_instrumentation.ids import IdGenerator
from spanloom_instrumentation.origin import Origin
from spanloom_instrumentation.remote_span import RemoteSpan
from spanloom_instrumentation.sampling.decision import Decide, Decision
from spanloom_instrumentation.sampling.forced import FORCED, force
from spanloom_instrumentation.sampling.sampler import Start
from spanloom_instrumentation.span import Span
from spanloom_instrumentation.unsampled_span import UnsampledSpan

_INTERNAL: Final = SpanKind.INTERNAL
_new: Final = object.__new__


class Tracer(trace.Tracer):
    """The tracer of one scope."""

    def __init__(self, origin: Origin, decide: Decide, ids: IdGenerator, *, follows_parent: bool) -> None:
        self._origin = origin
        self._pipeline = origin.pipeline
        self._decide = decide
        self._ids = ids
        self.new_span_id = ids.generate_span_id
        self.follows_parent = follows_parent

    def start_span(  # noqa: PLR0913, PLR0917  # the interface's signature
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = _INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002  # as above
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002  # as above
    ) -> trace.Span:
        """Start a span below the context's, or a root; see OpenTelemetry's `Tracer.start_span`."""
        within = current_context.get() if context is None else context
        parent = within.get(SPAN_KEY)
        parent_is: int | SpanContext | None
        # Nearly all spans are children of spans of this process: these need not be decided about.
        if self.follows_parent and type(parent) is UnsampledSpan:
            return UnsampledSpan(parent.heritage, self.new_span_id() or 1)
        if self.follows_parent and type(parent) is Span and parent.heritage.sampled:
            heritage, parent_is = parent.heritage, parent.span_id
        else:
            parent_is, heritage, decision = self._begun(parent, within, name, kind, attributes, links)
            if not decision.recorded:
                return UnsampledSpan(heritage, self.new_span_id() or 1)
            attributes = decision.attributes
        span = Span(
            self._origin,
            heritage,
            self.new_span_id() or 1,
            parent_is,
            name,
            kind,
            time_ns() if start_time is None else start_time,
            attributes,
            record_exception,
            set_status_on_exception,
        )
        if links:
            span.add_links(links)
        if self._pipeline.starting:
            self._pipeline.started(span, context)
        return span

    def _begun(  # noqa: PLR0913, PLR0917  # what start_span has
        self,
        parent: object,
        within: Context,
        name: str,
        kind: SpanKind,
        attributes: Attributes,
        links: Sequence[Link] | None,
    ) -> tuple[SpanContext | None, Heritage, Decision]:
        """The parent's context, the trace as it goes on here, and what is decided about it."""
        above = parent.get_span_context() if isinstance(parent, trace.Span) else None
        if isinstance(above, SpanContext) and above.is_valid:
            trace_id, random = above.trace_id, above.trace_flags.random_trace_id
        else:
            above = None
            trace_id, random = self._ids.generate_trace_id() or 1, self._ids.is_trace_id_random()
        if type(parent) is Span and parent.heritage.forced is not None:
            within = force(within, parent.heritage.forced)
        # What is left to us to decide is decided about as what begins here.
        told = parent if type(parent) is RemoteSpan else None
        start = Start(trace_id, random, None if told else above, name, kind, attributes, links or ())
        if told and told.wanted is not None and FORCED not in within:
            decision = Decision(told.wanted, told.wanted, DEFAULT_TRACE_STATE, attributes)
        else:
            decision = self._decide(start, within)
        mark = within.get(FORCED)
        heritage = Heritage(
            trace_id,
            sampled=decision.sampled,
            random=random,
            trace_state=decision.trace_state,
            forced=mark if isinstance(mark, str) else None,
        )
        return above, heritage, decision

    def start_as_current_span(  # type: ignore[override]  # noqa: PLR0913, PLR0917  # a context manager of another class
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = _INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002  # as above
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002  # as above
        end_on_exit: bool = True,  # noqa: FBT001, FBT002  # as above
    ) -> CurrentSpan:
        """Start a span as the current one of a block or a function; see OpenTelemetry's."""
        made = _new(CurrentSpan)
        made.tracer = self
        made.arguments = (
            name,
            context,
            kind,
            attributes,
            links,
            start_time,
            record_exception,
            set_status_on_exception,
        )
        made.ends = end_on_exit
        return made
