"""One trace: its facts, its tree on a time line, and the span that was chosen."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlencode

from spanloom_ui.answers import ServiceCount, Tree, TreeSpan
from spanloom_ui.colours import service_class
from spanloom_ui.span_details import NO_START, ROWS_PER_PAGE, SpanDetails, span_details, span_duration
from spanloom_ui.timeline import Bar, Tick, bar, ticks
from spanloom_ui.wording import age, counted, duration, machine_moment, moment, number, shortened

_DEEPEST_INDENT = 12
_LONGEST_NAME = 240
_MOST_SERVICES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePill:
    """A service with its share of the work, in its colour."""

    name: str
    service_class: str
    span_count: str
    errors: str
    """Empty where there were none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeRow:
    """A span in the tree."""

    number: int
    span_id: str
    href: str
    depth: int
    indent: int
    level: str
    """Said in figures where the indentation no longer can."""
    descendants: int
    service: str
    service_class: str
    name: str
    duration: str
    failed: bool
    chosen: bool
    bar: Bar | None
    """None without a start: such a span has no place on the time line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRange:
    """Which rows a page shows, and the way to the others."""

    label: str
    previous: str
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TracePage:
    """All that trace.html may use."""

    template: ClassVar[str] = "trace.html"

    title: str
    trace_id: str
    service: str
    service_class: str
    name: str
    start: str
    start_machine: str
    age: str
    duration: str
    depth: str
    span_count: str
    error_count: str
    first_error: str
    services: list[ServicePill]
    services_count: str
    services_hidden: str
    warnings: list[str]
    ticks: list[Tick]
    rows: list[TreeRow]
    levels: list[int]
    deepest_indent: int
    """Of the rows shown: the deeper it is, the narrower is a level."""
    range: RowRange | None
    within: list[str]
    """The parents of the first row, where they are on an earlier page."""
    details: SpanDetails
    by_default: bool
    """Nobody chose the span in the panel."""


def trace_page(tree: Tree, *, span_id: str, row: int | None, first: int | None, now_ns: int) -> TracePage:
    """The page of *tree* with *span_id* chosen (the root without one) and the rows from *first* on."""
    spans = tree["spans"]
    asked = find_row(tree, span_id, row)
    start = _page_start(asked or 0) if first is None else min(max(0, first), len(spans) - 1)
    chosen = start if asked is None else asked
    shown = spans[start : start + ROWS_PER_PAGE]
    repeated = _repeated_ids(spans)
    root = spans[0]
    return TracePage(
        title=shortened(f"{root['service']}: {root['name']}", 120),
        trace_id=tree["trace_id"],
        service=root["service"],
        service_class=service_class(root["service"]),
        name=shortened(root["name"], 1_000),
        start=moment(tree["start_ns"]) if tree["start_ns"] else NO_START,
        start_machine=machine_moment(tree["start_ns"]) if tree["start_ns"] else "",
        age=age(tree["start_ns"], now_ns=now_ns) if tree["start_ns"] else "",
        duration=duration(tree["duration_ns"]),
        depth=number(tree["depth"]),
        span_count=number(tree["span_count"]),
        error_count=number(tree["error_count"]) if tree["error_count"] else "",
        first_error=_first_error(spans, tree["trace_id"], repeated),
        services=pills(tree["services"][:_MOST_SERVICES]),
        services_count=number(len(tree["services"])),
        services_hidden=_hidden(len(tree["services"])),
        warnings=[str(warning) for warning in tree["warnings"]],
        ticks=ticks(tree["duration_ns"]),
        rows=[
            _row(tree, span, number=start + place, repeated=repeated, chosen=chosen)
            for place, span in enumerate(shown)
        ],
        levels=_levels(shown),
        deepest_indent=min(max(span["depth"] for span in shown), _DEEPEST_INDENT),
        range=_range(tree["trace_id"], start, len(spans)),
        within=_ancestors(spans, start),
        details=span_details(tree, chosen),
        by_default=asked is None,
    )


def find_row(tree: Tree, span_id: str, row: int | None) -> int | None:
    """The row of the span chosen: *row* where it holds that span, else the first one that does."""
    spans = tree["spans"]
    if row is not None and 0 <= row < len(spans) and spans[row]["span_id"] == span_id:
        return row
    return next((place for place, span in enumerate(spans) if span["span_id"] == span_id), None)


def pills(services: Sequence[ServiceCount]) -> list[ServicePill]:
    """Services in the order given."""
    return [
        ServicePill(
            name=shortened(service["name"], 80),
            service_class=service_class(service["name"]),
            span_count=number(service["span_count"]),
            errors=counted(service["error_count"], "error") if service["error_count"] else "",
        )
        for service in services
    ]


def _hidden(services: int) -> str:
    return f"{number(services - _MOST_SERVICES)} more" if services > _MOST_SERVICES else ""


def _page_start(row: int) -> int:
    return row - row % ROWS_PER_PAGE


def _row(tree: Tree, span: TreeSpan, *, number: int, repeated: set[str], chosen: int) -> TreeRow:
    depth = span["depth"]
    events = [event["offset_ns"] for event in span["events"]]
    return TreeRow(
        number=number,
        span_id=span["span_id"],
        href=_row_href(tree["trace_id"], span["span_id"], number, repeated),
        depth=depth,
        indent=min(depth, _DEEPEST_INDENT),
        level=str(depth + 1) if depth > _DEEPEST_INDENT else "",
        descendants=span["descendants"],
        service=shortened(span["service"], 80),
        service_class=service_class(span["service"]),
        name=shortened(span["name"], _LONGEST_NAME),
        duration=span_duration(span),
        failed=span["status"] == "error",
        chosen=number == chosen,
        bar=bar(span["offset_ns"], span["duration_ns"], events, trace_ns=tree["duration_ns"])
        if span["start_ns"]
        else None,
    )


def _row_href(trace_id: str, span_id: str, row: int, repeated: set[str]) -> str:
    """Where the row's span is chosen; spans that share an id are told apart by their row."""
    query = {"span": span_id} | (
        {"row": str(row), "from": str(_page_start(row))} if span_id in repeated else {}
    )
    return f"/trace/{trace_id}?{urlencode(query, errors='replace')}#row-{row}"


