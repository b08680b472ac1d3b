"""The query API's answers, as the pages read them.

The shapes are the API's promise; the values come from whatever clients sent, so nothing here is
short, unique or harmless.
"""

from typing import Any, TypedDict


class ServiceCount(TypedDict):
    """How much of a trace one service did."""

    name: str
    span_count: int
    error_count: int


class TraceSummary(TypedDict):
    """One trace among those found."""

    trace_id: str
    service: str
    name: str
    root_missing: bool
    start_ns: int
    duration_ns: int
    span_count: int
    error_count: int
    services: list[ServiceCount]


class Traces(TypedDict):
    """Newest first; *next* is the cursor to older ones, or None at the end."""

    traces: list[TraceSummary]
    next: str | None


class Operation(TypedDict):
    """A span name that a service has used, and for which kind."""

    name: str
    kind: str


class Attribute(TypedDict):
    """A key with a typed value: arrays hold typed values, key-value lists hold attributes again."""

    key: str
    type: str
    value: Any


class Event(TypedDict):
    """Something that happened at one moment of a span."""

    name: str
    time_ns: int
    offset_ns: int
    attributes: list[Attribute]
    dropped_attributes_count: int


class Link(TypedDict):
    """Another span that this one came from."""

    trace_id: str
    span_id: str
    trace_state: str
    flags: int
    attributes: list[Attribute]
    dropped_attributes_count: int


class TreeSpan(TypedDict):
    """One row of the tree, parents first: the next *descendants* rows are its subtree."""

    span_id: str
    parent_id: str | None
    depth: int
    descendants: int
    service: str
    name: str
    kind: str
    start_ns: int
    offset_ns: int
    duration_ns: int
    status: str
    status_message: str
    attributes: list[Attribute]
    events: list[Event]
    links: list[Link]
    resource: int
    scope: int
    trace_state: str
    flags: int
    dropped_attributes_count: int
    dropped_events_count: int
    dropped_links_count: int


class Resource(TypedDict):
    """What made some of the spans."""

    attributes: list[Attribute]
    dropped_attributes_count: int
    schema_url: str


class Scope(TypedDict):
    """The instrumentation library that made some of the spans."""

    name: str
    version: str
    attributes: list[Attribute]
    dropped_attributes_count: int
    schema_url: str


class Tree(TypedDict):
    """One whole trace."""

    trace_id: str
    start_ns: int
    duration_ns: int
    span_count: int
    error_count: int
    depth: int
    services: list[ServiceCount]
    warnings: list[str]
    spans: list[TreeSpan]
    resources: list[Resource]
    scopes: list[Scope]
