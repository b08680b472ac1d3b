"""TraceQL: what is written is understood, what is understood is found, whatever else is a sentence."""

from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from spanloom_model.span import Span
from spanloom_query.language import NotRunYet, QueryError, read_query
from spanloom_query.language.checking import check
from spanloom_query.language.cursor import MAX_DEPTH, MAX_PATTERNS
from spanloom_query.language.parser import parse
from spanloom_query.language.syntax import Query
from spanloom_query.language.tokens import MAX_LENGTH
from spanloom_query.testing.naive import found
from spanloom_query.testing.queries import ALL_QUERIES, QUERIES
from spanloom_query.testing.written import written
from spanloom_storage.api import TraceQuery
from spanloom_storage.search import find
from spanloom_storage.testing.naive import by_trace
from spanloom_storage.testing.opened import numbers
from spanloom_storage.testing.queries import batches
from spanloom_storage.testing.samples import span
from tests.storage.test_model import often, on_each_backend, told
from tests.storage.test_search import BLOCKS, flat, is_ambiguous, made, thorough


def patiently(spans: Sequence[Span], query: Query) -> set[int]:
    """The traces that a query is about, by number."""
    traces = by_trace(spans)
    return {int.from_bytes(trace_id, "big") for trace_id, trace in traces.items() if found(query, trace)}


def refusal_of(text: str) -> QueryError | None:
    """What is told of a text that is no query that runs, with a place in it; None for one."""
    try:
        read_query(text)
    except QueryError as error:
        refusal = error
    else:
        return None
    assert 0 <= refusal.at <= len(text)
    assert f" at {refusal.at + 1}" in str(refusal)
    return refusal


@on_each_backend
@often
@given(sent=batches(repeats=True), query=QUERIES)
def test_every_backend_finds_what_a_patient_person_would(
    backend: str, sent: list[list[Span]], query: Query
) -> None:
    """A query finds the traces that have such spans, however they are stored, and no others."""
    asked = TraceQuery(where=read_query(written(query)), limit=100)
    page = told(backend, sent, lambda reader: reader.find(asked))
    assert set(numbers(page)) == patiently(flat(sent), query)


@thorough
@given(parts=BLOCKS, query=QUERIES)
def test_spans_of_a_trace_may_lie_anywhere(parts: list[list[Span]], query: Query) -> None:
    """The same where the spans of a trace came to storage hours apart."""
    known = flat(parts)
    assume(not is_ambiguous(known))
    page = find.find(made(parts), TraceQuery(where=read_query(written(query)), limit=100))
    assert set(numbers(page)) == patiently(known, query)


@thorough
@given(query=ALL_QUERIES)
def test_whole_language_is_understood(query: Query) -> None:
    """Whatever can be written is read as it was meant, run or refused."""
    text = written(query)
    assert parse(text) == query
    check(query)
    assert isinstance(refusal_of(text), NotRunYet | None)


PIECES = st.sampled_from(["", "(", "}", "|", '"', " ", "=", "x", "&&", "-", "."])


@thorough
@given(query=ALL_QUERIES, data=st.data())
def test_slip_of_the_pen_is_told_with_its_place(query: Query, data: st.DataObject) -> None:
    """Where a query is damaged, the answer is another query's or a sentence with a place in the text."""
    text = written(query)
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, min(begin + 3, len(text))))
    damaged = text[:begin] + data.draw(PIECES) + text[end:]
    refusal_of(damaged)


@thorough
@given(text=st.text() | st.text('{}()|&!=~<>+-*/%^.,:"`\\ \n019abnsm', max_size=30))
def test_nonsense_is_told_as_such(text: str) -> None:
    """No text makes anything but an answer or a sentence."""
    refusal_of(text)


NESTED = {
    "parentheses": ("(", ".a", ")", ""),
    "denials": ("!", ".a", "", ""),
    "signs": ("-", ".a", "", " = 1"),
    "sums": ("1 + ", ".a", "", " = 1"),
    "powers": ("1 ^ ", ".a", "", " = 1"),
    "comparisons": (".a = ", ".b", "", ""),
    "truths": (".a = (", ".b", ")", ""),
    "alternations": (".a || .b && ", ".c", "", ""),
    "alternatives": ("(.a && (.b || ", ".c", "))", ""),
}
"""What is repeated, what stands in it, what is repeated behind that, and the rest."""


@pytest.mark.parametrize("form", NESTED.values(), ids=NESTED)
def test_deep_query_is_run_or_refused(form: tuple[str, str, str, str]) -> None:
    """Depth costs nobody a crash: up to a limit queries run, beyond it they are refused."""
    opening, inner, closing, rest = form
    ran = 0
    for depth in (1, 10, 20, MAX_DEPTH // 2, MAX_DEPTH, MAX_LENGTH // 20):
        text = "{ " + opening * depth + inner + closing * depth + rest + " }"
        refusal = refusal_of(text)
        if refusal is None:
            ran = depth
            find.find(made([[span()]]), TraceQuery(where=read_query(text)))
        else:
            assert "in each other" in str(refusal)
    assert 10 <= ran <= MAX_DEPTH


@pytest.mark.parametrize(
    "text",
    [
        "({} | count() > 1 | " * 300 + "{}" + ")" * 300,
        "{} | " * 3000 + "{}",
        "{} | count() > 1" + " | count() > 1" * 1000,
        "-" * 5000 + "count() > 2",
        "{} | count() > " + "1 + " * 3000 + "1",
        "{} >> " * 2000 + "{}",
    ],
)
def test_deep_pipeline_is_refused(text: str) -> None:
    """The same outside of braces."""
    with pytest.raises(QueryError, match="in each other"):
        read_query(text)


def test_wide_query_is_run() -> None:
    """A thousand alternatives, as a program may write them, are one search."""
    values = " || ".join(f".k = {number}" for number in range(1000))
    sets = " || ".join(f"{{ .k = {number} }}" for number in range(1000))
    for text in (f"{{ {values} }}", sets):
        assert find.find(made([[span()]]), TraceQuery(where=read_query(text))).traces == ()


@pytest.mark.parametrize(
    "text",
    [
        "{ .a = 1 }" + " " * MAX_LENGTH,
        "/*" * 8000,
        '{ ."' * 4000,
        '"' * 16_001,
        "9" * 16_000,
        "{ .a > " + "1s" * 8000 + " }",
        "." * 16_000,
    ],
)
def test_endless_query_is_refused(text: str) -> None:
    """Neither length nor what never ends is a way to keep the service busy."""
    with pytest.raises(QueryError):
        read_query(text)


def test_many_patterns_are_refused() -> None:
    """Regular expressions take time to get ready; a query has some, not hundreds."""
    patterns = [f'name =~ "a{number}"' for number in range(MAX_PATTERNS)]
    assert refusal_of("{ " + " || ".join(patterns) + " }") is None
    assert "patterns" in str(refusal_of("{ " + " || ".join([*patterns, 'name !~ "b"']) + " }"))
