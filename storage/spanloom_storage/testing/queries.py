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
    AnyOf,
    Arithmetic,
    Attribute,
    Calculation,
    Compare,
    Condition,
    Exists,
    Field,
    Intrinsic,
    Not,
    Operand,
    Operator,
    Owner,
    TraceField,
    Value,
)
from spanloom_storage.span_sets import (
    Aggregate,
    Aggregation,
    Figure,
    Filtered,
    Joint,
    Spans,
    SpanSet,
    Union,
    Within,
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
SMALL = st.just("n"), st.integers(-2, 2) | st.sampled_from([0.5, "a", True, float("nan"), (1, 0.5)])
"""A key whose numbers are summed up in any order."""
PAIRS: st.SearchStrategy[tuple[str, AttributeValue]] = st.tuples(KEYS, VALUES) | st.tuples(*SMALL)
ATTRIBUTES = st.lists(PAIRS, max_size=3).map(lambda pairs: Attributes(tuple(pairs)))
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


IDS = st.integers(1, 4).map(lambda number: f"{number:016x}") | st.integers(1, 4).map(
    lambda number: f"{number:032x}"
)
RELATIONS = st.sampled_from([one for one in Operator if "~" not in one.value])
CALCULATIONS = st.sampled_from(Calculation)


def operands(fields: st.SearchStrategy[Field | TraceField]) -> st.SearchStrategy[Operand]:
    """Fields, and what is calculated of them."""
    return st.recursive(
        fields,
        lambda inner: st.builds(Arithmetic, inner | st.integers(0, 3), CALCULATIONS, inner),
        max_leaves=3,
    )


def compares(fields: st.SearchStrategy[Field | TraceField]) -> st.SearchStrategy[Condition]:
    """A comparison that may well be true of some span."""
    values: st.SearchStrategy[Value] = SCALARS | SERVICES | MOMENTS | IDS | st.integers(0, 50)
    patterns = st.sampled_from([Operator.MATCHES, Operator.NOT_MATCHES])
    return st.one_of(
        st.builds(Compare, fields, RELATIONS, values),
        st.builds(Compare, fields, patterns, REGEXES | REGEXES | SCALARS.filter(_is_no_text)),
        st.builds(Compare, operands(fields), RELATIONS, operands(fields) | values),
        st.builds(Compare, values, RELATIONS, operands(fields) | values),
    )


def conditions(fields: st.SearchStrategy[Field | TraceField]) -> st.SearchStrategy[Condition]:
    """Anything that can be asked of one span."""
    return st.recursive(
        compares(fields) | st.builds(Exists, fields),
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(All, st.lists(inner, max_size=2).map(tuple)),
            st.builds(AnyOf, st.lists(inner, max_size=2).map(tuple)),
            st.builds(Compare, inner, st.sampled_from([Operator.EQUAL, Operator.NOT_EQUAL]), fields | inner),
        ),
        max_leaves=4,
    )


CONDITIONS = conditions(FIELDS)
SOLE_CONDITIONS = conditions(FIELDS | st.sampled_from(TraceField))
"""Where all of the trace is known too."""
FIGURES: st.SearchStrategy[Figure] = st.recursive(
    st.just(Aggregate(Aggregation.COUNT))
    | st.builds(
        Aggregate,
        st.sampled_from([one for one in Aggregation if one is not Aggregation.COUNT]),
        # Of others sums depend on the order, as doubles do.
        st.sampled_from([Intrinsic.DURATION_NS, Attribute(Owner.ANY, "n"), Attribute(Owner.EVENT, "n")]),
    )
    | st.integers(0, 3),
    lambda inner: st.builds(Arithmetic, inner, CALCULATIONS, inner),
    max_leaves=2,
)
SPAN_SETS: st.SearchStrategy[SpanSet] = st.recursive(
    st.builds(Spans, SOLE_CONDITIONS),
    lambda inner: st.one_of(
        st.builds(Union, st.lists(inner, max_size=2).map(tuple)),
        st.builds(Joint, st.lists(inner, min_size=1, max_size=2).map(tuple)),
        st.builds(Within, inner, SOLE_CONDITIONS),
        st.builds(Filtered, inner, FIGURES, RELATIONS, FIGURES),
    ),
    max_leaves=3,
)
QUERIES = st.builds(
    TraceQuery,
    where=st.none() | SPAN_SETS,
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
