"""The answers of storage, worked out span by span: what fast answers are compared with."""

from collections import Counter
from collections.abc import Iterable, Sequence

from spanloom_model.ids import TraceId
from spanloom_model.span import Span, StatusCode
from spanloom_storage.api import ServiceCount, TracePage, TraceQuery, TraceSummary
from spanloom_storage.conditions import (
    AllTraces,
    AnyTrace,
    NotTrace,
    Spans,
    TraceCompare,
    TraceCondition,
    TraceField,
    Value,
)
from spanloom_storage.testing.naive_conditions import compared, meets


def find(spans: Iterable[Span], query: TraceQuery) -> TracePage:
    """What `SpanReader.find` must answer over these spans."""
    traces = by_trace(spans).values()
    found = [summary(trace) for trace in traces if matches(trace, query)]
    found.sort(key=lambda one: (-one.start_ns, one.trace_id))
    if query.after is not None:
        behind = (-query.after.start_ns, query.after.trace_id)
        found = [one for one in found if (-one.start_ns, one.trace_id) > behind]
    page = found[: query.limit]
    return TracePage(traces=tuple(page), next=page[-1].place if len(found) > len(page) else None)


def by_trace(spans: Iterable[Span]) -> dict[TraceId, list[Span]]:
    """The spans of each trace, each once."""
    traces: dict[TraceId, list[Span]] = {}
    for span in spans:
        known = traces.setdefault(span.trace_id, [])
        if repr(span) not in map(repr, known):  # by text, since NaN is not equal to itself
            known.append(span)
    return traces


def in_range(span: Span, start_ns: int | None, end_ns: int | None) -> bool:
    """Whether a span starts in a range."""
    return (start_ns is None or span.start_ns >= start_ns) and (end_ns is None or span.start_ns < end_ns)


def matches(trace: Sequence[Span], query: TraceQuery) -> bool:
    """Whether a trace is meant."""
    timely = [span for span in trace if in_range(span, query.start_ns, query.end_ns)]
    return bool(timely) if query.where is None else _holds(query.where, trace, timely)


def _holds(where: TraceCondition, trace: Sequence[Span], timely: Sequence[Span]) -> bool:
    match where:
        case Spans(condition):
            return any(meets(span, condition) for span in timely)
        case NotTrace(of):
            return not _holds(of, trace, timely)
        case AllTraces(parts):
            return all(_holds(one, trace, timely) for one in parts)
        case AnyTrace(parts):
            return any(_holds(one, trace, timely) for one in parts)
        case TraceCompare(field, operator, value):
            return compared(_facts(summary(trace), field), operator, value)


def _facts(one: TraceSummary, field: TraceField) -> Sequence[Value]:
    """What a summary says, if it says it."""
    match field:
        case TraceField.DURATION_NS:
            return [one.duration_ns]
        case TraceField.START_NS:
            return [one.start_ns]
        case TraceField.SPAN_COUNT:
            return [one.span_count]
        case TraceField.ERROR_COUNT:
            return [one.error_count]
        case TraceField.ROOT_SERVICE:
            return [] if one.root_missing else [one.service]
        case TraceField.ROOT_NAME:
            return [] if one.root_missing else [one.name]


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
