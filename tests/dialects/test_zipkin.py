"""What Zipkin's clients send, what becomes of it, and what Zipkin says of what it does not take."""

from typing import Any

import msgspec
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, Status

from spanloom_dialects.errors import DialectError
from spanloom_dialects.translated import Translated
from spanloom_dialects.zipkin import answer
from spanloom_dialects.zipkin.from_otlp import zipkin_spans
from spanloom_dialects.zipkin.json_list import from_json
from spanloom_dialects.zipkin.proto_list import from_proto
from spanloom_dialects.zipkin.v1_json import from_v1_json
from tests.dialects import captured

CART = {
    "traceId": "000000000000000a00000000000000ff",
    "parentId": "0000000000000001",
    "id": "0000000000000002",
    "kind": "SERVER",
    "name": "get /cart",
    "timestamp": 1_700_000_000_250_000,
    "duration": 125_000,
    "localEndpoint": {"serviceName": "checkout", "ipv4": "10.0.0.1", "port": 8080},
    "remoteEndpoint": {"serviceName": "db", "ipv6": "2001:db8::1", "port": 5432},
    "annotations": [{"timestamp": 1_700_000_000_500_000, "value": "retry"}],
    "tags": {"error": "timeout", "http.method": "GET"},
}


def parsed(translated: Translated) -> list[ResourceSpans]:
    """A translation as messages."""
    return list(ExportTraceServiceRequest.FromString(translated.request).resource_spans)


def answered(translated: Translated) -> list[dict[str, Any]]:
    """What Zipkin's API answers after it has taken a body."""
    spans: list[dict[str, Any]] = msgspec.json.decode(answer.to_json(zipkin_spans(parsed(translated))))
    return spans


def with_changes(**changes: Any) -> bytes:
    """A body with one span that has what it needs, and that."""
    span = {"traceId": "a", "id": "b", "timestamp": 1, **changes}
    return msgspec.json.encode([{key: value for key, value in span.items() if value is not ...}])


def test_spans_of_the_python_client() -> None:
    """py_zipkin's three encodings say the same."""
    assert answered(from_json(captured.ZIPKIN_V2_JSON)) == [{**CART, "shared": True}]
    assert answered(from_proto(captured.ZIPKIN_PROTO)) == [{**CART, "shared": True, "debug": True}]
    assert answered(from_v1_json(captured.ZIPKIN_V1_JSON)) == [{**CART, "shared": True}]


