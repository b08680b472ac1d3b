"""The search engine over blocks that share traces, against a model that anybody can check by eye."""

import dataclasses
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from spanloom_model.span import Attributes, Event, Span
from spanloom_storage.api import Budget, Place, SpanQuery, TracePage, TraceQuery
from spanloom_storage.block import Block
from spanloom_storage.conditions import (
    All,
    Attribute,
    Compare,
    Exists,
    Field,
    Intrinsic,
    Not,
    Operator,
    Owner,
    TraceField,
)
from spanloom_storage.errors import Unanswerable
from spanloom_storage.search import figures, find, links, statistics
from spanloom_storage.span_sets import (
    Aggregate,
    Aggregation,
    Filtered,
    Joint,
    Spans,
    SpanSet,
    Union,
    Within,
    span_with,
)
from spanloom_storage.testing import naive
from spanloom_storage.testing.blocks import SpanBlock
from spanloom_storage.testing.opened import numbers
from spanloom_storage.testing.queries import CONDITIONS, FIELDS, MOMENTS, QUERIES, spans
from spanloom_storage.testing.samples import NOON_NS, span


def without_repeats(parts: Sequence[Sequence[Span]]) -> list[list[Span]]:
    """Each span only in the first part that has it: statistics may count it in each."""
    first = {repr(one): number for number, part in reversed(list(enumerate(parts))) for one in part}
    return [
        list({repr(one): one for one in part if first[repr(one)] == number}.values())
        for number, part in enumerate(parts)
    ]


