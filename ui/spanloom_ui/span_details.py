"""All that is known of one span, as its panel shows it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from spanloom_ui.answers import Attribute, Event, Link, Tree, TreeSpan
from spanloom_ui.colours import service_class
from spanloom_ui.wording import counted, duration, machine_moment, moment, number, offset

ROWS_PER_PAGE = 2_000
"""Of the tree. Browsers lay out that many in a tenth of a second; ten times as many stall them."""

NO_START = "no start time"

_MOST_ROWS = 500
_MOST_CHARACTERS = 100_000
_FOLDED_FROM = 600
_USUAL_FLAGS = {0x000, 0x001, 0x100, 0x101, 0x300, 0x301}
"""Sampled or not, and whether the parent was remote: the tree says as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A key with its value: as text, and shortened first where it is long."""

    key: str
    type: str
    text: str
    preview: str
    """The beginning of a long text, empty where the whole text stands in the open."""
    preformatted: bool
    length: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Values under a heading."""

    title: str
    values: list[Value]
    notes: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDetails:
    """An event, timed from the span's start and from the trace's."""

    name: str
    since_span: str
    since_trace: str
    at: str
    values: list[Value]
    notes: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDetails:
    """Another span, in this trace or another."""

    href: str
    trace_id: str
    span_id: str
    same_trace: bool
    values: list[Value]
    notes: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanPanel:
    """All that span.html may use: the panel as a response of its own, for the script."""

    template: ClassVar[str] = "span.html"

    details: "SpanDetails"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanDetails:
    """What the panel beside the tree says of one span."""

    span_id: str
    parent_id: str
    parent_href: str
    close_href: str
    """The trace with no span chosen."""
    name: str
    service: str
    service_class: str
    kind: str
    status: str
    status_message: str
    start: str
    start_machine: str
    offset: str
    duration: str
    share: str
    attributes: Section
    events: list[EventDetails]
    events_notes: list[str]
    links: list[LinkDetails]
    links_notes: list[str]
    resource: Section
    scope: Section
    more: Section


def span_details(tree: Tree, row: int) -> SpanDetails:
    """What the panel says of the span in *row*."""
    span = tree["spans"][row]
    resource, scope = tree["resources"][span["resource"]], tree["scopes"][span["scope"]]
    return SpanDetails(
        span_id=span["span_id"],
        parent_id=span["parent_id"] or "",
        parent_href=span_href(tree["trace_id"], span["parent_id"]) if span["parent_id"] else "",
        close_href=f"/trace/{tree['trace_id']}?from={row - row % ROWS_PER_PAGE}",
        name=span["name"],
        service=span["service"],
        service_class=service_class(span["service"]),
        kind=span["kind"],
        status=span["status"],
        status_message=span["status_message"],
        start=moment(span["start_ns"]) if span["start_ns"] else NO_START,
        start_machine=machine_moment(span["start_ns"]) if span["start_ns"] else "",
        offset=offset(span["offset_ns"]) if span["start_ns"] else "",
        duration=span_duration(span) if span["start_ns"] else "unknown",
        share=_share(span["duration_ns"], of=tree["duration_ns"]) if span["start_ns"] else "",
        attributes=_section("Attributes", span["attributes"], span["dropped_attributes_count"]),
        events=[_event(event, span) for event in span["events"][:_MOST_ROWS]],
        events_notes=_notes("event", len(span["events"]), span["dropped_events_count"]),
        links=[_link(link, tree["trace_id"]) for link in span["links"][:_MOST_ROWS]],
        links_notes=_notes("link", len(span["links"]), span["dropped_links_count"]),
        resource=_section("Resource", resource["attributes"], resource["dropped_attributes_count"]),
        scope=_section(
            "Scope",
            [*_plain(name=scope["name"], version=scope["version"]), *scope["attributes"]],
            scope["dropped_attributes_count"],
        ),
        more=_section("More", _plain(**_rare_facts(tree, span)), 0),
    )


def span_duration(span: TreeSpan) -> str:
    """How long it took, as far as its times say so."""
    if not span["start_ns"]:
        return NO_START
    return duration(span["duration_ns"]) if span["start_ns"] + span["duration_ns"] > 0 else "no end time"


