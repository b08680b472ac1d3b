"""OTLP over HTTP to durable and searchable: spans per CPU second, memory and disk.

python -m benchmarks.ingest [--spans 1000000] [--request-spans 1000] [--connections 4] [--json FILE]
    [--keep DIR]

All CPU counts: the collector, fsync, sealing and merging, until the process has been idle again. Blocks
are compared with a plain zstd-3 stream of the same requests; the last 48 MB that came wait for five
minutes in the segment, which counts on the disk.
"""

import argparse
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import measure
from benchmarks.corpus import Corpus, Request
from benchmarks.corpus.files import spooled, zstd_bytes
from benchmarks.loader import send
from tests.processes import Spanloom

PEER_SPANS_A_CPU_SECOND = 48_239
"""The best durable one."""


def ingested(directory: Path, requests: Iterator[Request], connections: int) -> dict[str, object]:
    """What it cost to bring the requests into a store."""
    spanloom = Spanloom(directory)
    try:
        running = spanloom.start("collector")
        process = running.process.pid
        before = measure.cpu_s(process)
        load = send(requests, to=running.ports.http, connections=connections)
        loaded = measure.cpu_s(process)
        measure.wait_until_idle(process)
        cpu = measure.cpu_s(process) - before
        peak = measure.peak_mb(process)
        running.stop(signal.SIGTERM)
    finally:
        spanloom.kill_all()
    return {
        **load.row(),
        "spans/CPU s": load.spans / cpu,
        "µs CPU/span": cpu / load.spans * 1e6,
        "of it while loading": (loaded - before) / cpu,
        f"× of {PEER_SPANS_A_CPU_SECOND:,} (best durable peer)": load.spans / cpu / PEER_SPANS_A_CPU_SECOND,
        "peak MB": peak,
    }


def main() -> None:
    """One run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--request-spans", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="leave the store here")
    arguments = parser.parse_args()
    directory = arguments.keep or Path(tempfile.mkdtemp())
    try:
        with spooled(Corpus(arguments.spans, request_spans=arguments.request_spans).requests()) as requests:
            row = ingested(directory, requests(), arguments.connections)
            stream = zstd_bytes(requests())
        spans_in_blocks, block_bytes = measure.blocks_of(directory)
        row |= {
            "bytes/span on disk": measure.size_bytes(directory) / arguments.spans,
            "in blocks": block_bytes / spans_in_blocks,
            "× zstd-3 stream": block_bytes / spans_in_blocks / stream,
        }
    finally:
        if arguments.keep is None:
            shutil.rmtree(directory)
    measure.report([row], to=arguments.json)


if __name__ == "__main__":
    main()
