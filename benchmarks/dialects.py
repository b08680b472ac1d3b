"""Jaeger's and Zipkin's bytes into OTLP, beside what libraries take for half of the work in the same run.

python -m benchmarks.dialects [SPANS]

The references: msgspec reading the JSON and doing nothing with it; protobuf (upb, C) making the same OTLP
from Python values that are there already.
"""

import gc
import sys
import time
from collections.abc import Callable, Sequence
from os import urandom

import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.measure import report
from spanloom_dialects.jaeger import model, proto_batch, thrift_batch, to_proto, to_thrift
from spanloom_dialects.thrift_wire import Encoding
from spanloom_dialects.translated import Translated
from spanloom_dialects.zipkin import answer, json_list, proto_list, v1_json
from spanloom_dialects.zipkin.span import Annotation, Endpoint, Span

ROUNDS = 20
START_US = 1_790_000_000_000_000


def jaeger_spans(span_count: int) -> list[model.Span]:
    """Spans of ten tags and one log."""
    process = model.Process("checkout", [model.KeyValue("hostname", model.ValueType.STRING, "h1")])
    return [
        model.Span(
            trace_id=urandom(16),
            span_id=urandom(8),
            operation_name=f"GET /{number % 13}",
            process=process,
            flags=1,
            start_ns=(START_US + number) * 1000,
            duration_ns=1_234_000,
            tags=[
                model.KeyValue("span.kind", model.ValueType.STRING, "server"),
                model.KeyValue("http.status_code", model.ValueType.INT64, 200),
                model.KeyValue("cached", model.ValueType.BOOL, value=False),
                *(model.KeyValue(key, model.ValueType.STRING, text) for key, text in texts(number, 7)),
            ],
            logs=[model.Log(START_US * 1000, [model.KeyValue("event", model.ValueType.STRING, "retry")])],
        )
        for number in range(span_count)
    ]


def zipkin_spans(span_count: int) -> list[Span]:
    """Spans of ten tags and one annotation."""
    return [
        Span(
            trace_id=urandom(16).hex(),
            parent_id=urandom(8).hex(),
            id=urandom(8).hex(),
            kind="SERVER",
            name=f"get /{number % 13}",
            timestamp=START_US + number,
            duration=1234,
            local_endpoint=Endpoint("checkout", "10.0.0.1", None, 8080),
            annotations=[Annotation(START_US + number, "retry")],
            tags=dict(texts(number, 10)),
        )
        for number in range(span_count)
    ]


def v1_of(spans: Sequence[Span]) -> bytes:
    """The same in version 1, with what tells the kind."""
    endpoint = {"serviceName": "checkout", "ipv4": "10.0.0.1", "port": 8080}
    rows = [
        {
            "traceId": span.trace_id,
            "id": span.id,
            "name": span.name,
            "annotations": [
                {"value": value, "timestamp": START_US, "endpoint": endpoint}
                for value in ("sr", "ss", "retry")
            ],
            "binaryAnnotations": [
                {"key": key, "value": text, "endpoint": endpoint} for key, text in (span.tags or {}).items()
            ],
        }
        for span in spans
    ]
    return msgspec.json.encode(rows)


def texts(number: int, count: int) -> list[tuple[str, str]]:
    """Keys that repeat and values that do not."""
    return [(f"http.request.{key}", f"https://example.org/{number}/{key}") for key in range(count)]


def with_upb(spans: Sequence[Span]) -> bytes:
    """The reference: OTLP by protobuf's own objects."""
    request = ExportTraceServiceRequest()
    added = request.resource_spans.add().scope_spans.add().spans
    for span in spans:
        start_ns = (span.timestamp or 0) * 1000
        one = added.add(
            trace_id=bytes.fromhex(str(span.trace_id)),
            span_id=bytes.fromhex(str(span.id)),
            name=span.name or "",
            kind=2,
            start_time_unix_nano=start_ns,
            end_time_unix_nano=start_ns + (span.duration or 0) * 1000,
        )
        for key, text in (span.tags or {}).items():
            one.attributes.add(key=key).value.string_value = text
    return request.SerializeToString()


def cpu_us_a_span(work: Callable[[], object], span_count: int) -> float:
    """The least CPU time of several rounds, with the collector of garbage at work."""
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best / span_count * 1e6


def main() -> None:
    """Print a table."""
    span_count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    jaeger, zipkin = jaeger_spans(span_count), zipkin_spans(span_count)
    compact, binary = (
        to_thrift.to_batches(jaeger, encoding)[0] for encoding in (Encoding.COMPACT, Encoding.BINARY)
    )
    proto, zipkin_json, zipkin_proto = (
        to_proto.to_batches(jaeger)[0],
        answer.to_json(zipkin),
        answer.to_proto(zipkin),
    )
    v1 = v1_of(zipkin)
    doors: dict[str, tuple[bytes, Callable[[bytes], Translated]]] = {
        "Jaeger Thrift, compact": (compact, lambda body: thrift_batch.from_batch(body, Encoding.COMPACT)),
        "Jaeger Thrift, binary": (binary, thrift_batch.from_batch),
        "Jaeger protobuf": (proto, proto_batch.from_bare_batch),
        "Zipkin JSON": (zipkin_json, json_list.from_json),
        "Zipkin protobuf": (zipkin_proto, proto_list.from_proto),
        "Zipkin JSON, version 1": (v1, v1_json.from_v1_json),
    }
    rows = []
    for name, (body, door) in doors.items():
        assert door(body).span_count == span_count  # noqa: S101  # what is measured is the whole of it
        rows.append((name, len(body), cpu_us_a_span(lambda body=body, door=door: door(body), span_count)))  # type: ignore[misc]  # bound as it is
    rows += [
        (
            "msgspec alone: Zipkin JSON",
            len(zipkin_json),
            cpu_us_a_span(lambda: msgspec.json.decode(zipkin_json, type=list[Span]), span_count),
        ),
        ("upb alone: OTLP of the Zipkin spans", 0, cpu_us_a_span(lambda: with_upb(zipkin), span_count)),
    ]
    report(
        [
            {
                "way": name,
                "bytes a span": size // span_count,
                "µs of CPU a span": figure,
                "spans a CPU second": int(1e6 / figure),
            }
            for name, size, figure in rows
        ]
    )


if __name__ == "__main__":
    main()
