"""What Jaeger's clients send, and what becomes of it."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

import msgspec
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, Status

from spanloom_dialects.datagrams import from_datagram
from spanloom_dialects.errors import DialectError
from spanloom_dialects.jaeger import json_answer, messages
from spanloom_dialects.jaeger.from_otlp import jaeger_spans
from spanloom_dialects.jaeger.model import KeyValue, ValueType
from spanloom_dialects.jaeger.proto_batch import from_bare_batch, from_request
from spanloom_dialects.jaeger.thrift_batch import batch_struct, from_batch
from spanloom_dialects.thrift_wire import Encoding, written
from spanloom_dialects.translated import Translated
from tests.dialects import captured

NO_VALUE: Final = dict.fromkeys(("text", "number", "flag", "whole", "blob"))


def parsed(translated: Translated) -> list[ResourceSpans]:
    """A translation as messages."""
    return list(ExportTraceServiceRequest.FromString(translated.request).resource_spans)


def only_span(translated: Translated) -> Span:
    """The span of a translation that has one."""
    assert not translated.rejected
    (resource_spans,) = parsed(translated)
    (scope_spans,) = resource_spans.scope_spans
    (span,) = scope_spans.spans
    return span


def attributes(of: Any) -> dict[str, Any]:
    """Attributes by key."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in of.attributes}


def tag(key: str, value: str | bool) -> SimpleNamespace:  # noqa: FBT001  # a tag's value
    """A Thrift tag."""
    field = {"kind": 2, "flag": value} if isinstance(value, bool) else {"kind": 0, "text": value.encode()}
    return SimpleNamespace(key=key.encode(), **{**NO_VALUE, **field})


def thrift_span(**changes: Any) -> SimpleNamespace:
    """A Thrift span."""
    fields: dict[str, Any] = {
        "low": 1, "high": 0, "span_id": 2, "parent_id": 0, "name": b"op", "references": None, "flags": 1,
        "start_us": 1_700_000_000_000_000, "duration_us": 5, "tags": None, "logs": None,
    }  # fmt: skip
    return SimpleNamespace(**{**fields, **changes})


def batch(*spans: SimpleNamespace, service_name: bytes = b"svc", tags: Any = None) -> bytes:
    """The body of a request over HTTP."""
    process = SimpleNamespace(service_name=service_name, tags=tags)
    return written(SimpleNamespace(process=process, spans=list(spans)), batch_struct, Encoding.BINARY)


@pytest.mark.parametrize(
    "translate",
    [
        lambda: from_datagram(captured.JAEGER_COMPACT, Encoding.COMPACT),
        lambda: from_datagram(captured.JAEGER_BINARY, Encoding.BINARY),
        lambda: from_batch(captured.JAEGER_BATCH),
    ],
    ids=["6831", "6832", "14268"],
)
def test_spans_of_the_python_client(translate: Callable[[], Translated]) -> None:
    """A service that runs a Jaeger client needs no change."""
    (resource_spans,) = parsed(translate())
    assert attributes(resource_spans.resource) == {
        "service.name": "checkout", "hostname": "h1", "version": "1.2"
    }  # fmt: skip
    child, parent = resource_spans.scope_spans[0].spans
    assert child.trace_id.hex() == "fc188313296b8ced8111445c866b6cc6"
    assert (child.span_id.hex(), child.parent_span_id.hex()) == ("0a22b5a203dc4249", "deb69400d9397e79")
    assert child.parent_span_id == parent.span_id
    assert (child.name, child.kind, child.flags) == ("GET /cart", Span.SPAN_KIND_CLIENT, 1)
    assert child.start_time_unix_nano == 1_700_000_000_250_000_000
    assert child.end_time_unix_nano == 1_700_000_000_500_000_000
    assert attributes(child) == {"http.status_code": 503, "ratio": 0.5, "error": True}
    assert child.status.code == Status.STATUS_CODE_ERROR
    (event,) = child.events
    assert (event.time_unix_nano, event.name, attributes(event)) == (
        1_700_000_000_300_000_000, "retry", {"attempt": 2}
    )  # fmt: skip
    (link,) = child.links
    assert (link.span_id, attributes(link)) == (parent.span_id, {"opentracing.ref_type": "follows_from"})
    assert attributes(parent) == {"sampler.type": "const", "sampler.param": True}
    assert not parent.parent_span_id


