"""Datagrams by size: as few as hold the spans, never one too large."""

import tracemalloc
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.trace import Link, SpanContext, StatusCode, TraceFlags, TraceState

from spanloom_instrumentation import TracerProvider
from spanloom_instrumentation.encoding.spans import encode
from spanloom_instrumentation.limits import UNLIMITED, AttributeLimits, SpanLimits
from spanloom_instrumentation.packing import pack
from spanloom_instrumentation.shrinking import shrunk
from spanloom_instrumentation.span import Span
from tests.instrumentation.doubles import attributes, traced

UNBOUNDED = SpanLimits(
    span=AttributeLimits(most=UNLIMITED),
    event=AttributeLimits(most=UNLIMITED),
    events=UNLIMITED,
    links=UNLIMITED,
)
PROVIDER = TracerProvider(limits=UNBOUNDED, shutdown_on_exit=False)
RESOURCE = traced().provider.resource.encoded


def ended(name: str, told: Mapping[str, Any] | None = None, scope: str = "shop", **more: Any) -> Span:
    """A span that has ended."""
    span = PROVIDER.get_tracer(scope).start_span(name, attributes=told, **more)
    span.end()
    assert isinstance(span, Span)
    return span


def named(message: ExportTraceServiceRequest) -> Counter[tuple[str, str]]:
    """(scope, span) names in a message."""
    return Counter(
        (scope_spans.scope.name, span.name)
        for resource_spans in message.resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    )


def small(span: Span, room_bytes: int = 1000) -> OtlpSpan:
    """A span made to fit."""
    data = shrunk(span, room_bytes)
    assert len(data) <= room_bytes
    (found,) = ScopeSpans.FromString(data).spans
    return found


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(0, 700), max_size=15)),
    st.integers(600, 3000),
    st.randoms(use_true_random=False),
)
def test_every_span_arrives_once_and_no_datagram_is_too_large(
    sizes: dict[str, list[int]], room_bytes: int, order: Any
) -> None:
    """Whatever mix of spans ends at once, nothing is lost in packing."""
    spans = [
        ended(f"{number}", {"k": "x" * size}, scope)
        for scope, numbers in sizes.items()
        for number, size in enumerate(numbers)
    ]
    order.shuffle(spans)
    sent: Counter[tuple[str, str]] = Counter()
    for payload, span_count in pack(RESOURCE, spans, room_bytes):
        assert len(payload) <= room_bytes
        message = ExportTraceServiceRequest.FromString(payload)
        assert named(message).total() == span_count
        assert attributes(message.resource_spans[0].resource) == {"service.name": "shop"}
        sent += named(message)
    assert sent == Counter((span.of.scope.name, span.name) for span in spans)


def test_small_spans_share_a_datagram() -> None:
    """A request's few spans are one datagram, whichever libraries made them."""
    spans = [ended(str(number), scope=scope) for number in range(20) for scope in "abc"]
    assert [packed.span_count for packed in pack(RESOURCE, spans, 65_000)] == [60]


def test_large_span_is_sent_alone() -> None:
    """A span that fills a datagram does not hold up those that ended before it."""
    spans = [ended("before"), ended("large", {"k": "x" * 5000}), ended("after")]
    messages = [ExportTraceServiceRequest.FromString(one.payload) for one in pack(RESOURCE, spans, 1000)]
    assert [list(named(message)) for message in messages] == [
        [("shop", "before")],
        [("shop", "large")],
        [("shop", "after")],
    ]


def test_scope_that_fills_a_datagram_costs_only_its_own_spans() -> None:
    """One library with an absurd name takes nothing of the others' with it."""
    packed = list(pack(RESOURCE, [ended("lost", scope="x" * 5000), ended("good")], 1000))
    assert [one.span_count for one in packed] == [1]
    assert named(ExportTraceServiceRequest.FromString(packed[0].payload)) == {("shop", "good"): 1}


