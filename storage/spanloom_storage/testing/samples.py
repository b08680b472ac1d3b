"""Spans for tests: plain ones by number, and one with everything."""

import dataclasses

from spanloom_model.ids import SpanId, TraceId
from spanloom_model.span import Attributes, Event, Link, Resource, Scope, Span, SpanKind, StatusCode

NOON_NS = 1_790_000_000_000_000_000
SECOND_NS = 1_000_000_000


def trace_id(number: int) -> TraceId:
    """A trace id that sorts as its number."""
    return TraceId(number.to_bytes(16, "big"))


def span_id(number: int) -> SpanId:
    """A span id that sorts as its number."""
    return SpanId(number.to_bytes(8, "big"))


def service_resource(service: str) -> Resource:
    """A resource that says only its service."""
    return Resource(attributes=Attributes((("service.name", service),)))


def span(trace: int = 1, number: int = 1, *, parent: int | None = None, **facts: object) -> Span:
    """A span that is plain but for what the test says of it."""
    plain = Span(
        trace_id=trace_id(trace),
        span_id=span_id(number),
        parent_id=None if parent is None else span_id(parent),
        service="shop",
        name="GET /",
        kind=SpanKind.SERVER,
        start_ns=NOON_NS + number * SECOND_NS,
        duration_ns=SECOND_NS // 2,
    )
    told = dataclasses.replace(plain, **facts)  # type: ignore[arg-type]  # the test names real fields
    if told.resource == Resource():
        told = dataclasses.replace(told, resource=service_resource(told.service))
    return told


RICH_SPAN = span(
    parent=2,
    name="überall 🧵",
    kind=SpanKind.CONSUMER,
    status=StatusCode.ERROR,
    status_message="no stock",
    attributes=Attributes(
        (
            ("text", "hello"),
            ("", "an empty key"),
            ("number", -(2**63)),
            ("number", 2**63 - 1),
            ("ratio", 0.1),
            ("infinite", float("inf")),
            ("yes", True),
            ("raw", b"\xff\x00"),
            ("nothing", None),
            ("list", ("a", 1, (2.5, None))),
            ("map", Attributes((("inner", Attributes((("deep", (False,)),))),))),
        )
    ),
    events=(
        Event(
            time_ns=NOON_NS + 5,
            name="cache miss",
            attributes=Attributes((("key", "cart"),)),
            dropped_attributes_count=3,
        ),
    ),
    links=(
        Link(
            trace_id=trace_id(9),
            span_id=span_id(9),
            trace_state="a=b",
            flags=1,
            attributes=Attributes((("why", "batch"),)),
            dropped_attributes_count=4,
        ),
    ),
    resource=Resource(
        attributes=Attributes((("service.name", "shop"), ("host.name", "a"))),
        dropped_attributes_count=1,
        schema_url="https://opentelemetry.io/schemas/1.37.0",
    ),
    scope=Scope(
        name="lib",
        version="1.2",
        attributes=Attributes((("k", "v"),)),
        dropped_attributes_count=2,
        schema_url="https://example.org/schema",
    ),
    trace_state="ot=th:8",
    flags=257,
    dropped_attributes_count=5,
    dropped_events_count=6,
    dropped_links_count=7,
)
