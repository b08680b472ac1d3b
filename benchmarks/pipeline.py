"""Stages between the doors and storage, each alone and a usual chain, beside decoding and encoding alone.

python -m benchmarks.pipeline [SPANS]

Every stage needs rows, so that decode and encode are paid once, by the first; what a stage costs besides
is its own figure. What passes no stage at all is not even decoded.
"""

import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from benchmarks.corpus import Corpus
from benchmarks.decode import ROUNDS, cpu_us_a_span
from spanloom_collector.pipeline.language import read_stages
from spanloom_collector.pipeline.stage import Stage
from spanloom_storage.batch import SpanRequest
from spanloom_storage.draft import Draft
from spanloom_storage.kernels.check import check
from spanloom_storage.kernels.enclose import enclose

STAGES: Final = """
[[stages]]
name = "delete two keys"
do = "delete"
keys = ["thread.id", "network.protocol.version"]

[[stages]]
name = "delete by a pattern of keys"
do = "delete"
key_pattern = "^server\\\\."

[[stages]]
name = "delete what nobody has"
do = "delete"
keys = ["password", "http.request.header.authorization"]

[[stages]]
name = "hash, each value another"
do = "hash"
keys = ["enduser.id", "app.order.id"]
salt = "of the benchmark"

[[stages]]
name = "redact all values by a pattern"
do = "redact"
value_pattern = '\\b\\d{16}\\b'

[[stages]]
name = "redact two keys by a pattern"
do = "redact"
keys = ["url.path", "db.query.text"]
value_pattern = '[0-9a-f]{8,}'

[[stages]]
name = "rename two keys"
do = "rename"
keys = { "http.request.method" = "http.method", "url.full" = "http.url" }

[[stages]]
name = "add two to resources"
do = "add_resource"
attributes = { "deployment.region" = "north", "cluster" = 7 }

[[stages]]
name = "drop by name and duration"
do = "drop"
where = { name = "loadSession", duration = { below = "10ms" } }

[[stages]]
name = "keep by an attribute"
do = "keep"
where = { "span.http.response.status_code" = { at_least = 400 } }

[[stages]]
name = "sample half"
do = "sample"
probability = 0.5
"""

CHAIN: Final = ("drop by name and duration", "delete two keys", "hash, each value another", "rename two keys",
                "add two to resources")  # fmt: skip


def run(request: SpanRequest, stages: Sequence[Stage]) -> SpanRequest:
    """What the pipeline does with a request."""
    draft = Draft(request)
    for stage in stages:
        stage.change(draft)
    return draft.request()


def cpu_us_of(request: SpanRequest, stage: Stage) -> float:
    """The least CPU time a span of a stage alone, without what is around it."""
    best = float("inf")
    for _ in range(ROUNDS):
        draft = Draft(request)
        began = time.process_time()
        stage.change(draft)
        best = min(best, time.process_time() - began)
    return best / request.span_count * 1e6


def main() -> None:
    """Print a table."""
    span_count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    data, _ = next(Corpus(20 * span_count, request_spans=span_count).requests())
    request = SpanRequest(data, span_count)
    rows = Draft(request).rows()
    stages = {stage.name: stage for stage in read_stages(tomllib.loads(STAGES)["stages"])}
    around: Callable[[], object] = lambda: enclose(Draft(request).rows()).tobytes()  # noqa: E731  # one line of the table
    peer = cpu_us_a_span(around, span_count)
    figures = {
        "check, as every request": cpu_us_a_span(lambda: check(np.frombuffer(data, np.uint8)), span_count),
        "decode": cpu_us_a_span(lambda: Draft(request), span_count),
        "encode": cpu_us_a_span(lambda: enclose(rows).tobytes(), span_count),
        "decode and encode": peer,
        **{name: cpu_us_of(request, stage) for name, stage in stages.items()},
        "a chain of five, all in all": cpu_us_a_span(
            lambda: run(request, [stages[name] for name in CHAIN]), span_count
        ),
    }
    print(f"{span_count} spans of {len(data) / span_count:.0f} bytes, best of {ROUNDS} rounds")
    for name, figure in figures.items():
        print(f"{name:32} {figure:6.2f} µs of CPU a span   {figure / peer:5.2f} × decode and encode")


if __name__ == "__main__":
    main()