BLOCKS = st.lists(st.lists(spans(), max_size=8), max_size=4)
SPAN_QUERIES = st.builds(
    SpanQuery,
    where=st.none() | CONDITIONS,
    start_ns=st.none() | MOMENTS,
    end_ns=st.none() | MOMENTS,
)
DISTINCT_BLOCKS = BLOCKS.map(without_repeats)
STEPS = st.sampled_from([1, 2, 7, 100, 10**9, 2**62, 2**63 + 1])
thorough = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(params=[1, 64], autouse=True)
def _candidates(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small stores go the ways of large ones too."""
    monkeypatch.setattr(find, "_CANDIDATES", request.param)
    monkeypatch.setattr(find, "_MOST_SPANS", request.param)


def made(parts: Sequence[Sequence[Span]], slice_size: int = 3) -> list[Block]:
    """A block of each part."""
    return [SpanBlock(part, slice_size=slice_size) for part in parts]


def flat(parts: Sequence[Sequence[Span]]) -> list[Span]:
    """All spans."""
    return [one for part in parts for one in part]


def is_ambiguous(known: Sequence[Span]) -> bool:
    """Two spans of one trace that start at once without a root among them: either may name it."""
    places = {(one.trace_id, one.start_ns, one.parent_id is None) for one in known}
    return len(places) < len(set(map(repr, known)))


def pages(blocks: Sequence[Block], query: TraceQuery, most: int = 500) -> list[TracePage]:
    """All pages, one after the other."""
    found = [find.find(blocks, query)]
    while found[-1].next is not None:
        assert len(found) < most, "the cursor does not move"
        query = dataclasses.replace(query, after=found[-1].next)
        found.append(find.find(blocks, query))
    return found


@thorough
@given(parts=BLOCKS, query=QUERIES)
def test_page_is_what_a_patient_person_finds(parts: list[list[Span]], query: TraceQuery) -> None:
    """Conditions, order, cursor and summaries, wherever the spans of a trace lie."""
    known = flat(parts)
    assume(not is_ambiguous(known))
    assert find.find(made(parts), query) == naive.find(known, query)


@thorough
@given(parts=BLOCKS, query=QUERIES)
def test_pages_to_the_end_are_the_whole_list(parts: list[list[Span]], query: TraceQuery) -> None:
    """Going on from page to page shows every trace once, in order."""
    known = flat(parts)
    assume(not is_ambiguous(known))
    everything = naive.find(known, dataclasses.replace(query, limit=1000)).traces
    assert tuple(one for page in pages(made(parts), query) for one in page.traces) == everything


@thorough
@given(parts=BLOCKS, query=QUERIES)
def test_pages_without_time_reach_the_end_too(parts: list[list[Span]], query: TraceQuery) -> None:
    """A search that runs out of time on every page goes on, and neither skips nor repeats."""
    known = flat(parts)
    assume(not is_ambiguous(known))
    everything = naive.find(known, dataclasses.replace(query, limit=1000)).traces
    hurried = dataclasses.replace(query, budget=Budget(time_s=-1))
    assert tuple(one for page in pages(made(parts), hurried) for one in page.traces) == everything


def test_many_equal_starts_do_not_stop_a_search_without_time() -> None:
    """Hundreds of traces of one moment are more than a look takes, and the cursor still moves."""
    parts = [
        [span(number, number, start_ns=NOON_NS) for number in range(first, 300, 3)] for first in (1, 2, 3)
    ]
    parts[0].append(span(999, 999, start_ns=NOON_NS + 1))
    hurried = TraceQuery(limit=50, budget=Budget(time_s=-1))
    found = [one for page in pages(made(parts, 1000), hurried) for one in numbers(page)]
    assert found == [999, *range(1, 300)]


def test_span_without_a_start_is_before_every_end() -> None:
    """“Until” alone leaves in what has no time, whatever else lies in its block."""
    blocks = made([[span(1, 1, start_ns=0, duration_ns=0), span(2, 2)]])
    assert numbers(find.find(blocks, TraceQuery(end_ns=NOON_NS))) == [1]
    assert numbers(find.find(blocks, TraceQuery(start_ns=0, end_ns=NOON_NS))) == [1]


def test_condition_of_nothing_holds_for_every_trace() -> None:
    """All of no conditions is true of every span."""
    blocks = made([[span(1, 1)], [span(2, 2)]])
    assert numbers(find.find(blocks, TraceQuery(where=Spans(All(()))))) == [2, 1]


def test_cursor_between_equal_starts_is_exact() -> None:
    """A cursor is a place, not only a time."""
    blocks = made([[span(number, number, start_ns=NOON_NS) for number in (1, 2, 3)]])
    after = Place(start_ns=NOON_NS, trace_id=span(2).trace_id)
    assert numbers(find.find(blocks, TraceQuery(after=after))) == [3]


@thorough
@given(parts=DISTINCT_BLOCKS, query=SPAN_QUERIES, field=FIELDS, limit=st.integers(1, 5))
def test_top_values(parts: list[list[Span]], query: SpanQuery, field: Field, limit: int) -> None:
    """The most frequent values, counted by spans."""
    expected = naive.values(flat(parts), field, query, limit=limit)
    assert statistics.values(made(parts), field, query, limit) == expected


@thorough
@given(parts=DISTINCT_BLOCKS, query=SPAN_QUERIES, step_ns=STEPS)
def test_counts_over_time(parts: list[list[Span]], query: SpanQuery, step_ns: int) -> None:
    """Spans and errors in each step."""
    expected = naive.counts(flat(parts), query, step_ns=step_ns)
    assert statistics.counts(made(parts), query, step_ns) == expected


@thorough
@given(
    parts=DISTINCT_BLOCKS,
    query=SPAN_QUERIES,
    step_ns=st.none() | STEPS,
    quantiles=st.lists(st.sampled_from([0.0, 0.07, 0.5, 0.9, 0.99, 1.0]), max_size=3),
)
def test_figures(
    parts: list[list[Span]], query: SpanQuery, step_ns: int | None, quantiles: list[float]
) -> None:
    """Rate, errors and exact quantiles."""
    expected = naive.figures(flat(parts), query, step_ns=step_ns, quantiles=quantiles)
    assert figures.figures(made(parts), query, step_ns, quantiles) == expected


@thorough
@given(parts=DISTINCT_BLOCKS, query=SPAN_QUERIES)
def test_service_links(parts: list[list[Span]], query: SpanQuery) -> None:
    """Who calls whom, also where caller and callee came to storage hours apart."""
    known = flat(parts)
    assume(len({(one.trace_id, one.span_id) for one in known}) == len(known))
    assert links.service_links(made(parts), query) == naive.service_links(known, query)


@thorough
@given(parts=BLOCKS)
def test_services_and_operations(parts: list[list[Span]]) -> None:
    """Lists of names."""
    known = flat(parts)
    assert list(statistics.services(made(parts))) == sorted({one.service for one in known})
    operations = {(one.name, one.kind.value) for one in known if one.service == "shop"}
    assert [(one.name, one.kind) for one in statistics.operations(made(parts), "shop")] == sorted(operations)


@pytest.mark.parametrize("step_ns", [-1, 0, 2**64])
def test_step_that_is_no_length_of_time_is_refused(step_ns: int) -> None:
    """A mistyped step is told as such; it is no error of ours."""
    blocks = made([[span()]])
    with pytest.raises(Unanswerable):
        statistics.counts(blocks, SpanQuery(), step_ns)
    with pytest.raises(Unanswerable):
        figures.figures(blocks, SpanQuery(), step_ns, [0.5])


@pytest.mark.parametrize("quantile", [-0.1, 1.1, float("nan")])
def test_quantile_that_is_no_share_is_refused(quantile: float) -> None:
    """So is a quantile beyond the largest."""
    with pytest.raises(Unanswerable):
        figures.figures(made([[span()]]), SpanQuery(), None, [quantile])


def test_rank_is_of_the_decimal_that_was_written() -> None:
    """The 0.07 quantile of a hundred durations is the seventh, though 0.07 × 100 is above 7 in doubles."""
    hundred = [span(1, number, duration_ns=number) for number in range(1, 101)]
    (row,) = figures.figures(made([hundred]), SpanQuery(), None, [0.07]).rows
    assert row.duration_ns == (7,)


def test_statistics_beyond_their_memory_say_so() -> None:
    """A key with as many values as spans does not take the machine down."""
    tight = SpanQuery(budget=Budget(memory_bytes=1))
    blocks = made([[span(number, number)] for number in range(1, 9)])
    assert statistics.values(blocks, Intrinsic.SPAN_ID, tight, 100).partial
    assert statistics.counts(blocks, tight, 1).partial
    assert figures.figures(blocks, tight, None, [0.5]).partial


def test_match_in_a_block_that_knows_no_start_keeps_its_place() -> None:
    """A span without times that matches does not push its trace to the end of the list."""
    late = [span(1, 1, name="asked", start_ns=0, duration_ns=0)]
    blocks = made([late, [span(1, 2, start_ns=NOON_NS + 5)], [span(2, 3, name="asked", start_ns=NOON_NS)]])
    query = TraceQuery(where=span_with(name="asked"), limit=1)
    assert [numbers(page) for page in pages(blocks, query)] == [[1], [2]]
    hurried = dataclasses.replace(query, budget=Budget(time_s=-1))
    assert [one for page in pages(blocks, hurried) for one in numbers(page)] == [1, 2]


def test_empty_block_costs_no_digit() -> None:
    """Starts stay exact to the nanosecond when a writer has just begun a segment."""
    blocks = made([[span(1, 1, start_ns=NOON_NS + 1), span(2, 2, start_ns=NOON_NS)], []])
    assert numbers(find.find(blocks, TraceQuery())) == [1, 2]
    after = Place(start_ns=NOON_NS + 1, trace_id=span(1).trace_id)
    assert numbers(find.find(blocks, TraceQuery(after=after))) == [2]


def test_number_matches_no_expression() -> None:
    """A regular expression is about text; a number given as one finds nothing."""
    blocks = made([[span(1, 1, duration_ns=40)]])
    matches = Compare(Intrinsic.DURATION_NS, Operator.MATCHES, 31)
    assert numbers(find.find(blocks, TraceQuery(where=Spans(matches)))) == []
    assert numbers(find.find(blocks, TraceQuery(where=Spans(Not(matches))))) == [1]


def test_span_with_thousands_of_events_is_not_compared_with_itself() -> None:
    """One span that was made to be slow does not keep a search busy; it says why there is no answer."""
    events = tuple(Event(time_ns=NOON_NS, name="a") for _ in range(5000))
    blocks = made([[span(events=events)]])
    with pytest.raises(Unanswerable, match="so many values"):
        find.find(
            blocks,
            TraceQuery(where=Spans(Compare(Intrinsic.EVENT_NAME, Operator.LESS, Intrinsic.EVENT_NAME))),
        )
    assert numbers(
        find.find(blocks, TraceQuery(where=Spans(Compare(Intrinsic.EVENT_NAME, Operator.EQUAL, "a"))))
    ) == [1]


def test_values_that_python_takes_for_equal_are_told_apart() -> None:
    """1 and true are different values, also in one question."""
    blocks = made([[span(1, 1, attributes=Attributes((("k", True),)))]])
    one, truth = (Spans(Compare(Attribute(Owner.SPAN, "k"), Operator.EQUAL, value)) for value in (1, True))
    assert numbers(find.find(blocks, TraceQuery(where=Joint((truth, one))))) == []
    assert numbers(find.find(blocks, TraceQuery(where=Union((one, truth))))) == [1]


def test_pattern_is_given_not_found() -> None:
    """A span's text is never run as a regular expression."""
    where = Spans(Compare("a", Operator.MATCHES, Intrinsic.NAME))
    with pytest.raises(Unanswerable):
        find.find(made([[span()]]), TraceQuery(where=where))


NAMED_B = Compare(Intrinsic.NAME, Operator.EQUAL, "b")
LASTS_110 = Compare(TraceField.DURATION_NS, Operator.EQUAL, 110)
TWO_CHILDREN = Compare(TraceField.CHILD_COUNT, Operator.EQUAL, 2)
THREE_SPANS = Filtered(Spans(All(())), Aggregate(Aggregation.COUNT), Operator.EQUAL, 3)


@pytest.mark.parametrize(
    ("where", "is_found"),
    [
        (Spans(LASTS_110), True),
        (Spans(Not(LASTS_110)), False),
        (Spans(Not(Compare(TraceField.DURATION_NS, Operator.GREATER, 110))), True),
        (Spans(Not(Exists(TraceField.ROOT_NAME))), False),
        (Spans(All((NAMED_B, Compare(TraceField.ROOT_NAME, Operator.EQUAL, "a")))), True),
        (Spans(Compare(NAMED_B, Operator.EQUAL, Not(LASTS_110))), True),
        (Spans(TWO_CHILDREN), True),
        (Within(Spans(NAMED_B), TWO_CHILDREN), False),
        (THREE_SPANS, True),
        (Filtered(Spans(NAMED_B), Aggregate(Aggregation.COUNT), Operator.EQUAL, 2), True),
        (Within(Joint((Spans(NAMED_B), THREE_SPANS)), LASTS_110), True),
    ],
)
def test_trace_in_several_blocks_is_judged_as_one(where: SpanSet, is_found: bool) -> None:  # noqa: FBT001  # a table's column
    """Nothing that is of a whole trace is told of what one block has, nor twice of what two have."""
    root = span(1, 1, name="a", start_ns=NOON_NS, duration_ns=100)
    first, second = (
        span(1, number, parent=1, name="b", start_ns=NOON_NS + 10 * number, duration_ns=80)
        for number in (2, 3)
    )
    for parts in ([[root], [first], [second]], [[root, first], [first, second]], [[root, first, second]]):
        assert numbers(find.find(made(parts), TraceQuery(where=where))) == [1] * is_found


def test_call_is_counted_though_ids_of_other_spans_look_like_its_caller() -> None:
    """Ids are compared, not only the number that they are looked up by, which others may have too."""
    blocks = made([[span(4, 1, parent=12)], [span(3, 11), span(4, 12, service="cart")]])
    (link,) = links.service_links(blocks, SpanQuery()).links
    assert (link.caller, link.callee, link.call_count) == ("cart", "shop", 1)
