"""Trees of traces as they really are."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from spanloom_model.ids import SpanId, TraceId
from spanloom_model.span import Span, StatusCode
from spanloom_model.tree import Tree, tree_of

TRACE_ID = TraceId(b"t" * 16)


def span(number: int, parent: int | None = None, *, start_ns: int = 10, duration_ns: int = 1) -> Span:
    """A span that is no more than its place."""
    return Span(
        trace_id=TRACE_ID,
        span_id=SpanId(number.to_bytes(8, "big")),
        parent_id=None if parent is None else SpanId(parent.to_bytes(8, "big")),
        service="shop",
        name=str(number),
        start_ns=start_ns,
        duration_ns=duration_ns,
    )


def drawn(tree: Tree) -> list[str]:
    """The tree as a person would draw it."""
    return ["  " * row.depth + row.span.name for row in tree.rows]


def test_children_stand_under_their_parent_by_start() -> None:
    """The page reads from cause to effect and from early to late."""
    spans = [span(3, 1, start_ns=109), span(4, 2, start_ns=107), span(2, 1, start_ns=105), span(1)]
    assert drawn(tree_of(spans)) == ["1", "  2", "    4", "  3"]


def test_descendants_count_the_rows_below() -> None:
    """Collapsing a row hides exactly its subtree."""
    spans = [span(1), span(2, 1, start_ns=101), span(3, 2, start_ns=102), span(4, 1, start_ns=103), span(5)]
    assert [row.descendants for row in tree_of(spans).rows] == [3, 1, 0, 0, 0]


def test_span_without_its_parent_is_drawn_and_told() -> None:
    """A parent that was lost hides nothing of what came after it."""
    tree = tree_of([span(1), span(3, 2, start_ns=101)])
    assert drawn(tree) == ["1", "3"]
    assert tree.warnings == ("1 span whose parent is not stored: it is late, or was lost.",)


def test_cycle_is_cut_open_and_told() -> None:
    """A client that names parents in a circle breaks no page."""
    tree = tree_of([span(1, 2), span(2, 1, start_ns=101), span(3, 3, start_ns=102)])
    assert drawn(tree) == ["1", "  2", "3"]
    assert tree.warnings == ("2 cycles among parents, cut open at its earliest span.",)


def test_repeated_ids_are_all_drawn_and_told() -> None:
    """Two spans with one id are two rows."""
    tree = tree_of([span(1), span(1, start_ns=101), span(2, 1, start_ns=102)])
    assert drawn(tree) == ["1", "  2", "1"]
    assert tree.warnings == ("1 span with the id of another span.",)


def test_trace_lasts_from_its_first_start_to_its_last_end() -> None:
    """The time axis holds every bar, also of a child that outlives its parent."""
    tree = tree_of([span(1, start_ns=110, duration_ns=5), span(2, 1, start_ns=112, duration_ns=20)])
    assert (tree.start_ns, tree.duration_ns, tree.depth) == (110, 22, 2)


def test_span_without_a_start_does_not_stretch_the_axis() -> None:
    """One client that sends no times does not push every bar to the right edge."""
    tree = tree_of([span(1, start_ns=110, duration_ns=5), span(2, 1, start_ns=0, duration_ns=0)])
    assert (tree.start_ns, tree.duration_ns) == (110, 5)
    assert tree.warnings == ("1 span without a start time.",)


def test_errors_are_counted() -> None:
    """The header says how many spans failed."""
    assert tree_of([dataclasses.replace(span(1), status=StatusCode.ERROR), span(2)]).error_count == 1


def test_no_spans_make_an_empty_tree() -> None:
    """Nothing is not an error."""
    tree = tree_of([])
    assert (tree.rows, tree.depth, tree.duration_ns) == ((), 0, 0)


def test_chain_deeper_than_any_stack_is_drawn() -> None:
    """A recursion in the traced program does not become one in ours."""
    tree = tree_of([span(n, n - 1 if n > 1 else None, start_ns=n + 100) for n in range(1, 20_001)])
    assert tree.depth == 20_000
    assert tree.rows[0].descendants == 19_999


@given(
    st.lists(
        st.builds(
            span,
            st.integers(1, 12),
            st.none() | st.integers(1, 12),
            start_ns=st.integers(0, 5),
            duration_ns=st.integers(-3, 3),
        ),
        max_size=30,
    )
)
def test_every_span_has_exactly_one_row_and_subtrees_are_whole(spans: list[Span]) -> None:
    """Whatever clients send, nothing is missing from the page and nothing is on it twice."""
    tree = tree_of(spans)
    assert sorted(map(repr, spans)) == sorted(repr(row.span) for row in tree.rows)
    for place, row in enumerate(tree.rows):
        below = tree.rows[place + 1 : place + 1 + row.descendants]
        assert all(other.depth > row.depth for other in below)
        after = tree.rows[place + 1 + row.descendants :]
        assert not after or after[0].depth <= row.depth
