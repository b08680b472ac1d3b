"""What spans say beyond the limits is left out, and told."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanloom_storage import otlp
from spanloom_storage.limits import LONG_KEY, LONG_NAME, LONG_VALUE, SURPLUS, SpanLimits
from spanloom_storage.testing.messages import requests

LIMITS = SpanLimits(max_attributes=3, max_value_bytes=20)
IDS: dict[str, Any] = {"trace_id": b"t" * 16, "span_id": b"s" * 8}

thorough = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def of_span(span: Span) -> ExportTraceServiceRequest:
    """A request with it."""
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.append(span)
    return request


def limited(request: ExportTraceServiceRequest) -> tuple[ExportTraceServiceRequest, dict[str, int]]:
    """What is stored of it, and what was cut."""
    checked = otlp.checked(request.SerializeToString(), LIMITS)
    return ExportTraceServiceRequest.FromString(checked.request.data), checked.cut


def limited_span(span: Span) -> tuple[Span, dict[str, int]]:
    """The same of one span."""
    request, cut = limited(of_span(span))
    return request.resource_spans[0].scope_spans[0].spans[0], cut


def test_what_is_within_the_limits_stays_byte_for_byte() -> None:
    """Limits cost nobody who keeps them."""
    span = Span(**IDS, name="n" * 20)
    for number in range(3):
        span.attributes.add(key=f"{number}").value.string_value = "v" * 20
    data = of_span(span).SerializeToString()
    checked = otlp.checked(data, LIMITS)
    assert checked.request.data == data
    assert checked.cut == {}


def test_surplus_attributes_are_dropped() -> None:
    """The first stay, and the span says how many are gone."""
    span = Span(**IDS, dropped_attributes_count=2)
    for number in range(5):
        span.attributes.add(key=f"{number}").value.int_value = number
    kept, cut = limited_span(span)
    assert [pair.key for pair in kept.attributes] == ["0", "1", "2"]
    assert kept.dropped_attributes_count == 4
    assert cut == {SURPLUS: 2}


@pytest.mark.parametrize(
    ("text", "kept"), [("v" * 21, "v" * 20), ("ä" * 11, "ä" * 10), ("v" + "ä" * 10, "v" + "ä" * 9)]
)
def test_long_values_are_cut_between_characters(text: str, kept: str) -> None:
    """What is left is text."""
    span = Span(**IDS)
    span.attributes.add(key="k").value.string_value = text
    found, cut = limited_span(span)
    assert found.attributes[0].value.string_value == kept
    assert (found.dropped_attributes_count, cut) == (1, {LONG_VALUE: 1})


def test_long_values_are_found_wherever_they_are() -> None:
    """Bytes, lists, maps; events, links, scopes, resources; names and messages."""
    request = of_span(Span(**IDS, name="n" * 30))
    scope_spans = request.resource_spans[0].scope_spans[0]
    span = scope_spans.spans[0]
    span.status.message = "m" * 30
    span.attributes.add(key="k" * 21).value.int_value = 1
    span.attributes.add(key="bytes").value.bytes_value = b"b" * 30
    span.attributes.add(key="list").value.array_value.values.add().string_value = "v" * 30
    nested = span.links.add(**IDS).attributes.add(key="map").value.kvlist_value.values.add(key="x" * 30)
    nested.value.string_value = "v" * 30
    event = span.events.add(name="e" * 30)
    scope_spans.scope.name = "s" * 30
    for owner in (event, scope_spans.scope, request.resource_spans[0].resource):
        owner.attributes.add(key="k").value.string_value = "v" * 30
    stored, cut = limited(request)
    assert cut == {LONG_NAME: 4, LONG_KEY: 1, LONG_VALUE: 6}
    kept = stored.resource_spans[0]
    assert kept.resource.attributes[0].value.string_value == "v" * 20
    assert kept.resource.dropped_attributes_count == 1
    assert kept.scope_spans[0].scope.name == "s" * 20
    span = kept.scope_spans[0].spans[0]
    assert (span.name, span.status.message, span.events[0].name) == ("n" * 20, "m" * 20, "e" * 20)
    assert [pair.key for pair in span.attributes] == ["bytes", "list"]
    assert span.dropped_attributes_count == 3
    pair = span.links[0].attributes[0].value.kvlist_value.values[0]
    assert (pair.key, pair.value.string_value) == ("x" * 20, "v" * 20)


@thorough
@given(requests(), st.integers(1, 6), st.integers(1, 30))
def test_nothing_beyond_the_limits_is_stored(
    request: ExportTraceServiceRequest, most_attributes: int, most_bytes: int
) -> None:
    """Whatever comes, what is kept passes the check without a remark about its attributes."""
    limits = SpanLimits(max_attributes=most_attributes, max_value_bytes=most_bytes)
    checked = otlp.checked(request.SerializeToString(), limits)
    again = otlp.checked(checked.request.data, limits)
    assert (again.cut, again.rejected) == ({}, {})
    assert again.request.span_count == checked.request.span_count