def test_answer_of_the_query_api() -> None:
    """Grafana and scripts read from Spanloom what they read from Jaeger."""
    spans = jaeger_spans(parsed(from_batch(captured.JAEGER_BATCH)))
    (trace,) = json_answer.traces(spans)
    assert trace["traceID"] == "fc188313296b8ced8111445c866b6cc6"
    assert trace["processes"]["p1"] == {
        "serviceName": "checkout",
        "tags": [
            {"key": "hostname", "type": "string", "value": "h1"},
            {"key": "version", "type": "string", "value": "1.2"},
        ],
    }
    child, parent = trace["spans"]
    assert child["references"] == [
        {"refType": kind, "traceID": trace["traceID"], "spanID": "deb69400d9397e79"}
        for kind in ("CHILD_OF", "FOLLOWS_FROM")
    ]
    assert child["logs"] == [
        {
            "timestamp": 1_700_000_000_300_000,
            "fields": [
                {"key": "event", "type": "string", "value": "retry"},
                {"key": "attempt", "type": "int64", "value": 2},
            ],
        }
    ]
    assert (child["startTime"], child["duration"], child["flags"]) == (1_700_000_000_250_000, 250_000, 1)
    assert {one["key"] for one in child["tags"]} == {"span.kind", "error", "http.status_code", "ratio"}
    assert (parent["references"], parent["logs"], parent["warnings"]) == ([], [], None)


def test_short_ids_and_large_numbers_in_the_answer() -> None:
    """JavaScript reads what is in an answer without losing digits."""
    request = ExportTraceServiceRequest()
    span = (
        request.resource_spans.add()
        .scope_spans.add()
        .spans.add(trace_id=bytes(15) + b"\1", span_id=bytes(7) + b"\2")
    )
    for key, number in (("safe", 2**53 - 1), ("large", 2**53), ("small", -(2**53))):
        span.attributes.add(key=key).value.int_value = number
    span.attributes.add(key="nan").value.double_value = float("nan")
    span.attributes.add(key="blob").value.bytes_value = b"\0\1"
    (trace,) = json_answer.traces(jaeger_spans(request.resource_spans))
    assert (trace["traceID"], trace["spans"][0]["spanID"]) == ("0000000000000001", "0000000000000002")
    assert trace["processes"]["p1"]["serviceName"] == "OTLPResourceNoServiceName"
    assert msgspec.json.decode(msgspec.json.encode(trace))["spans"][0]["tags"] == [
        {"key": "safe", "type": "int64", "value": 2**53 - 1},
        {"key": "large", "type": "int64", "value": str(2**53)},
        {"key": "small", "type": "int64", "value": str(-(2**53))},
        {"key": "nan", "type": "float64", "value": "NaN"},
        {"key": "blob", "type": "binary", "value": "AAE="},
    ]


@pytest.mark.parametrize(
    ("tags", "status", "left"),
    [
        ({"error": True}, (2, ""), {"error": True}),
        ({"error": False}, (0, ""), {"error": False}),
        ({"error": "true"}, (0, ""), {"error": "true"}),
        ({"otel.status_code": "OK"}, (1, ""), {}),
        ({"otel.status_code": "ERROR", "error": True}, (2, ""), {}),
        ({"otel.status_code": "ERROR", "error": True, "otel.status_description": "no"}, (2, "no"), {}),
        ({"otel.status_code": "ERROR"}, (2, ""), {"otel.status_code": "ERROR"}),
        (
            {"otel.status_code": "OK", "error": True},
            (2, ""),
            {"otel.status_code": "OK", "error": True},
        ),
        ({"otel.status_description": "no"}, (0, ""), {"otel.status_description": "no"}),
    ],
)
def test_status(tags: dict[str, str | bool], status: tuple[int, str], left: dict[str, str | bool]) -> None:
    """A failed span is seen to have failed, and says so in the words that it came with."""
    span = only_span(from_batch(batch(thrift_span(tags=[tag(*one) for one in tags.items()]))))
    assert (span.status.code, span.status.message) == status
    assert attributes(span) == left


