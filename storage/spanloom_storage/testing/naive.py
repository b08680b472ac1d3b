"""The answers of storage, worked out span by span: what fast answers are compared with."""

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import ceil, isnan
from typing import Final

from spanloom_model.ids import TraceId
from spanloom_model.span import Attributes, Span, StatusCode
from spanloom_storage.api import (
    AttributeCount,
    Counts,
    Figures,
    FigureTable,
    Operation,
    ServiceCount,
    ServiceLink,
    ServiceLinks,
    SpanQuery,
    TopValues,
    TracePage,
    TraceQuery,
    TraceSummary,
    ValueCount,
)
from spanloom_storage.conditions import Field, Owner, Value, ValueType
from spanloom_storage.testing.naive_conditions import meets, trace_duration_ns, trace_start_ns, values_of
from spanloom_storage.testing.naive_span_sets import chosen

_TYPES: Final = {
    str: ValueType.STRING,
    bool: ValueType.BOOL,
    int: ValueType.INT,
    float: ValueType.DOUBLE,
}
"""In the order of results."""


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
    return bool(timely) if query.where is None else bool(chosen(query.where, trace, timely))


def summary(trace: Sequence[Span]) -> TraceSummary:
    """One trace of distinct spans as a line."""
    first = min(trace, key=lambda span: (span.parent_id is not None, span.start_ns == 0, span.start_ns))
    return TraceSummary(
        trace_id=first.trace_id,
        service=first.service,
        name=first.name,
        root_missing=first.parent_id is not None,
        start_ns=trace_start_ns(trace),
        duration_ns=trace_duration_ns(trace),
        span_count=len(trace),
        error_count=sum(span.status is StatusCode.ERROR for span in trace),
        services=service_counts(trace),
    )


def service_counts(trace: Sequence[Span]) -> tuple[ServiceCount, ...]:
    """Spans and errors of each service, most spans first."""
    spans = Counter(span.service for span in trace)
    errors = Counter(span.service for span in trace if span.status is StatusCode.ERROR)
    return tuple(
        ServiceCount(service=service, span_count=count, error_count=errors[service])
        for service, count in sorted(spans.items(), key=lambda item: (-item[1], item[0]))
    )


def asked(spans: Iterable[Span], query: SpanQuery) -> list[Span]:
    """The spans that a question about spans is about, each once."""
    return [
        span
        for trace in by_trace(spans).values()
        for span in trace
        if in_range(span, query.start_ns, query.end_ns)
        if query.where is None or meets(span, query.where)
    ]


def values(spans: Iterable[Span], field: Field, query: SpanQuery, *, limit: int) -> TopValues:
    """What `SpanReader.values` must answer over these spans."""
    order = list(_TYPES)
    found: Counter[tuple[int, Value]] = Counter()
    for span in asked(spans, query):
        scalars = [one for one in values_of(span, field) if isinstance(one, str | bool | int | float)]
        comparable = [one for one in scalars if isinstance(one, str) or not isnan(one)]
        found.update({(order.index(type(one)), one) for one in comparable})
    ranked = sorted(found, key=lambda one: (-found[one], *one))
    return TopValues(
        values=tuple(ValueCount(value=one[1], span_count=found[one]) for one in ranked[:limit]),
        partial=False,
    )


def counts(spans: Iterable[Span], query: SpanQuery, *, step_ns: int) -> Counts:
    """What `SpanReader.counts` must answer over these spans."""
    found = asked(spans, query)
    by_step = Counter(_step(span, step_ns) for span in found)
    errors = Counter(_step(span, step_ns) for span in found if span.status is StatusCode.ERROR)
    steps = sorted(by_step)
    return Counts(
        step_ns=step_ns,
        start_ns=tuple(steps),
        span_count=tuple(by_step[step] for step in steps),
        error_count=tuple(errors[step] for step in steps),
        partial=False,
    )


def _step(span: Span, step_ns: int) -> int:
    return span.start_ns - span.start_ns % step_ns


def figures(
    spans: Iterable[Span], query: SpanQuery, *, step_ns: int | None, quantiles: Sequence[float]
) -> FigureTable:
    """What `SpanReader.figures` must answer over these spans."""
    groups: dict[tuple[str, Operation, int], list[Span]] = {}
    for span in asked(spans, query):
        operation = Operation(name=span.name, kind=span.kind.value)
        step = 0 if step_ns is None else _step(span, step_ns)
        groups.setdefault((span.service, operation, step), []).append(span)
    rows = [
        Figures(
            service=service,
            operation=operation,
            start_ns=None if step_ns is None else step,
            span_count=len(group),
            error_count=sum(span.status is StatusCode.ERROR for span in group),
            duration_ns=tuple(
                nearest_rank(sorted(span.duration_ns for span in group), one) for one in quantiles
            ),
        )
        for (service, operation, step), group in sorted(groups.items(), key=lambda item: item[0])
    ]
    return FigureTable(quantiles=tuple(quantiles), rows=tuple(rows), partial=False)


def nearest_rank(ordered: Sequence[int], quantile: float) -> int:
    """The smallest that at least this share is not above; a share is the decimal that was written."""
    return ordered[max(1, ceil(Fraction(str(quantile)) * len(ordered))) - 1]


def service_links(spans: Iterable[Span], query: SpanQuery) -> ServiceLinks:
    """What `SpanReader.service_links` must answer over these spans, whose ids differ within a trace."""
    known = list(spans)
    service = {(span.trace_id, span.span_id): span.service for span in known}
    calls: Counter[tuple[str, str]] = Counter()
    errors: Counter[tuple[str, str]] = Counter()
    for span in asked(known, query):
        caller = span.parent_id and service.get((span.trace_id, span.parent_id))
        if isinstance(caller, str) and caller != span.service:
            calls[caller, span.service] += 1
            errors[caller, span.service] += span.status is StatusCode.ERROR
    return ServiceLinks(
        links=tuple(
            ServiceLink(caller=pair[0], callee=pair[1], call_count=calls[pair], error_count=int(errors[pair]))
            for pair in sorted(calls)
        ),
        partial=False,
    )


def attributes(spans: Iterable[Span]) -> list[AttributeCount]:
    """What `SpanReader.attributes` must answer over these spans; a resource or scope of many counts once."""
    found: Counter[tuple[Owner, str, ValueType | None]] = Counter()
    resources: dict[str, Attributes] = {}
    scopes: dict[str, Attributes] = {}
    for span in asked(spans, SpanQuery()):
        resources[repr(span.resource)] = span.resource.attributes
        scopes[repr(span.scope)] = span.scope.attributes
        found.update(_uses(Owner.SPAN, [span.attributes]))
        found.update(_uses(Owner.EVENT, [event.attributes for event in span.events]))
        found.update(_uses(Owner.LINK, [link.attributes for link in span.links]))
    found.update(_uses(Owner.RESOURCE, resources.values()))
    found.update(_uses(Owner.SCOPE, scopes.values()))
    return [
        AttributeCount(owner=owner, key=key, type=kind, value_count=count)
        for (owner, key, kind), count in sorted(
            found.items(),
            key=lambda item: (item[0][0].value, item[0][1], item[0][2].value if item[0][2] else ""),
        )
    ]


def _uses(owner: Owner, owned: Iterable[Attributes]) -> list[tuple[Owner, str, ValueType | None]]:
    return [(owner, key, _TYPES.get(type(value))) for one in owned for key, value in one]
