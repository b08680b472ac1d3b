"""Hypothesis strategies for spans that meet in names, keys and values, and for questions about them."""

from typing import Any, Final

from hypothesis import strategies as st

from spanloom_model.span import (
    Attributes,
    AttributeValue,
    Event,
    Link,
    Resource,
    Scope,
    Span,
    SpanKind,
    StatusCode,
)
from spanloom_storage.api import Place, SpanQuery, TraceQuery
from spanloom_storage.batch import UNKNOWN_SERVICE
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
from spanloom_storage.testing.samples import NOON_NS, span, span_id, trace_id

WORDS = st.sampled_from(["", "a", "b", "ab", "é"])
NUMBERS = st.sampled_from([0, 1, -1, 2, 2**53 + 1, 2**63 - 1, -(2**63)])
FLOATS = st.sampled_from([0.0, 0.5, 1.0, -1.0, 2.0**53, 2.0**63, float("inf"), -float("inf"), float("nan")])
SCALARS: st.SearchStrategy[Any] = WORDS | NUMBERS | FLOATS | st.booleans()
KEYS = st.sampled_from(["k", "key", "", "k:int"])
VALUES: st.SearchStrategy[AttributeValue] = SCALARS | st.one_of(
    st.none(), st.just(b"\xff"), st.lists(SCALARS, max_size=3).map(tuple), st.just(Attributes((("x", 1),)))
)
ATTRIBUTES = st.lists(st.tuples(KEYS, VALUES), max_size=3).map(lambda pairs: Attributes(tuple(pairs)))
LAST_NS: Final = 2**64 - 1
MOMENTS = st.sampled_from([0, NOON_NS, NOON_NS + 50, NOON_NS + 100, NOON_NS + 150, 2**62, LAST_NS])
SERVICES = st.sampled_from(["shop", "cart"])
NAMES = st.sampled_from(["a", "b"])
SERVICE_NAMES = st.one_of(SERVICES, SERVICES, SERVICES, st.just(""), st.just(7), st.none())
EVENTS = st.builds(Event, time_ns=MOMENTS, name=NAMES | st.just(""), attributes=ATTRIBUTES)
LINKS = st.builds(
    Link,
    trace_id=st.integers(1, 4).map(trace_id),
    span_id=st.integers(1, 4).map(span_id),
    attributes=ATTRIBUTES,
)


@st.composite
def resources(draw: st.DrawFn) -> Resource:
    """A service, mostly, that may be named twice, or not in a string."""
    names = [("service.name", name) for name in draw(st.lists(SERVICE_NAMES, min_size=1, max_size=2))]
    return Resource(attributes=Attributes((*names[1:], *draw(ATTRIBUTES), *names[:1])))


@st.composite
def spans(draw: st.DrawFn) -> Span:
    """A span among few traces, ids, names and moments."""
    number = draw(st.integers(1, 12))
    start_ns = draw(MOMENTS)
    start_ns = start_ns and min(start_ns + number, LAST_NS)
    resource = draw(resources())
    service = resource.attributes.get("service.name")
    return span(
        draw(st.integers(1, 4)),
        number,
        parent=draw(st.none() | st.integers(1, 12)),
        service=service if isinstance(service, str) else UNKNOWN_SERVICE,
        resource=resource,
        name=draw(NAMES),
        kind=draw(st.sampled_from(SpanKind)),
        start_ns=start_ns,
        # An end that is 0 or beyond 64 bits cannot be sent.
        duration_ns=max(min(1 - start_ns, 0), min(draw(st.integers(-5, 50)), LAST_NS - start_ns)),
        status=draw(st.sampled_from(StatusCode)),
        status_message=draw(st.sampled_from(["", "no"])),
        attributes=draw(ATTRIBUTES),
        scope=draw(st.builds(Scope, name=WORDS, version=WORDS, attributes=ATTRIBUTES)),
        events=tuple(draw(st.lists(EVENTS, max_size=2))),
        links=tuple(draw(st.lists(LINKS, max_size=2))),
    )


def _names_trace(one: Span) -> object:
    return one.trace_id, one.start_ns, one.parent_id is None


def _identity(one: Span) -> object:
    return one.trace_id, one.span_id


@st.composite
def batches(draw: st.DrawFn, *, repeats: bool) -> list[list[Span]]:
    """A few spans in up to three batches, some of them twice in one, and with repeats also in two.

    No two spans of a trace may give it its name, being roots, or both none, that start at once. Without
    repeats no two have one id, so that each has one parent.
    """
    unique = _names_trace if repeats else (_names_trace, _identity)
    dealt: list[list[Span]] = [[], [], []]
    for one in draw(st.lists(spans(), max_size=9, unique_by=unique)):
        batch = draw(st.integers(0, 2))
        dealt[batch] += [one] * draw(st.sampled_from([1, 1, 2]))
        if repeats and draw(st.booleans()):
            dealt[draw(st.integers(0, 2))].append(one)
    return [batch for batch in dealt if batch]


FIELDS: st.SearchStrategy[Field] = st.sampled_from(Intrinsic) | st.builds(
    Attribute, st.sampled_from(Owner), KEYS
)
REGEXES = st.sampled_from(["a", "a.*", ".*b", "a|b", "[^a]*", "", "shop|x", "(?i)CART"])


def _is_no_text(value: object) -> bool:
    return not isinstance(value, str)


@st.composite
def compares(draw: st.DrawFn) -> Condition:
    """A comparison that may well be true of some span."""
    field, operator = draw(FIELDS), draw(st.sampled_from(Operator))
    if operator in {Operator.MATCHES, Operator.NOT_MATCHES}:
        return Compare(field, operator, draw(REGEXES | REGEXES | SCALARS.filter(_is_no_text)))
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
        st.integers(0, 50) | SERVICES | MOMENTS | FLOATS | st.booleans(),
    )
    | st.builds(
        TraceCompare,
        st.sampled_from(TraceField),
        st.sampled_from([Operator.MATCHES, Operator.NOT_MATCHES]),
        REGEXES | st.integers(0, 50),
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
SPAN_QUERIES = st.builds(
    SpanQuery,
    where=st.none() | CONDITIONS,
    start_ns=st.none() | MOMENTS,
    end_ns=st.none() | MOMENTS | st.just(2**64),
)