def test_span_that_cannot_be_encoded_costs_only_itself() -> None:
    """A time from a spreadsheet is the business of one span, not of all that end in the same second."""
    packed = list(pack(RESOURCE, [ended("wrong", start_time=-1), ended("good")], 1000))
    assert [one.span_count for one in packed] == [1]
    assert b"good" in packed[0].payload


def test_longest_values_are_cut_first_and_counted() -> None:
    """A huge SQL statement is shortened; the short attributes beside it stay as they are."""
    span = ended("query", {"user.id": "u-17", "db.query.text": "ü" * 50_000, "half": "h" * 300})
    span.told["bytes"] = bytes(400)
    span.more = None
    cut = small(span)
    told = attributes(cut)
    assert cut.name == "query"
    assert told["user.id"] == "u-17"
    assert told["half"] == "h" * len(told["half"])
    assert len(told["half"]) < 300
    assert abs(len(told["db.query.text"].encode()) - len(told["bytes"])) <= 1
    assert set(told["db.query.text"]) == {"ü"}
    assert cut.dropped_attributes_count == 3


def test_values_of_events_are_cut_too() -> None:
    """A long stack trace is cut where it stands, and the event says so."""
    span = PROVIDER.get_tracer("shop").start_span("query", attributes={"user.id": "u-17"})
    span.add_event("exception", {"exception.stacktrace": "at line\n" * 1000})
    span.end()
    assert isinstance(span, Span)
    cut = small(span)
    assert (cut.dropped_attributes_count, cut.events[0].dropped_attributes_count) == (0, 1)
    assert attributes(cut)["user.id"] == "u-17"
    assert len(span.events[0].attributes["exception.stacktrace"]) == 8000, "others may still read it"  # type: ignore[arg-type]  # it is a text


def crowded() -> dict[str, Span]:
    """Spans that are large by something else than a value."""
    context = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState())
    events, status, state = (
        PROVIDER.get_tracer("shop").start_span("n"),
        PROVIDER.get_tracer("shop").start_span("n"),
        PROVIDER.get_tracer("shop").start_span("n"),
    )
    for number in range(1000):
        events.add_event(f"event {number}")
    status.set_status(StatusCode.ERROR, "ü" * 5000)
    assert isinstance(state, Span)
    state.heritage.trace_state = TraceState([(f"k{number}", "v" * 200) for number in range(30)])
    for span in (events, status, state):
        span.end()
    return {
        "name": ended("n" * 5000),
        "name of wide characters": ended("ü" * 5000),
        "attributes": ended("n", {f"key {number}": "v" for number in range(1000)}),
        "a list": ended("n", {"k": ["v" * 10] * 1000}),
        "events": events,  # type: ignore[dict-item]  # made to be odd
        "links": ended("n", links=[Link(context) for _ in range(1000)]),
        "status": status,  # type: ignore[dict-item]  # made to be odd
        "trace state": state,
    }


@pytest.mark.parametrize("what", crowded())
def test_any_span_can_be_made_to_fit(what: str) -> None:
    """Whatever a span is large by, its place in the trace arrives."""
    span = crowded()[what]
    cut = small(span)
    assert int.from_bytes(cut.trace_id) == span.get_span_context().trace_id
    assert int.from_bytes(cut.span_id) == span.span_id


def test_cutting_many_values_takes_no_time() -> None:
    """A span of ten thousand values is made to fit at once, not value by value."""
    span = ended("n", {f"{number}": "x" * 100 for number in range(10_000)})
    assert 0 < len(attributes(small(span, 60_000))) < 1000 * 10


def test_long_names_and_keys_are_not_remembered() -> None:
    """Who puts whole URLs into names, each another, pays with no memory for it."""
    tracemalloc.start()
    try:
        for number in range(500):
            encode(ended(f"{number} " + "n" * 20_000, {f"{number} " + "k" * 20_000: number}))
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held_bytes < 2_000_000
