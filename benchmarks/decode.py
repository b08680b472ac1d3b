"""OTLP bytes into rows and back, beside protobuf's own parser on the same bytes in the same run.

python benchmarks/decode.py [SPANS]

protobuf (upb, C) parses into its own messages and makes no columns; the ratio says what the way
into columns costs beside the fastest way to merely read the bytes from Python.
"""

import os
import sys
import time
from collections.abc import Callable

import numpy as np
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_storage.kernels.check import check
from spanloom_storage.kernels.decode import decode
from spanloom_storage.kernels.encode import encode

ROUNDS = 50


def request_of(span_count: int) -> bytes:
    """Spans of nine attributes under resources of eight, a hundred to a resource."""
    request = ExportTraceServiceRequest()
    for number in range(span_count):
        if number % 100 == 0:
            resource_spans = request.resource_spans.add()
            for key in range(8):
                pair = resource_spans.resource.attributes.add(key=f"resource.attribute.{key}")
                pair.value.string_value = f"value {number} {key}"
            scope_spans = resource_spans.scope_spans.add()
            scope_spans.scope.name = "benchmark"
        span = scope_spans.spans.add(
            trace_id=os.urandom(16),
            span_id=os.urandom(8),
            parent_span_id=os.urandom(8),
            name=f"GET /{number % 13}",
            kind=2,
            start_time_unix_nano=1_790_000_000_000_000_000 + number,
            end_time_unix_nano=1_790_000_000_001_000_000 + number,
        )
        for key in range(9):
            pair = span.attributes.add(key=f"http.request.attribute.{key}")
            pair.value.string_value = f"https://example.org/{number}/{key}"
    return request.SerializeToString()


def cpu_us_a_span(work: Callable[[], object], span_count: int) -> float:
    """The least CPU time of several rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best / span_count * 1e6


def main() -> None:
    """Print a table."""
    span_count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    request = request_of(span_count)
    data = np.frombuffer(request, np.uint8)
    peer = cpu_us_a_span(lambda: ExportTraceServiceRequest.FromString(request), span_count)
    rows = decode(data)
    figures = {
        "protobuf (upb): parse": peer,
        "check every byte": cpu_us_a_span(lambda: check(data), span_count),
        "decode: bytes to rows": cpu_us_a_span(lambda: decode(data), span_count),
        "encode: rows to bytes": cpu_us_a_span(lambda: encode(rows), span_count),
    }
    print(f"{span_count} spans of {len(request) / span_count:.0f} bytes, best of {ROUNDS} rounds")
    for name, figure in figures.items():
        print(f"{name:32} {figure:6.2f} µs of CPU a span   {figure / peer:5.2f} × protobuf")


if __name__ == "__main__":
    main()
