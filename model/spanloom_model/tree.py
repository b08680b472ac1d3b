"""The tree of one trace: what the trace page draws and the API's `tree` answer lists.

Real traces are not tidy: parents arrive late or never, ids repeat, clients send cycles. Every
span gets exactly one row all the same, and what was odd is said in words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spanloom_model.ids import SpanId
from spanloom_model.span import Span, StatusCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A span's place in the tree."""

    span: Span
    depth: int
    """0 for a root."""
    descendants: int
    """How many of the rows right after this one are below it; hiding them collapses the span."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One trace, its rows parents first and siblings by start."""

    rows: tuple[Row, ...]
    start_ns: int
    """The earliest start of any span that says when it started."""
    duration_ns: int
    """From there to the latest end of any span."""
    warnings: tuple[str, ...]
    """What is odd about the trace, in plain sentences."""

    @property
    def depth(self) -> int:
        """How many levels the tree has; 0 without spans."""
        return max((row.depth + 1 for row in self.rows), default=0)

    @property
    def error_count(self) -> int:
        """How many spans say that they failed."""
        return sum(row.span.status is StatusCode.ERROR for row in self.rows)


def tree_of(spans: Iterable[Span]) -> Tree:
    """Order the spans of one trace as a tree; never fails, whatever parents they name."""
    by_start = sorted(spans, key=lambda span: (span.start_ns, -span.duration_ns, span.span_id))
    children, roots, warnings = _families(by_start)
    order, cycles = _walk(roots, children, len(by_start))
    if cycles:
        warnings.append(f"{_count(cycles, 'cycle')} among parents, cut open at its earliest span.")
    if timeless := sum(not span.start_ns for span in by_start):
        warnings.append(f"{_count(timeless, 'span')} without a start time.")
    start_ns = next((span.start_ns for span in by_start if span.start_ns), 0)
    end_ns = max((span.end_ns for span in by_start), default=0)
    return Tree(
        rows=_rows(by_start, order),
        start_ns=start_ns,
        duration_ns=max(0, end_ns - start_ns),
        warnings=tuple(warnings),
    )


def _families(spans: Sequence[Span]) -> tuple[dict[int, list[int]], list[int], list[str]]:
    """Indices of each span's children, of the roots, and what was odd on the way."""
    place: dict[SpanId, int] = {}
    for index, span in enumerate(spans):
        place.setdefault(span.span_id, index)
    children: dict[int, list[int]] = {}
    roots: list[int] = []
    orphans = 0
    for index, span in enumerate(spans):
        parent = None if span.parent_id is None else place.get(span.parent_id)
        if parent is None:
            roots.append(index)
            orphans += span.parent_id is not None
        else:
            children.setdefault(parent, []).append(index)
    warnings = []
    if orphans:
        warnings.append(f"{_count(orphans, 'span')} whose parent is not stored: it is late, or was lost.")
    if repeated := len(spans) - len(place):
        warnings.append(f"{_count(repeated, 'span')} with the id of another span.")
    return children, roots, warnings


def _walk(
    roots: Sequence[int], children: dict[int, list[int]], span_count: int
) -> tuple[list[tuple[int, int]], int]:
    """(index, depth) of every span, parents first, and how many cycles were cut to reach them all.

    No recursion, for chains of any depth. What the roots do not reach hangs on a cycle.
    """
    seen = [False] * span_count
    order: list[tuple[int, int]] = []
    cycles = 0
    for number, start in enumerate((*roots, *range(span_count))):
        cycles += number >= len(roots) and not seen[start]
        stack = [(start, 0)]
        while stack:
            index, depth = stack.pop()
            if not seen[index]:
                seen[index] = True
                order.append((index, depth))
                stack.extend((child, depth + 1) for child in reversed(children.get(index, ())))
    return order, cycles


def _rows(spans: Sequence[Span], order: Sequence[tuple[int, int]]) -> tuple[Row, ...]:
    """Rows with their descendants: a row's subtree ends where the next one at most as deep begins."""
    end = [len(order)] * len(order)
    open_places: list[int] = []
    for place, (_, depth) in enumerate(order):
        while open_places and order[open_places[-1]][1] >= depth:
            end[open_places.pop()] = place
        open_places.append(place)
    return tuple(
        Row(span=spans[index], depth=depth, descendants=end[place] - place - 1)
        for place, (index, depth) in enumerate(order)
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
