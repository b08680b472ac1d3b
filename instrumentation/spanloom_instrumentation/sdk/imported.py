"""Spans of `opentelemetry-sdk` as ours, to be encoded."""

from collections.abc import Iterator, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import DEFAULT_TRACE_STATE

from spanloom_instrumentation.heritage import Heritage
from spanloom_instrumentation.limits import SpanLimits
from spanloom_instrumentation.more import More, SpanEvent, SpanLink
from spanloom_instrumentation.origin import Origin
from spanloom_instrumentation.pipeline import Pipeline
from spanloom_instrumentation.resource import Resource
from spanloom_instrumentation.scope import Scope
from spanloom_instrumentation.span import Span


def imported(spans: Sequence[ReadableSpan]) -> Iterator[Span]:
    """The spans of a batch; one that has no context was never started, and is left out."""
    batch = _Batch()
    for span in spans:
        if span.context is not None:
            yield batch.span(span)


class _Holder:
    """Knows a resource."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource


class _Batch:
    """Resources and scopes that the spans of a batch share, by identity: comparing them costs more."""

    def __init__(self) -> None:
        self._holders: dict[int, _Holder] = {}
        self._origins: dict[tuple[int, int], Origin] = {}

    def span(self, span: ReadableSpan) -> Span:
        """One span as ours."""
        context: Any = span.context
        heritage = Heritage(
            context.trace_id,
            sampled=context.trace_flags.sampled,
            random=context.trace_flags.random_trace_id,
            trace_state=context.trace_state or DEFAULT_TRACE_STATE,
        )
        found = Span(
            self._origin(span),
            heritage,
            context.span_id,
            span.parent,
            span.name,
            span.kind,
            span.start_time or 0,
            None,
            False,  # noqa: FBT003  # see `Span`
            False,  # noqa: FBT003  # see `Span`
        )
        found.end_time = span.end_time or 0
        found.told = dict(span.attributes or {})
        found.more = _more(span)
        return found

    def _origin(self, span: ReadableSpan) -> Origin:
        resource, scope = span.resource, span.instrumentation_scope
        key = id(resource), id(scope)
        if key not in self._origins:
            holder = self._holders.setdefault(
                id(resource), _Holder(Resource(resource.attributes, resource.schema_url))
            )
            named = (
                Scope(scope.name, scope.version, scope.schema_url, scope.attributes) if scope else Scope("")
            )
            self._origins[key] = Origin(named, SpanLimits(), Pipeline(), holder)
        return self._origins[key]


def _more(span: ReadableSpan) -> More:
    more = More()
    more.events = [
        SpanEvent(event.name, event.timestamp, dict(event.attributes or {}), event.dropped_attributes)
        for event in span.events
    ]
    more.links = [
        SpanLink(link.context, dict(link.attributes or {}), link.dropped_attributes) for link in span.links
    ]
    more.status = span.status
    more.dropped_attributes = span.dropped_attributes
    more.dropped_events = span.dropped_events
    more.dropped_links = span.dropped_links
    return more
