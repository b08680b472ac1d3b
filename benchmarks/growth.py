"""What a store costs as it grows: one collector, one store, filled and asked at each size in one run.

python -m benchmarks.growth [--sizes 1M,10M,50M] [--rounds 100] [--keep DIR] [--json FILE]

Figures of ingesting are those since the size before: all CPU of the collector until it is idle again,
its peak memory, and what it wrote beside what its blocks grew by. Spans a second suffer from making the
spans on the same cores; `ingest` has them made before. Questions go to a fresh reader, in a process of
its own, once the collector is idle. × is to the first size; n^k says how a figure grew with the number
of spans from the first size to the last: 0 is flat, 1 as fast as the store.
"""

import argparse
import asyncio
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from math import log
from pathlib import Path
from typing import Final

from benchmarks import measure
from benchmarks.corpus import Corpus, Request
from benchmarks.corpus.ahead import ahead
from benchmarks.loader import send
from benchmarks.questions import BY_ID, NEWEST, first_answer_ms, questions, times_ms
from spanloom_storage.embedded import EmbeddedStorage
from tests.processes import Spanloom

UNITS: Final = {"k": 1_000, "M": 1_000_000}
IDLE_MOST_S: Final = 600.0
TELL_S: Final = 2.0


class Growing:
    """A collector and the store that it fills; costs are what has been spent since the size before."""

    def __init__(self, spanloom: Spanloom, most: int) -> None:
        running = spanloom.start("collector")
        self.directory = spanloom.data
        self._process = running.process.pid
        self._to = running.ports.http
        self._requests = ahead(Corpus(most).requests())
        self._made = 0
        self._cpu_s = measure.cpu_s(self._process)
        self._written = measure.written_bytes(self._process)
        self._in_blocks = 0

    def to(self, size: int) -> dict[str, float]:
        """Send until so many spans are there, wait until the collector is idle, and say what it cost."""
        measure.forget_peak(self._process)
        load = send(self._until(size), to=self._to)
        measure.wait_until_idle(self._process, most_s=IDLE_MOST_S)
        cpu_s, written = measure.cpu_s(self._process), measure.written_bytes(self._process)
        spans_in_blocks, in_blocks = measure.blocks_of(self.directory)
        figures = {
            "spans/s": load.spans / load.wall_s,
            "spans/CPU s": load.spans / (cpu_s - self._cpu_s),
            "peak MB": measure.peak_mb(self._process),
            "bytes/span in blocks": in_blocks / spans_in_blocks,
            "bytes written/byte of blocks": (written - self._written) / (in_blocks - self._in_blocks),
        }
        self._cpu_s, self._written, self._in_blocks = cpu_s, written, in_blocks
        return figures

    def _until(self, size: int) -> Iterator[Request]:
        """The next requests until so many spans have been made; a line on stderr tells how far it is."""
        first, began = self._made, time.monotonic()
        told = began
        while self._made < size:
            request = next(self._requests)
            self._made += request.span_count
            yield request
            if (now := time.monotonic()) - told > TELL_S:
                told = now
                rate = (self._made - first) / (now - began)
                print(f"\r{self._made:,} of {size:,} spans, {rate:,.0f} a second  ", end="", file=sys.stderr)
        print(f"\r{self._made:,} spans; waiting until the collector is idle", file=sys.stderr)


def answered(directory: Path, rounds: int) -> dict[str, float]:
    """How long answers take, in a process of its own, whose memory goes with it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_answered, directory, rounds).result()


def _answered(directory: Path, rounds: int) -> dict[str, float]:
    return asyncio.run(_answers(directory, rounds))


async def _answers(directory: Path, rounds: int) -> dict[str, float]:
    async with EmbeddedStorage(directory).reader() as reader:
        first_ms = await first_answer_ms(reader)
        asked = await questions(reader)
        by_id, newest = [await times_ms(asked[name], rounds) for name in (BY_ID, NEWEST)]
    return {
        "first answer of a fresh reader ms": first_ms,
        f"{BY_ID} p50 ms": measure.quantile(by_id, 0.5),
        f"{BY_ID} p99 ms": measure.quantile(by_id, 0.99),
        f"{NEWEST} p50 ms": measure.quantile(newest, 0.5),
    }


def run(directory: Path, sizes: Sequence[int], rounds: int) -> list[dict[str, float]]:
    """The figures at each size."""
    spanloom = Spanloom(directory)
    found = []
    try:
        growing = Growing(spanloom, sizes[-1])
        for size in sizes:
            figures = growing.to(size)
            found.append(figures | answered(directory, rounds))
            print(" ".join(f"{name} {value:,.2f};" for name, value in found[-1].items()), file=sys.stderr)
    finally:
        spanloom.kill_all()
    return found


def table(sizes: Sequence[int], found: Sequence[dict[str, float]]) -> list[dict[str, object]]:
    """A row for each figure, with how it grew."""
    rows: list[dict[str, object]] = []
    for name, first in found[0].items():
        row: dict[str, object] = {"figure": name, f"{sizes[0]:,}": first}
        for size, figures in zip(sizes[1:], found[1:], strict=True):
            row |= {f"{size:,}": figures[name], f"× at {size:,}": figures[name] / first}
        if len(sizes) > 1:
            row["n^k: k"] = log(found[-1][name] / first) / log(sizes[-1] / sizes[0])
        rows.append(row)
    return rows


def size_of(text: str) -> int:
    """1M, 500k or a number."""
    unit = UNITS.get(text[-1:], 0)
    return int(float(text[:-1]) * unit) if unit else int(text)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="1M,10M,50M")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="leave the store here")
    arguments = parser.parse_args()
    sizes = sorted(size_of(text) for text in arguments.sizes.split(","))
    directory = arguments.keep or Path(tempfile.mkdtemp())
    try:
        found = run(directory, sizes, arguments.rounds)
    finally:
        if arguments.keep is None:
            shutil.rmtree(directory)
    measure.report(table(sizes, found), to=arguments.json)


if __name__ == "__main__":
    main()
