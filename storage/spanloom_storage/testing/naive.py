"""The answers of storage, worked out span by span: what fast answers are compared with."""

from collections import Counter
from collections.abc import Iterable, Sequence

from spanloom_model.ids import TraceId
from spanloom_model.span import Span, StatusCode
from spanloom_storage.api import ServiceCount, TracePage, TraceQuery, TraceSummary


def find(spans: Iterable[Span], query: TraceQuery) -> TracePage:
    """What `SpanReader.find` must answer over these spans."""
    traces: dict[TraceId, list[Span]] = {}
    for span in spans:
        known = traces.setdefault(span.trace_id, [])
        if span not in known:
            known.append(span)
    found = [summary(trace) for trace in traces.values() if any(matches(span, query) for span in trace)]
    found.sort(key=lambda one: (-one.start_ns, one.trace_id))
    if query.after is not None:
        behind = (-query.after.start_ns, query.after.trace_id)
        found = [one for one in found if (-one.start_ns, one.trace_id) > behind]
    page = found[: query.limit]
    return TracePage(traces=tuple(page), next=page[-1].place if len(found) > len(page) else None)


def matches(span: Span, query: TraceQuery) -> bool:
    """Whether one span meets all conditions."""
    return (
        (query.service is None or span.service == query.service)
        and (query.operation is None or span.name == query.operation)
        and (query.start_ns is None or span.start_ns >= query.start_ns)
        and (query.end_ns is None or span.start_ns < query.end_ns)
    )


def summary(trace: Sequence[Span]) -> TraceSummary:
    """One trace of distinct spans as a line."""
    first = min(trace, key=lambda span: (span.parent_id is not None, span.start_ns == 0, span.start_ns))
    start_ns = min((span.start_ns for span in trace if span.start_ns), default=0)
    return TraceSummary(
        trace_id=first.trace_id,
        service=first.service,
        name=first.name,
        root_missing=first.parent_id is not None,
        start_ns=start_ns,
        duration_ns=max(0, max(span.end_ns for span in trace) - start_ns),
        span_count=len(trace),
        error_count=sum(span.status is StatusCode.ERROR for span in trace),
        services=counts(trace),
    )


def counts(trace: Sequence[Span]) -> tuple[ServiceCount, ...]:
    """Spans and errors of each service, most spans first."""
    spans = Counter(span.service for span in trace)
    errors = Counter(span.service for span in trace if span.status is StatusCode.ERROR)
    return tuple(
        ServiceCount(service=service, span_count=count, error_count=errors[service])
        for service, count in sorted(spans.items(), key=lambda item: (-item[1], item[0]))
    )
