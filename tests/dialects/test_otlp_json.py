"""OTLP's JSON: the fast reader says what protobuf's own says, or leaves it to that."""

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import HealthCheck, given, settings
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_dialects.otlp_json import to_protobuf
from spanloom_model.wire import MalformedError, TooManySpansError
from spanloom_storage import otlp_json
from spanloom_storage.testing.messages import requests
from tests.dialects.test_hostile import damaged

thorough = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))

SPAN = {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331"}


def written(span: Any) -> bytes:
    """A request with a span."""
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


@thorough
@given(requests())
def test_it_says_what_protobuf_says(request: ExportTraceServiceRequest) -> None:
    """Of any message, as any exporter may write it."""
    body = otlp_json.from_protobuf(request.SerializeToString())
    found = to_protobuf(body, most_spans=10_000)
    if found is None:
        assert request != ExportTraceServiceRequest.FromString(b"")
        found = otlp_json.to_protobuf(body)
    assert MessageToDict(ExportTraceServiceRequest.FromString(found)) == MessageToDict(request)


@pytest.mark.parametrize(
    "told",
    [
        {"kind": 2, "startTimeUnixNano": "5", "endTimeUnixNano": 7, "name": "ü", "flags": 1},
        {"kind": "SPAN_KIND_CLIENT", "status": {"code": "STATUS_CODE_ERROR", "message": "m"}},
        {"attributes": [{"key": "k", "value": {"intValue": "-9007199254740993"}}], "parentSpanId": ""},
        {"attributes": [{"key": "k", "value": {"doubleValue": "NaN"}}, {"key": "l"}]},
        {"attributes": [{"key": "k", "value": {"bytesValue": "AAE="}}], "droppedAttributesCount": 3},
        {"attributes": [{"key": "k", "value": {"arrayValue": {"values": [{}, {"boolValue": False}]}}}]},
        {"events": [{"timeUnixNano": "5", "name": "e"}], "links": [{**SPAN, "flags": 1}], "traceState": None},
    ],
)
def test_what_exporters_write_is_read_fast(told: dict[str, Any]) -> None:
    """And exactly."""
    body = written({**SPAN, **told})
    found = to_protobuf(body, most_spans=1)
    assert found is not None
    expected = ExportTraceServiceRequest.FromString(otlp_json.to_protobuf(body))
    # As text, in which not-a-number is equal to itself.
    assert str(ExportTraceServiceRequest.FromString(found)) == str(expected)


@pytest.mark.parametrize(
    "told",
    [
        {"trace_state": "a=1"},
        {"ofTheFuture": 1},
        {"traceId": "xyz"},
        {"kind": "SPAN_KIND_NONSENSE"},
        {"startTimeUnixNano": "1e3"},
        {"startTimeUnixNano": -1},
        {"startTimeUnixNano": 2**64},
        {"flags": 2**32},
        {"attributes": [{"key": "k", "value": {"bytesValue": "-_8="}}]},
    ],
)
def test_all_else_is_left_to_protobuf(told: dict[str, Any]) -> None:
    """Nothing is guessed."""
    assert to_protobuf(written({**SPAN, **told}), most_spans=1) is None


def test_too_many_spans_are_not_looked_at() -> None:
    """They would be refused anyway."""
    with pytest.raises(TooManySpansError):
        to_protobuf(written(SPAN), most_spans=0)


BODY = written(
    {
        **SPAN,
        "kind": 2,
        "startTimeUnixNano": "5",
        "attributes": [{"key": "k", "value": {"arrayValue": {"values": [{"intValue": "7"}]}}}],
        "events": [{"timeUnixNano": 5, "name": "e"}],
        "status": {"code": 2},
    }
)


@thorough
@given(damaged(BODY))
def test_damaged_bodies(body: bytes) -> None:
    """What it reads of them protobuf's own reader reads too, and says the same."""
    found = to_protobuf(body, most_spans=100)
    if found is None:
        return
    try:
        expected = otlp_json.to_protobuf(body)
    except MalformedError as exc:
        pytest.fail(f"protobuf does not take it: {exc}")
    assert str(ExportTraceServiceRequest.FromString(found)) == str(
        ExportTraceServiceRequest.FromString(expected)
    )