def _repeated_ids(spans: Sequence[TreeSpan]) -> set[str]:
    counts = Counter(span["span_id"] for span in spans)
    return {span_id for span_id, count in counts.items() if count > 1}


def _first_error(spans: Sequence[TreeSpan], trace_id: str, repeated: set[str]) -> str:
    return next(
        (
            _row_href(trace_id, span["span_id"], row, repeated)
            for row, span in enumerate(spans)
            if span["status"] == "error"
        ),
        "",
    )


def _levels(spans: Sequence[TreeSpan]) -> list[int]:
    """The levels worth folding to; beyond the ninth nobody counts."""
    deepest = max(span["depth"] + 1 for span in spans)
    return list(range(1, min(deepest, 10)))


def _range(trace_id: str, start: int, total: int) -> RowRange | None:
    if total <= ROWS_PER_PAGE:
        return None
    end = min(start + ROWS_PER_PAGE, total)
    return RowRange(
        label=f"Rows {number(start + 1)}\N{EN DASH}{number(end)} of {number(total)}",
        previous=f"/trace/{trace_id}?from={max(0, start - ROWS_PER_PAGE)}" if start else "",
        next=f"/trace/{trace_id}?from={end}" if end < total else "",
    )


def _ancestors(spans: Sequence[TreeSpan], start: int) -> list[str]:
    """Names of the spans that the first shown row is inside of, outermost first, the middle ones left out."""
    names: list[str] = []
    depth = spans[start]["depth"]
    for span in reversed(spans[:start]):
        if span["depth"] < depth:
            depth = span["depth"]
            names.append(shortened(f"{span['service']}: {span['name']}", 60))
        if not depth:
            break
    names.reverse()
    return names if len(names) <= 5 else [*names[:2], "…", *names[-2:]]
