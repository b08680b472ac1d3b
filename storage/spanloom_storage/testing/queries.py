"""Hypothesis strategies for spans that meet in names, keys and values, and for questions about them."""

import dataclasses
from typing import Any

from hypothesis import strategies as st

from spanloom_model.span import Attributes, AttributeValue, Event, Link, Scope, Span, SpanKind, StatusCode
from spanloom_storage.api import Place, TraceQuery
from spanloom_storage.conditions import (
    All,
    AllTraces,
    AnyOf,
    AnyTrace,
    Attribute,
    Compare,
    Condition,
    Exists,
    Field,
    Intrinsic,
    Not,
    NotTrace,
    Operator,
    Owner,
    Spans,
    TraceCompare,
    TraceCondition,
    TraceField,
    Value,
)
from spanloom_storage.testing.contract import NOON_NS, service_resource, span, span_id, trace_id

WORDS = st.sampled_from(["", "a", "b", "ab", "é"])
NUMBERS = st.sampled_from([0, 1, -1, 2, 2**53 + 1, 2**63 - 1, -(2**63)])
FLOATS = st.sampled_from([0.0, 0.5, 1.0, -1.0, 2.0**53, 2.0**63, float("inf"), -float("inf"), float("nan")])
SCALARS: st.SearchStrategy[Any] = WORDS | NUMBERS | FLOATS | st.booleans()
KEYS = st.sampled_from(["k", "key", "", "k:int"])
VALUES: st.SearchStrategy[AttributeValue] = SCALARS | st.one_of(
    st.none(), st.just(b"\xff"), st.lists(SCALARS, max_size=3).map(tuple), st.just(Attributes((("x", 1),)))
)
ATTRIBUTES = st.lists(st.tuples(KEYS, VALUES), max_size=3).map(lambda pairs: Attributes(tuple(pairs)))
MOMENTS = st.sampled_from([0, NOON_NS, NOON_NS + 50, NOON_NS + 100, NOON_NS + 150, 2**62])
SERVICES = st.sampled_from(["shop", "cart"])
NAMES = st.sampled_from(["a", "b"])


@st.composite
def spans(draw: st.DrawFn) -> Span:
    """A span among few traces, names and moments; its start is unique in its trace, if it has one."""
    number = draw(st.integers(1, 12))
    service = draw(SERVICES)
    start_ns = draw(MOMENTS)
    resource = service_resource(service)
    more = draw(ATTRIBUTES)
    return span(
        draw(st.integers(1, 4)),
        number,
        parent=draw(st.none() | st.integers(1, 12)),
        service=service,
        resource=dataclasses.replace(resource, attributes=Attributes((*resource.attributes, *more))),
        name=draw(NAMES),
        kind=draw(st.sampled_from(SpanKind)),
        start_ns=start_ns and start_ns + number,
        duration_ns=draw(st.integers(0, 50)) if start_ns else 0,
        status=draw(st.sampled_from(StatusCode)),
        status_message=draw(st.sampled_from(["", "no"])),
        attributes=draw(ATTRIBUTES),
        scope=draw(st.builds(Scope, name=WORDS, version=WORDS, attributes=ATTRIBUTES)),
        events=tuple(
            draw(st.lists(st.builds(Event, time_ns=MOMENTS, name=NAMES, attributes=ATTRIBUTES), max_size=2))
        ),
        links=tuple(
            draw(
                st.lists(
                    st.builds(
                        Link,
                        trace_id=st.integers(1, 4).map(trace_id),
                        span_id=st.integers(1, 4).map(span_id),
                        attributes=ATTRIBUTES,
                    ),
                    max_size=2,
                )
            )
        ),
    )


FIELDS: st.SearchStrategy[Field] = st.sampled_from(Intrinsic) | st.builds(
    Attribute, st.sampled_from(Owner), KEYS
)
REGEXES = st.sampled_from(["a", "a.*", ".*b", "a|b", "[^a]*", ""])


@st.composite
def compares(draw: st.DrawFn) -> Condition:
    """A comparison that may well be true of some span."""
    field, operator = draw(FIELDS), draw(st.sampled_from(Operator))
    if operator in {Operator.MATCHES, Operator.NOT_MATCHES}:
        return Compare(field, operator, draw(REGEXES))
    ids = st.integers(1, 4).map(lambda number: f"{number:016x}")
    values: st.SearchStrategy[Value] = SCALARS | SERVICES | MOMENTS | ids | st.integers(0, 50)
    return Compare(field, operator, draw(values))


CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    compares() | st.builds(Exists, FIELDS),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, max_size=2).map(tuple)),
        st.builds(AnyOf, st.lists(inner, max_size=2).map(tuple)),
    ),
    max_leaves=4,
)
TRACE_CONDITIONS: st.SearchStrategy[TraceCondition] = st.recursive(
    st.builds(Spans, CONDITIONS)
    | st.builds(
        TraceCompare,
        st.sampled_from(TraceField),
        st.sampled_from([one for one in Operator if "~" not in one.value]),
        st.integers(0, 50) | SERVICES | MOMENTS,
    ),
    lambda inner: st.one_of(
        st.builds(NotTrace, inner),
        st.builds(AllTraces, st.lists(inner, max_size=2).map(tuple)),
        st.builds(AnyTrace, st.lists(inner, max_size=2).map(tuple)),
    ),
    max_leaves=3,
)
QUERIES = st.builds(
    TraceQuery,
    where=st.none() | TRACE_CONDITIONS,
    start_ns=st.none() | MOMENTS,
    end_ns=st.none() | MOMENTS,
    limit=st.integers(1, 3),
    after=st.none() | st.builds(Place, start_ns=MOMENTS, trace_id=st.integers(1, 4).map(trace_id)),
)