def test_span_as_otlp() -> None:
    """A span from Zipkin is found by what OpenTelemetry calls its parts."""
    (resource_spans,) = parsed(from_json(captured.ZIPKIN_V2_JSON))
    (name,) = resource_spans.resource.attributes
    assert (name.key, name.value.string_value) == ("service.name", "checkout")
    (span,) = resource_spans.scope_spans[0].spans
    assert (span.name, span.kind) == ("get /cart", Span.SPAN_KIND_SERVER)
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "timeout")
    assert {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "") for pair in span.attributes
    } == {
        "http.method": "GET",
        "error": "timeout",
        "net.host.ip": "10.0.0.1",
        "net.host.port": 8080,
        "peer.service": "db",
        "net.peer.ip": "2001:db8::1",
        "net.peer.port": 5432,
        "zipkin.shared": True,
    }


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"traceId": ...}, "Missing : traceId"),
        ({"id": ...}, "Missing : id"),
        ({"traceId": ..., "id": ...}, "Missing : traceId id"),
        ({"traceId": None}, "Expected a string but was NULL at path $[0].traceId"),
        ({"id": True}, "Expected a string but was BOOLEAN at path $[0].id"),
        ({"traceId": ""}, "traceId is empty"),
        ({"traceId": "0" * 33}, "traceId.length > 32"),
        ({"traceId": "0" * 32}, "traceId is all zeros"),
        ({"traceId": "ABC"}, "ABC should be lower-hex encoded with no prefix"),
        ({"traceId": "0x12"}, "0x12 should be lower-hex encoded with no prefix"),
        ({"traceId": "1 23"}, "1 23 should be lower-hex encoded with no prefix"),
        ({"id": ""}, "id is empty"),
        ({"id": "0" * 17}, "id.length > 16"),
        ({"id": "0" * 16}, "id is all zeros"),
        ({"parentId": ""}, "parentId is empty"),
        ({"parentId": "1" * 17}, "parentId.length > 16"),
        ({"kind": "OTHER"}, "No enum constant zipkin2.Span.Kind.OTHER"),
        ({"localEndpoint": {"port": 65536}}, "invalid port 65536"),
        ({"annotations": [{"timestamp": 1}]}, "Incomplete annotation at $[0].annotations[0]"),
        ({"annotations": [{"value": "a"}]}, "Incomplete annotation at $[0].annotations[0]"),
        ({"tags": {"x": None}}, "No value at $[0].tags.x"),
        ({"tags": {"x": True}}, "Expected a string but was BOOLEAN at path $[0].tags.x"),
        ({"tags": []}, "Expected BEGIN_OBJECT but was BEGIN_ARRAY at path $[0].tags"),
        ({"timestamp": "soon"}, "Expected a long but was soon at path $[0].timestamp"),
        ({"timestamp": 2**63}, f"Expected a long but was {2**63}"),
        ({"debug": "yes"}, "Expected a boolean but was STRING at path $[0].debug"),
    ],
)
def test_span_that_zipkin_does_not_take(changes: dict[str, Any], says: str) -> None:
    """The answer has Zipkin's words, and the good span beside it is kept."""
    body = with_changes(**changes)
    assert from_json(body).message == says
    both = from_json(body[:-1] + b"," + with_changes()[1:])
    assert (both.span_count, sum(both.rejected.values()), both.message) == (1, 1, says)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"traceId": "1" * 17}, {"traceId": "0" * 15 + "1" * 17}),
        ({"traceId": "0" * 16 + "000000000000000a"}, {"traceId": "000000000000000a"}),
        ({"parentId": "0"}, {}),
        ({"parentId": "b"}, {}),
        (
            {"name": "GET", "localEndpoint": {"serviceName": "Front"}},
            {"name": "get", "localEndpoint": {"serviceName": "front"}},
        ),
        ({"name": "", "localEndpoint": {"serviceName": "", "port": 0}}, {}),
        ({"timestamp": ...}, {"timestamp": ...}),
        ({"timestamp": -5, "duration": 7}, {"timestamp": ..., "duration": 7}),
        ({"timestamp": 1.5e3}, {"timestamp": 1500}),
        ({"timestamp": "17"}, {"timestamp": 17}),
        ({"timestamp": 2**63 - 1, "duration": 2**63 - 1}, {"timestamp": 2**63 - 1, "duration": 2**63 - 1}),
        ({"kind": "CLIENT", "shared": True}, {"kind": "CLIENT"}),
        ({"debug": True, "shared": False}, {"debug": True}),
        ({"tags": {"n": 12, "f": 1.50}}, {"tags": {"f": "1.5", "n": "12"}}),
        ({"tags": {"e": ""}}, {"tags": {"e": ""}}),
        (
            {"localEndpoint": {"ipv4": "no", "ipv6": "::ffff:10.0.0.1"}},
            {"localEndpoint": {"ipv4": "10.0.0.1"}},
        ),
        ({"localEndpoint": {"ipv6": "2001:DB8::C001"}}, {"localEndpoint": {"ipv6": "2001:db8::c001"}}),
        (
            {"annotations": [{"timestamp": 2, "value": "b"}, {"timestamp": 1, "value": "a"}] * 2},
            {"annotations": [{"timestamp": 1, "value": "a"}, {"timestamp": 2, "value": "b"}]},
        ),
        ({"remoteEndpoint": None, "kind": None, "tags": None, "unknown": [1]}, {}),
    ],
)
def test_span_as_zipkin_keeps_it(changes: dict[str, Any], found: dict[str, Any]) -> None:
    """What is sent in other forms than Zipkin's own is answered in them."""
    expected = {"traceId": "000000000000000a", "id": "000000000000000b", "timestamp": 1, **found}
    (span,) = answered(from_json(with_changes(**changes)))
    assert span == {key: value for key, value in expected.items() if value is not ...}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{}", "Expected a JSON_V2 encoded list"),
        (b"hello", "Expected a JSON_V2 encoded list"),
        (captured.ZIPKIN_V1_JSON, "Expected a JSON_V2 encoded list, but received: JSON_V1"),
        (b"[bad]", "Malformed reading List<Span> from json"),
        (b'[{"traceId":"a"', "Truncated reading List<Span> from json"),
        (b"[" + b'{"a":' * 100_000, "Malformed reading List<Span> from json"),
    ],
)
def test_body_that_is_no_list(body: bytes, says: str) -> None:
    """The answer says what Zipkin's would."""
    with pytest.raises(DialectError) as caught:
        from_json(body)
    assert str(caught.value) == says


