"""OTLP over HTTP to durable and searchable: spans per CPU second, memory and disk.

python benchmarks/ingest.py [--spans 1000000] [--request-spans 1000] [--connections 4] [--json FILE]

All CPU counts: the collector, fsync, sealing and merging, until the process has been idle again. The
disk is compared with a plain zstd-3 stream of the same requests.
"""

import argparse
import asyncio
import pickle
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

from backports import zstd

from benchmarks import measure
from benchmarks.corpus import PERIOD_SPANS, Corpus, Request, shifted
from benchmarks.loader import send
from tests.processes import Spanloom


def requests_of(spans: int, request_spans: int) -> list[Request]:
    """The first period, kept between runs."""
    kept = Path(tempfile.gettempdir()) / f"spanloom-corpus-{spans}-{request_spans}.pickle"
    if not kept.exists():
        with kept.open("wb") as file:
            pickle.dump(list(Corpus(request_spans=request_spans).requests(spans)), file)
    with kept.open("rb") as file:
        found: list[Request] = pickle.load(file)  # noqa: S301  # our own
    return found


def periods(requests: list[Request], spans: int) -> Iterator[tuple[bytes, int]]:
    """The corpus, as long as it is asked for."""
    sent = period = 0
    while sent < spans:
        for request in requests:
            if sent >= spans:
                return
            yield shifted(request, period), request.span_count
            sent += request.span_count
        period += 1


def stream_bytes(requests: list[Request]) -> float:
    """What a span takes in a plain zstd-3 stream of the requests."""
    compressor = zstd.ZstdCompressor(level=3)
    size = sum(len(compressor.compress(request.data)) for request in requests) + len(compressor.flush())
    return size / sum(request.span_count for request in requests)


def main() -> None:
    """One run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spans", type=int, default=PERIOD_SPANS)
    parser.add_argument("--request-spans", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="leave the store here")
    arguments = parser.parse_args()
    requests = requests_of(min(arguments.spans, PERIOD_SPANS), arguments.request_spans)
    directory = arguments.keep or Path(tempfile.mkdtemp())
    spanloom = Spanloom(directory)
    try:
        running = spanloom.start("collector")
        process = running.process.pid
        before = measure.cpu_s(process)
        port = int(running.ports.http.rpartition(":")[2])
        load = asyncio.run(send(port, periods(requests, arguments.spans), connections=arguments.connections))
        loaded = measure.cpu_s(process)
        measure.wait_until_idle(process)
        cpu = measure.cpu_s(process) - before
        peak = measure.peak_mb(process)
        running.stop(signal.SIGTERM)
        disk = measure.size_bytes(directory) / load.spans
    finally:
        spanloom.kill_all()
        if arguments.keep is None:
            shutil.rmtree(directory)
    stream = stream_bytes(requests)
    measure.report(
        [
            {
                "spans": load.spans,
                "spans a request": arguments.request_spans,
                "spans/s": load.spans / load.wall_s,
                "spans/CPU s": load.spans / cpu,
                "µs CPU/span": cpu / load.spans * 1e6,
                "of it while loading": (loaded - before) / cpu,
                "× of 48,239 (best durable peer)": load.spans / cpu / 48_239,
                "peak MB": peak,
                "bytes/span on disk": disk,
                "× zstd-3 stream": disk / stream,
                "request p50 ms": load.latency_ms(0.5),
                "p99 ms": load.latency_ms(0.99),
                "refused": load.refused,
            }
        ],
        to=arguments.json,
    )


if __name__ == "__main__":
    main()
