"""Spans through each door of the collector to the disk: per CPU second, with all CPU counted.

python -m benchmarks.doors [--spans 200000] [--request-spans 1000] [--connections 4] [--only NAME ...]
    [--json FILE]

The same corpus comes in by every door, each time to a collector of its own, translated and in a file before
its clock starts. CPU is that of the collector until it has been idle again: reading, translating, checking,
fsync, sealing. OTLP gets five times as many spans, since so few take it no time.
"""

import argparse
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks import measure
from benchmarks.connection import Connection, GrpcConnection, Sends
from benchmarks.corpus import Corpus, Request
from benchmarks.corpus.files import spooled
from benchmarks.loader import send
from spanloom_dialects.jaeger import to_proto, to_thrift
from spanloom_dialects.jaeger.from_otlp import jaeger_spans
from spanloom_dialects.zipkin import answer
from spanloom_dialects.zipkin.from_otlp import zipkin_spans
from spanloom_model.wire import field
from spanloom_storage.otlp_json import from_protobuf
from tests.processes import Ports, Spanloom

Translate = Callable[[Request], Iterator[Request]]

_THRIFT: Final = "application/vnd.apache.thrift.binary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How one is reached, and what for."""

    port: Callable[[Ports], str]
    connect: Callable[[str], Sends]
    translate: Translate
    limit: int | None = None
    """What it has to reach at least, in spans a CPU second."""
    times: int = 1
    """So many times the usual number of spans."""


def _same(request: Request) -> Iterator[Request]:
    yield request


def _otlp_json(request: Request) -> Iterator[Request]:
    yield Request(from_protobuf(request.data), request.span_count)


def _jaeger(written: Callable[[Any], list[bytes]]) -> Translate:
    def translate(request: Request) -> Iterator[Request]:
        """A request for each service, as Jaeger's clients make them."""
        for resource_spans in ExportTraceServiceRequest.FromString(request.data).resource_spans:
            spans = list(jaeger_spans([resource_spans]))
            (batch,) = written(spans)
            yield Request(batch, len(spans))

    return translate


def _zipkin(written: Callable[[Any], bytes]) -> Translate:
    def translate(request: Request) -> Iterator[Request]:
        message = ExportTraceServiceRequest.FromString(request.data)
        yield Request(written(zipkin_spans(message.resource_spans)), request.span_count)

    return translate


def _post_spans(spans: Any) -> list[bytes]:
    return [field(1, batch) for batch in to_proto.to_batches(spans)]


_EXPORT: Final = "opentelemetry.proto.collector.trace.v1.TraceService/Export"
_POST_SPANS: Final = "jaeger.api_v2.CollectorService/PostSpans"
_V2: Final = "/api/v2/spans"

DOORS: Final[dict[str, Door]] = {
    "OTLP over HTTP": Door(
        port=attrgetter("http"), connect=Connection, translate=_same, limit=200_000, times=5
    ),
    "OTLP over gRPC": Door(
        port=attrgetter("grpc"),
        connect=partial(GrpcConnection, method=_EXPORT),
        translate=_same,
        limit=200_000,
        times=5,
    ),
    "OTLP JSON": Door(
        port=attrgetter("http"),
        connect=partial(Connection, content_type="application/json"),
        translate=_otlp_json,
    ),
    "Jaeger Thrift over HTTP": Door(
        port=attrgetter("jaeger_http"),
        connect=partial(Connection, path="/api/traces", content_type=_THRIFT),
        translate=_jaeger(to_thrift.to_batches),
        limit=20_000,
    ),
    "Jaeger over gRPC": Door(
        port=attrgetter("jaeger_grpc"),
        connect=partial(GrpcConnection, method=_POST_SPANS),
        translate=_jaeger(_post_spans),
    ),
    "Zipkin JSON": Door(
        port=attrgetter("zipkin"),
        connect=partial(Connection, path=_V2, content_type="application/json"),
        translate=_zipkin(answer.to_json),
        limit=20_000,
    ),
    "Zipkin protobuf": Door(
        port=attrgetter("zipkin"), connect=partial(Connection, path=_V2), translate=_zipkin(answer.to_proto)
    ),
}


def measured(name: str, requests: Iterator[Request], connections: int) -> dict[str, object]:
    """What it cost to bring the requests in by a door."""
    door = DOORS[name]
    with tempfile.TemporaryDirectory() as directory:
        spanloom = Spanloom(Path(directory))
        try:
            running = spanloom.start("collector")
            process = running.process.pid
            before = measure.cpu_s(process)
            load = send(requests, to=door.port(running.ports), connections=connections, connect=door.connect)
            measure.wait_until_idle(process)
            cpu = measure.cpu_s(process) - before
            peak = measure.peak_mb(process)
            running.stop(signal.SIGTERM)
        finally:
            spanloom.kill_all()
    return {
        "door": name,
        "spans": load.spans,
        "spans/s": load.spans / load.wall_s,
        "spans/CPU s": load.spans / cpu,
        "µs CPU/span": cpu / load.spans * 1e6,
        "× of its limit": load.spans / cpu / door.limit if door.limit else "",
        "request p50 ms": load.row()["request p50 ms"],
        "peak MB": peak,
    }


def main() -> None:
    """One run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spans", type=int, default=200_000)
    parser.add_argument("--request-spans", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--only", nargs="+", choices=DOORS, default=list(DOORS), metavar="NAME")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = []
    for name in arguments.only:
        door = DOORS[name]
        corpus = Corpus(door.times * arguments.spans, request_spans=arguments.request_spans)
        made = (one for request in corpus.requests() for one in door.translate(request))
        with spooled(made) as requests:
            rows.append(measured(name, requests(), arguments.connections))
    measure.report(rows, to=arguments.json)


if __name__ == "__main__":
    main()
