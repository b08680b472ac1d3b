"""Finding traces: the form, what was found, and what to do where nothing was."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlencode

from spanloom_ui.answers import Operation, Traces, TraceSummary
from spanloom_ui.colours import service_class
from spanloom_ui.search_request import LIMITS, LOOKBACKS, SearchRequest
from spanloom_ui.timeline import percent
from spanloom_ui.trace_page import ServicePill, pills
from spanloom_ui.wording import age, counted, duration, machine_moment, moment, number, shortened

_MOST_PILLS = 8
_MOST_OPERATIONS = 2_000
_ROOT_IS_LATE_NS = 15_000_000_000
"""A root ends last and so arrives last: until then its absence means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One choice of a `<select>`."""

    value: str
    label: str
    selected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRow:
    """One trace among the results."""

    href: str
    name: str
    service: str
    service_class: str
    root_missing: bool
    start: str
    start_machine: str
    age: str
    duration: str
    bar_width: str
    """Of the longest trace on the page."""
    span_count: str
    errors: str
    services: list[ServicePill]
    services_hidden: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchForm:
    """What the form shows: what was asked for, and what may be."""

    services: list[Option]
    operation: str
    operations: list[str]
    lookbacks: list[Option]
    start: str
    end: str
    limits: list[Option]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """All that search.html may use."""

    template: ClassVar[str] = "search.html"

    form: SearchForm
    problem: str
    """Why the search was not made, empty where it was."""
    summary: str
    when: str
    """The range of time in words."""
    traces: list[TraceRow]
    older_href: str
    newest_href: str
    wider: list[tuple[str, str]]
    """Addresses and names of wider searches, offered where nothing was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyStorePage:
    """All that empty.html may use: the first page of a fresh install."""

    template: ClassVar[str] = "empty.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationOptions:
    """All that operations.html may use: the choices for one service, for the form's script."""

    template: ClassVar[str] = "operations.html"

    operations: list[str]


def search_page(  # noqa: PLR0913  # the page is made of all these answers
    request: SearchRequest,
    *,
    services: Sequence[str],
    operations: Iterable[Operation],
    found: Traces | None,
    problem: str,
    now_ns: int,
) -> SearchPage:
    """The page for *request*; without *found* it says *problem*."""
    traces = found["traces"] if found else []
    longest_ns = max((trace["duration_ns"] for trace in traces), default=0)
    return SearchPage(
        form=_form(request, services, operation_names(operations)),
        problem=problem,
        when=request.phrase,
        summary=_summary(request, len(traces), more=bool(found and found["next"])),
        traces=[_row(trace, longest_ns=longest_ns, now_ns=now_ns) for trace in traces],
        older_href=_older_href(request, found["next"] if found else None, now_ns),
        newest_href=_href(request) if request.cursor else "",
        wider=[] if traces or problem else _wider(request),
    )


def operation_names(operations: Iterable[Operation]) -> list[str]:
    """Names once each, although several kinds of span may share one."""
    names = dict.fromkeys(str(operation["name"]) for operation in operations)
    return list(names)[:_MOST_OPERATIONS]


def _form(request: SearchRequest, services: Sequence[str], operations: list[str]) -> SearchForm:
    # A service without a name cannot be asked for: to the API an empty one means all.
    named = [name for name in services if name]
    known = named if not request.service or request.service in named else [request.service, *named]
    return SearchForm(
        services=[
            Option(value=name, label=shortened(name, 80), selected=name == request.service) for name in known
        ],
        operation=request.operation,
        operations=operations,
        lookbacks=[
            Option(value=key, label=lookback.label, selected=key == request.lookback)
            for key, lookback in LOOKBACKS.items()
        ],
        start=request.start if request.lookback == "custom" else "",
        end=request.end if request.lookback == "custom" else "",
        limits=[
            Option(value=str(limit), label=str(limit), selected=limit == request.limit) for limit in LIMITS
        ],
    )


def _row(trace: TraceSummary, *, longest_ns: int, now_ns: int) -> TraceRow:
    hidden = len(trace["services"]) - _MOST_PILLS
    return TraceRow(
        href=f"/trace/{trace['trace_id']}",
        name=shortened(trace["name"], 300) or "(no name)",
        service=shortened(trace["service"], 80),
        service_class=service_class(trace["service"]),
        root_missing=trace["root_missing"] and now_ns - trace["start_ns"] >= _ROOT_IS_LATE_NS,
        start=moment(trace["start_ns"]),
        start_machine=machine_moment(trace["start_ns"]),
        age=age(trace["start_ns"], now_ns=now_ns),
        duration=duration(trace["duration_ns"]),
        bar_width=percent(trace["duration_ns"], of=longest_ns),
        span_count=counted(trace["span_count"], "span"),
        errors=counted(trace["error_count"], "error") if trace["error_count"] else "",
        services=pills(trace["services"][:_MOST_PILLS]),
        services_hidden=f"+{number(hidden)}" if hidden > 0 else "",
    )


def _summary(request: SearchRequest, count: int, *, more: bool) -> str:
    """20 newest traces in the last hour."""
    if request.cursor:
        return f"{counted(count, 'older trace')} {request.phrase}"
    return f"{number(count) + ' newest traces' if more else counted(count, 'trace')} {request.phrase}"


def _older_href(request: SearchRequest, cursor: str | None, now_ns: int) -> str:
    """The next page keeps this page's range, although the clock goes on."""
    if not cursor:
        return ""
    conditions = request.conditions(now_ns=now_ns)
    pinned = {key: conditions[key] for key in ("start", "end") if key in conditions}
    return _href(request, **pinned, cursor=cursor)


def _wider(request: SearchRequest) -> list[tuple[str, str]]:
    """The next longer ranges, and the search without the operation."""
    keys = list(LOOKBACKS)
    longer = [
        key for key in ("24h", "7d", "all") if request.lookback == "custom" or _longer(key, request, keys)
    ]
    offers = [
        (_href(request, lookback=key, start="", end=""), f"Search {LOOKBACKS[key].phrase}") for key in longer
    ]
    if request.operation:
        offers.append((_href(request, operation=""), "Any operation"))
    if request.service:
        offers.append((_href(request, service="", operation=""), "All services"))
    return offers


def _longer(key: str, request: SearchRequest, keys: Sequence[str]) -> bool:
    return keys.index(key) > keys.index(request.lookback)


def _href(request: SearchRequest, **changes: str) -> str:
    query = {
        "service": request.service,
        "operation": request.operation,
        "lookback": request.lookback,
        "start": request.start if request.lookback == "custom" else "",
        "end": request.end if request.lookback == "custom" else "",
        "limit": str(request.limit),
    } | changes
    kept = {key: value for key, value in query.items() if value}
    return f"/search?{urlencode(kept, errors='replace')}"
