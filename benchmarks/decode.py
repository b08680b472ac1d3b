"""OTLP bytes into rows and back, beside protobuf's own parser on the same bytes in the same run.

python -m benchmarks.decode [SPANS]

protobuf (upb, C) parses into its own messages and makes no columns; the ratio says what the way
into columns costs beside the fastest way to merely read the bytes from Python.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.corpus import Corpus
from spanloom_storage.kernels.check import check
from spanloom_storage.kernels.decode import decode
from spanloom_storage.kernels.encode import encode

ROUNDS = 50


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
    # Twelve hosts fill their requests about as fast as each other.
    request, _ = next(Corpus(20 * span_count, request_spans=span_count).requests())
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
