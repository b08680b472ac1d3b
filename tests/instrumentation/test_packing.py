"""Datagrams by size: as few as hold the spans, never one too large."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from spanloom_instrumentation.packing import pack, shrunk


def attribute(key: str, value: str) -> KeyValue:
    """One string attribute."""
    return KeyValue(key=key, value=AnyValue(string_value=value))


def request(spans_by_scope: dict[str, list[Span]]) -> ExportTraceServiceRequest:
    """One process's request."""
    scopes = [
        ScopeSpans(scope=InstrumentationScope(name=name), spans=spans)
        for name, spans in spans_by_scope.items()
    ]
    resource = Resource(attributes=[attribute("service.name", "shop")])
    return ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=resource, scope_spans=scopes)])


def named(message: ExportTraceServiceRequest) -> Counter[tuple[str, str]]:
    """(scope, span) names in a message."""
    return Counter(
        (scope_spans.scope.name, span.name)
        for resource_spans in message.resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    )


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(0, 700), max_size=15)),
    st.integers(600, 3000),
)
def test_every_span_arrives_once_and_no_datagram_is_too_large(
    sizes: dict[str, list[int]], room_bytes: int
) -> None:
    """Whatever mix of spans ends at once, nothing is lost in packing."""
    spans = {
        scope: [Span(name=f"{n}", attributes=[attribute("k", "x" * size)]) for n, size in enumerate(numbers)]
        for scope, numbers in sizes.items()
    }
    sent: Counter[tuple[str, str]] = Counter()
    for payload, span_count in pack(request(spans), room_bytes):
        assert len(payload) <= room_bytes
        message = ExportTraceServiceRequest.FromString(payload)
        assert named(message).total() == span_count
        assert message.resource_spans[0].resource.attributes[0].value.string_value == "shop"
        sent += named(message)
    assert sent == named(request(spans))


def test_small_spans_share_a_datagram() -> None:
    """A request's few spans are one datagram, whichever libraries made them."""
    spans = {scope: [Span(name=str(n)) for n in range(20)] for scope in "abc"}
    assert [span_count for _, span_count in pack(request(spans), 65_000)] == [60]


def test_resource_that_fills_a_datagram_costs_only_its_own_spans() -> None:
    """One library with an absurd resource takes nothing of the others' with it."""
    message = request({"a": [Span(name="good")]})
    huge = Resource(attributes=[attribute("k", "x" * 5000)])
    message.resource_spans.add(resource=huge, scope_spans=[ScopeSpans(spans=[Span(name="lost")])])
    packed = list(pack(message, 1000))
    assert [span_count for _, span_count in packed] == [1]
    assert named(ExportTraceServiceRequest.FromString(packed[0][0])) == {("a", "good"): 1}


def test_longest_values_are_cut_first_and_counted() -> None:
    """A huge SQL statement is shortened; the short attributes beside it stay as they are."""
    huge, small = attribute("db.query.text", "ü" * 50_000), attribute("user.id", "u-17")
    span = Span(name="query", attributes=[small, huge], events=[Span.Event(name="e", attributes=[huge])])
    cut = Span.FromString(shrunk(span, 1000))
    assert cut.ByteSize() <= 1000
    assert (cut.name, cut.attributes[0]) == ("query", small)
    assert (cut.dropped_attributes_count, cut.events[0].dropped_attributes_count) == (1, 1)
    assert set(cut.attributes[1].value.string_value) == {"ü"}


@pytest.mark.parametrize(
    "span",
    [
        Span(name="n" * 5000),
        Span(name="n", attributes=[attribute(f"key {n}", "v") for n in range(1000)]),
        Span(name="n", events=[Span.Event(name=f"event {n}") for n in range(1000)]),
        Span(name="n", links=[Span.Link(trace_id=bytes(16)) for _ in range(1000)]),
        Span(name="n", trace_state="t" * 5000),
        Span(name="ü" * 5000, attributes=[KeyValue(key="k", value=AnyValue(bytes_value=bytes(5000)))]),
    ],
    ids=["name", "attributes", "events", "links", "trace state", "bytes"],
)
def test_any_span_can_be_made_to_fit(span: Span) -> None:
    """Whatever a span is large by, its place in the trace arrives."""
    span.trace_id, span.span_id = b"t" * 16, b"s" * 8
    cut = Span.FromString(shrunk(span, 1000))
    assert cut.ByteSize() <= 1000
    assert (cut.trace_id, cut.span_id) == (span.trace_id, span.span_id)