def test_status_of_opentelemetry_goes_out_as_its_specification_says() -> None:
    """Jaeger's user interface marks spans that failed in services with OpenTelemetry."""
    request = ExportTraceServiceRequest()
    span = (
        request.resource_spans.add()
        .scope_spans.add()
        .spans.add(kind=Span.SPAN_KIND_SERVER, trace_state="a=1")
    )
    span.status.code, span.status.message = Status.STATUS_CODE_ERROR, "no"
    (out,) = jaeger_spans(request.resource_spans)
    assert list(out.tags) == [
        KeyValue("span.kind", ValueType.STRING, "server"),
        KeyValue("otel.status_code", ValueType.STRING, "ERROR"),
        KeyValue("error", ValueType.BOOL, value=True),
        KeyValue("otel.status_description", ValueType.STRING, "no"),
        KeyValue("w3c.tracestate", ValueType.STRING, "a=1"),
    ]


def test_scope_of_its_present_and_of_its_former_names() -> None:
    """Spans of OpenTelemetry's exporters for Jaeger have their library."""
    for prefix in ("otel.scope", "otel.library"):
        tags = [tag(f"{prefix}.name", "lib"), tag(f"{prefix}.version", "1"), tag("w3c.tracestate", "a=1")]
        (resource_spans,) = parsed(from_batch(batch(thrift_span(tags=tags))))
        (scope_spans,) = resource_spans.scope_spans
        assert (scope_spans.scope.name, scope_spans.scope.version) == ("lib", "1")
        assert (scope_spans.spans[0].trace_state, attributes(scope_spans.spans[0])) == ("a=1", {})


def test_parent_may_be_a_reference() -> None:
    """A client that only writes references still makes a tree."""
    references = [
        SimpleNamespace(kind=1, low=1, high=0, span_id=7),
        SimpleNamespace(kind=0, low=9, high=0, span_id=8),
        SimpleNamespace(kind=0, low=1, high=0, span_id=9),
    ]
    span = only_span(from_batch(batch(thrift_span(references=references))))
    assert int.from_bytes(span.parent_span_id, "big") == 9
    assert [int.from_bytes(link.span_id, "big") for link in span.links] == [7, 8]


def test_log_without_event_is_named_by_its_message() -> None:
    """An event has a name to be shown by."""
    log = SimpleNamespace(timestamp_us=1, fields=[tag("message", "hello"), tag("level", "info")])
    (event,) = only_span(from_batch(batch(thrift_span(logs=[log])))).events
    assert (event.name, attributes(event)) == ("hello", {"message": "hello", "level": "info"})