def _rare_facts(tree: Tree, span: TreeSpan) -> dict[str, str]:
    return {
        "trace state": span["trace_state"],
        "flags": _unusual_flags(span["flags"]),
        "resource schema": tree["resources"][span["resource"]]["schema_url"],
        "scope schema": tree["scopes"][span["scope"]]["schema_url"],
    }


def _unusual_flags(flags: int) -> str:
    return "" if flags in _USUAL_FLAGS else f"0x{flags:03x}"


def span_href(trace_id: str, span_id: str) -> str:
    """The page of a trace with that span chosen; ids of foreign make cannot leave the path."""
    trace_id, span_id = (quote(part, safe="", errors="replace") for part in (trace_id, span_id))
    return f"/trace/{trace_id}?span={span_id}"


def _share(duration_ns: int, *, of: int) -> str:
    if of <= 0 or duration_ns <= 0:
        return ""
    percent = 100 * duration_ns / of
    return "<1 %" if percent < 1 else f"{percent:.0f} %"


def _event(event: Event, span: TreeSpan) -> EventDetails:
    return EventDetails(
        name=event["name"],
        since_span=offset(event["time_ns"] - span["start_ns"] if span["start_ns"] else event["offset_ns"]),
        since_trace=offset(event["offset_ns"]),
        at=moment(event["time_ns"]),
        values=_values(event["attributes"]),
        notes=_notes("attribute", len(event["attributes"]), event["dropped_attributes_count"]),
    )


def _link(link: Link, trace_id: str) -> LinkDetails:
    facts = {"trace state": link["trace_state"], "flags": _unusual_flags(link["flags"])}
    return LinkDetails(
        href=span_href(link["trace_id"], link["span_id"]),
        trace_id=link["trace_id"],
        span_id=link["span_id"],
        same_trace=link["trace_id"] == trace_id,
        values=_values([*link["attributes"], *_plain(**facts)]),
        notes=_notes("attribute", len(link["attributes"]), link["dropped_attributes_count"]),
    )


def _section(title: str, attributes: Sequence[Attribute], dropped: int) -> Section:
    notes = _notes("attribute", len(attributes), dropped)
    return Section(title=title, values=_values(attributes), notes=notes)


def _notes(noun: str, count: int, dropped: int) -> list[str]:
    """What is not shown, and whose doing it is."""
    notes = []
    if count > _MOST_ROWS:
        notes.append(f"{counted(count - _MOST_ROWS, f'more {noun}')} in the trace's JSON.")
    if dropped:
        notes.append(f"The client dropped {counted(dropped, noun)}.")
    return notes


def _plain(**facts: str) -> list[Attribute]:
    """Facts that are no attributes, in the same shape; what was left empty is left out."""
    return [{"key": key, "type": "string", "value": value} for key, value in facts.items() if value]


def _values(attributes: Sequence[Attribute]) -> list[Value]:
    return [_value(attribute) for attribute in attributes[:_MOST_ROWS]]


def _value(attribute: Attribute) -> Value:
    text = _text(attribute["type"], attribute["value"])
    if len(text) > _MOST_CHARACTERS:
        cut = f"(the first {number(_MOST_CHARACTERS)} of {number(len(text))} characters)"
        text = f"{text[:_MOST_CHARACTERS]}… {cut}"
    preformatted = "\n" in text
    folded = len(text) > _FOLDED_FROM and not preformatted
    return Value(
        key=attribute["key"],
        type=attribute["type"],
        text=text,
        preview=text[:160] if folded else "",
        preformatted=preformatted,
        length=counted(len(text), "character"),
    )


def _text(kind: str, value: Any) -> str:
    if kind == "string" or isinstance(value, str):
        return str(value)
    if kind == "empty":
        return ""
    return json.dumps(_bare(kind, value), ensure_ascii=False)


def _bare(kind: str, value: Any) -> Any:
    """The value without the types of its parts, which `json` then writes."""
    if kind == "array":
        return [_bare(part["type"], part["value"]) for part in value]
    if kind == "kvlist":
        return {part["key"]: _bare(part["type"], part["value"]) for part in value}
    return value
