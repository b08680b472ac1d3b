"""Foreign spans through OTLP and back: what goes out is what came in."""

from collections.abc import Iterable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from spanloom_dialects.jaeger import from_otlp as jaeger_out
from spanloom_dialects.jaeger import json_answer, proto_batch, thrift_batch, to_proto, to_thrift
from spanloom_dialects.jaeger.model import KeyValue, Span
from spanloom_dialects.testing import jaeger_spans, zipkin_spans
from spanloom_dialects.thrift_wire import Encoding
from spanloom_dialects.translated import Translated
from spanloom_dialects.zipkin import answer, from_otlp, json_list, proto_list
from spanloom_dialects.zipkin.span import Span as ZipkinSpan
from spanloom_storage import otlp
from spanloom_storage.testing.messages import requests

thorough = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def spans_in(translated: Translated, *, most: int = 1) -> Iterable[ResourceSpans]:
    """The spans of a translation that lost none; storage takes all of them."""
    assert not translated.rejected, translated.message
    assert translated.span_count == most
    checked = otlp.checked(translated.request)
    assert not checked.rejected
    assert checked.request.span_count == most
    return ExportTraceServiceRequest.FromString(translated.request).resource_spans


def in_order(tags: Iterable[KeyValue]) -> list[KeyValue]:
    """Tags in an order that does not depend on what they mean."""
    return sorted(tags, key=repr)


def comparable(span: Span) -> tuple[object, ...]:
    """All that there is of a span, tags in any order."""
    return (
        *(span.trace_id, span.span_id, span.operation_name, list(span.references), span.flags),
        *(span.start_ns, span.duration_ns, span.process_id, list(span.warnings)),
        in_order(span.tags),
        [(log.time_ns, in_order(log.fields)) for log in span.logs],
        (span.process.service_name, in_order(span.process.tags)),
    )


@given(jaeger_spans(for_thrift=True), st.sampled_from(Encoding))
@thorough
def test_jaeger_thrift_comes_out_as_it_came_in(span: Span, encoding: Encoding) -> None:
    """Whoever changes from Jaeger to Spanloom sees the same spans."""
    (batch,) = to_thrift.to_batches([span], encoding)
    (back,) = jaeger_out.jaeger_spans(spans_in(thrift_batch.from_batch(batch, encoding)))
    assert comparable(back) == comparable(span)


@given(jaeger_spans(for_thrift=False))
@thorough
def test_jaeger_protobuf_comes_out_as_it_came_in(span: Span) -> None:
    """The same of gRPC, where spans also have warnings and nanoseconds."""
    (batch,) = to_proto.to_batches([span])
    (back,) = jaeger_out.jaeger_spans(spans_in(proto_batch.from_bare_batch(batch)))
    assert comparable(back) == comparable(span)


@given(zipkin_spans())
@thorough
def test_zipkin_json_comes_out_as_it_came_in(span: ZipkinSpan) -> None:
    """Whoever changes from Zipkin to Spanloom sees the same spans."""
    (back,) = from_otlp.zipkin_spans(spans_in(json_list.from_json(answer.to_json([span]))))
    assert back == span


@given(zipkin_spans())
@thorough
def test_zipkin_protobuf_comes_out_as_it_came_in(span: ZipkinSpan) -> None:
    """The same of the other encoding."""
    (back,) = from_otlp.zipkin_spans(spans_in(proto_list.from_proto(answer.to_proto([span]))))
    assert back == span


@given(requests())
@thorough
def test_any_otlp_goes_out_in_every_dialect(request: ExportTraceServiceRequest) -> None:
    """A span that was stored can be looked at with every user interface."""
    stored = otlp.checked(request.SerializeToString()).request
    spans = ExportTraceServiceRequest.FromString(stored.data).resource_spans
    jaeger = list(jaeger_out.jaeger_spans(spans))
    zipkin = list(from_otlp.zipkin_spans(spans))
    assert sum(len(trace["spans"]) for trace in json_answer.traces(jaeger)) == stored.span_count
    assert len(to_proto.to_spans(jaeger)) == stored.span_count
    for batch in to_thrift.to_batches(jaeger):
        assert not thrift_batch.from_batch(batch).rejected
    assert json_list.from_json(answer.to_json(zipkin)).span_count == stored.span_count
    assert proto_list.from_proto(answer.to_proto(zipkin)).span_count == stored.span_count


def test_a_link_to_nowhere_keeps_no_span_from_going_out() -> None:
    """OTLP's links may have ids of any size, and Jaeger's references only of one."""
    one = ResourceSpans()
    span = one.scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8)
    for trace_id, span_id in ((b"t" * 17, b"s" * 8), (b"", b""), (b"t" * 16, b"s" * 9)):
        span.links.add(trace_id=trace_id, span_id=span_id)
    (found,) = jaeger_out.jaeger_spans([one])
    assert found.references == []
    (batch,) = to_thrift.to_batches([found])
    assert thrift_batch.from_batch(batch).span_count == 1


@given(st.lists(zipkin_spans(), max_size=5))
@thorough
def test_spans_of_one_service_share_its_resource(spans: list[ZipkinSpan]) -> None:
    """Zipkin's flat list becomes one resource a service."""
    found = list(spans_in(json_list.from_json(answer.to_json(spans)), most=len(spans)))
    services = {one.local_endpoint.service_name if one.local_endpoint else None for one in spans}
    assert len(found) == len(services)