def test_other_bodies() -> None:
    """Version 1 knows its own, too, and protobuf."""
    with pytest.raises(DialectError, match="Expected a JSON_V1 encoded list, but received: JSON_V2"):
        from_v1_json(captured.ZIPKIN_V2_JSON)
    with pytest.raises(DialectError, match="Malformed reading List<Span> from proto3"):
        from_proto(b"\x0a")
    for body in (b"", b"[]", b" [ ] "):
        assert from_json(body).request == from_v1_json(body).request == b""
    assert from_proto(b"").span_count == 0


def test_span_with_a_list_for_a_span_costs_only_itself() -> None:
    """Also what is no span at all."""
    found = from_json(b'[[],{"traceId":"a","id":"b"},7,"\xff"]')
    assert (found.span_count, sum(found.rejected.values())) == (1, 3)


def test_text_that_is_not_utf8_costs_no_span() -> None:
    """One strange byte is one strange character."""
    (span,) = answered(from_json(b'[{"traceId":"a","id":"b","tags":{"k":"v\xff"}}]'))
    assert span["tags"] == {"k": "v�"}


def test_tags_named_like_parts_of_endpoints_stay_tags() -> None:
    """A tag is not taken for an address."""
    tags = {"net.peer.ip": "10.9.9.9", "peer.service": "mine", "server.address": "db.example.org"}
    body = with_changes(kind="CLIENT", tags=tags, remoteEndpoint={"serviceName": "db", "ipv4": "10.0.0.2"})
    (span,) = answered(from_json(body))
    assert span["tags"] == tags
    assert span["remoteEndpoint"] == {"serviceName": "db", "ipv4": "10.0.0.2"}
    (bare,) = answered(from_json(with_changes(kind="CLIENT", tags=tags)))
    assert (bare["tags"], "remoteEndpoint" in bare) == (tags, False)


def test_opentelemetry_goes_out_as_its_specification_says() -> None:
    """Zipkin's user interface shows spans of services with OpenTelemetry."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    for key, text in (("service.name", "Shop"), ("service.namespace", "prod")):
        resource_spans.resource.attributes.add(key=key).value.string_value = text
    span = resource_spans.scope_spans.add().spans.add(
        trace_id=bytes(range(16)), span_id=bytes(range(1, 9)), name="GET", kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=1_000, end_time_unix_nano=2_234, dropped_events_count=2,
    )  # fmt: skip
    span.status.code = Status.STATUS_CODE_ERROR
    span.attributes.add(key="ok").value.bool_value = True
    span.attributes.add(key="list").value.array_value.values.add().int_value = 1
    span.attributes.add(key="server.address").value.string_value = "Db.Example.org"
    span.events.add(time_unix_nano=1_500, name="e").attributes.add(key="k").value.string_value = "v"
    link = span.links.add(trace_id=bytes(range(16)), span_id=bytes(range(1, 9)))
    link.attributes.add(key="k").value.int_value = 1
    (out,) = zipkin_spans(request.resource_spans)
    assert msgspec.json.decode(answer.to_json([out])) == [
        {
            "traceId": "000102030405060708090a0b0c0d0e0f",
            "id": "0102030405060708",
            "kind": "CLIENT",
            "name": "get",
            "timestamp": 1,
            "duration": 1,
            "localEndpoint": {"serviceName": "shop"},
            "remoteEndpoint": {"serviceName": "db.example.org"},
            "annotations": [{"timestamp": 1, "value": '"e": {"k":"v"}'}],
            "tags": {
                "error": "",
                "list": "[1]",
                "ok": "true",
                "otel.dropped_events_count": "2",
                "otel.status_code": "ERROR",
                "otlp.link.0": '000102030405060708090a0b0c0d0e0f|0102030405060708||{"k":1}|0',
                "server.address": "Db.Example.org",
                "service.namespace": "prod",
            },
        }
    ]


def test_order_of_fields_and_escapes() -> None:
    """Whoever compares answers as text sees Zipkin's."""
    body = with_changes(traceId="7180c278b62e8f6a216a2aea45d08fc9", id="5b4185666d50f68b", timestamp=...)
    assert answer.to_json(zipkin_spans(parsed(from_json(body)))) == (
        b'[{"traceId":"7180c278b62e8f6a216a2aea45d08fc9","id":"5b4185666d50f68b"}]'
    )
    (span,) = zipkin_spans(parsed(from_json(with_changes(name="\u2028\u2029\\\t"))))
    assert b'"name":"\\u2028\\u2029\\\\\\t"' in answer.to_json([span])