@pytest.mark.parametrize(
    ("start_us", "duration_us", "start_ns", "end_ns", "kept"),
    [
        (10, -3, 10_000, 7_000, {}),
        (10, -10, 10_000, 10_000, {"jaeger.duration_us": -10}),
        (-1, 5, 0, 5_000, {"jaeger.start_us": -1}),
        (2**63 - 1, 2**63 - 1, 0, 0, {"jaeger.start_us": 2**63 - 1, "jaeger.duration_us": 2**63 - 1}),
        (2**63 // 1000, 0, 2**63 // 1000 * 1000, 2**63 // 1000 * 1000, {}),
    ],
)
def test_times_beyond_otlp(
    start_us: int, duration_us: int, start_ns: int, end_ns: int, kept: dict[str, int]
) -> None:
    """A broken clock costs no span, and what it said can be read."""
    span = only_span(from_batch(batch(thrift_span(start_us=start_us, duration_us=duration_us))))
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (start_ns, end_ns)
    assert attributes(span) == kept


def test_flags_that_otlp_has_not_are_kept() -> None:
    """That a span was sampled because somebody debugged can be seen."""
    span = only_span(from_batch(batch(thrift_span(flags=3))))
    assert (span.flags, attributes(span)) == (1, {"jaeger.flags": 3})


def test_a_bad_span_costs_only_itself() -> None:
    """One bad span among good ones, and the answer says so."""
    found = from_batch(
        batch(thrift_span(), thrift_span(low=0), thrift_span(span_id=0), thrift_span(span_id=-1))
    )
    assert found.span_count == 2
    assert found.rejected == {"a span without a trace id": 1, "a span without a span id": 1}
    assert found.message == "a span without a trace id; a span without a span id"
    assert parsed(found)[0].scope_spans[0].spans[1].span_id == b"\xff" * 8


def test_text_that_is_not_utf8_costs_no_span() -> None:
    """One strange byte of a tag is one strange character."""
    odd = SimpleNamespace(key=b"k\xff", kind=0, **{**NO_VALUE, "text": b"v\xfe"})
    span = only_span(from_batch(batch(thrift_span(name=b"\xff", tags=[odd]), service_name=b"\xff")))
    assert (span.name, attributes(span)) == ("�", {"k�": "v�"})


def test_value_of_an_unknown_type_says_so() -> None:
    """A tag is never dropped in silence."""
    odd = SimpleNamespace(key=b"k", kind=9, **NO_VALUE)
    assert attributes(only_span(from_batch(batch(thrift_span(tags=[odd]))))) == {"k": "<a value of type 9>"}


def test_batch_without_spans_is_nothing() -> None:
    """A client may flush an empty buffer."""
    found = from_batch(batch())
    assert (found.request, found.span_count, found.message) == (b"", 0, "")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "Unable to process request body: malformed Thrift: it ends too early"),
        (b"\x0c\x00\x01\x0b\x00\x01\x7f\xff\xff\xff", "size exceeded"),
        (captured.JAEGER_BATCH[:-1], "ends too early"),
        (b"\x00", "missing"),
    ],
)
def test_body_that_is_no_batch(body: bytes, says: str) -> None:
    """The answer says what is wrong with the body, as Jaeger's does."""
    with pytest.raises(DialectError, match=r"^Unable to process request body: ") as caught:
        from_batch(body)
    assert says in str(caught.value)


def test_datagram_of_another_method() -> None:
    """What is not for the agent is refused by name."""
    with pytest.raises(DialectError, match="no method 'other'"):
        from_datagram(
            captured.JAEGER_BINARY.replace(b"\0\0\0\x09emitBatch", b"\0\0\0\x05other"), Encoding.BINARY
        )


def test_protobuf_span_with_its_own_process() -> None:
    """A proxy that puts spans of several services into one batch mixes up none."""
    span = messages.Span(trace_id=b"\1", span_id=b"\2", process_id=b"p7", warnings=[b"skew"])
    own = messages.Span(trace_id=b"\1", span_id=b"\3", process=messages.Process(service_name=b"own"))
    body = messages.PostSpansRequest(
        batch=messages.Batch(
            spans=[span.SerializeToString(), own.SerializeToString()],
            process=messages.Process(service_name=b"shared"),
        )
    ).SerializeToString()
    shared, other = parsed(from_request(body))
    assert [attributes(one.resource)["service.name"] for one in (shared, other)] == ["shared", "own"]
    found = shared.scope_spans[0].spans[0]
    assert found.trace_id == bytes(15) + b"\1"
    kept = {pair.key: pair.value for pair in found.attributes}
    assert kept["jaeger.process_id"].string_value == "p7"
    assert [one.string_value for one in kept["@jaeger@warnings"].array_value.values] == ["skew"]


def test_malformed_protobuf_span_costs_only_itself() -> None:
    """Also where its bytes are none."""
    good = messages.Span(trace_id=b"\1", span_id=b"\2").SerializeToString()
    long_id = messages.Span(trace_id=bytes(17), span_id=b"\2").SerializeToString()
    late = messages.Span(trace_id=b"\1", span_id=b"\2", start_time=messages.Moment(seconds=2**60))
    body = messages.Batch(spans=[good, b"\xff", long_id, late.SerializeToString()]).SerializeToString()
    found = from_bare_batch(body)
    assert found.span_count == 1
    assert found.rejected == {"a malformed span": 1, "an id of too many bytes": 1, "a time out of range": 1}
    with pytest.raises(DialectError, match="malformed protobuf"):
        from_request(b"\x0a")
