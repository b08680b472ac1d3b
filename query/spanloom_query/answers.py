"""The shapes of answers: what /docs shows and programs read.

Times and durations are integers in nanoseconds. Ids are lower-case hex.
"""

from typing import (
    Any,
    NotRequired,  # pydantic takes that of `typing` from Python 3.12 on
)

from typing_extensions import TypedDict


class Problem(TypedDict):
    """Any answer with a status of 400 or more: RFC 9457."""

    title: str
    status: int
    detail: str
    position: NotRequired[int]
    """Where in `q` the offending piece begins, in characters, from 1."""
    length: NotRequired[int]


class Services(TypedDict):
    """All services, sorted."""

    services: list[str]


class Operation(TypedDict):
    """What a service does."""

    name: str
    kind: str


class Operations(TypedDict):
    """What one service does, sorted by name and kind."""

    operations: list[Operation]


class ServiceCount(TypedDict):
    """A service's share of one trace."""

    name: str
    span_count: int
    error_count: int


class TraceSummary(TypedDict):
    """One trace as a line; `service` and `name` are the root's, or the earliest span's without one."""

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
    """One page of traces, newest first; ask again with `next` as `cursor` for more."""

    traces: list[TraceSummary]
    next: str | None


class Value(TypedDict):
    """An attribute's value with its OTLP type; bytes in base64, not-a-number and infinities as strings."""

    type: str
    value: Any


class Attribute(Value):
    """A value with its key."""

    key: str


class Event(TypedDict):
    """Something that happened during a span; `offset_ns` counts from the trace's start."""

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


class Resource(TypedDict):
    """What made spans."""

    attributes: list[Attribute]
    dropped_attributes_count: int
    schema_url: str


class Scope(Resource):
    """Which library made spans."""

    name: str
    version: str


class TreeSpan(TypedDict):
    """A span in its place: its `descendants` are the rows right after; `resource`, `scope` are indices."""

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


class Tree(TypedDict):
    """One trace, its spans parents first and siblings by start."""

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
