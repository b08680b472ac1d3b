"""The questions of `search`, alone and while a collector ingests at half of its full speed.

python -m benchmarks.search_while_ingesting DIR [--rounds 40] [--full-speed-s 15] [--json FILE]

Works on a copy of DIR, which `ingest --keep DIR` has filled. Three processes: a collector, what sends to
it, and this one, which reads as the query service does. What sends takes its share of the processor too,
and the store grows meanwhile: how long the questions take alone, afterwards, says what that did.
"""

import argparse
import asyncio
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks import measure
from benchmarks.corpus import BASE_NS
from benchmarks.questions import Ask, questions, times_ms
from benchmarks.traffic import Traffic
from spanloom_storage.api import SpanReader, TraceQuery
from spanloom_storage.embedded import EmbeddedStorage
from tests.processes import Running, Spanloom

SETTLE_S: Final = 3.0
"""So that segments are being sealed when the first question is asked."""


def full_speed(directory: Path, for_s: float) -> float:
    """Spans a second that a collector takes into an empty store."""
    spanloom = Spanloom(directory)
    try:
        traffic = Traffic(spanloom.start("collector").ports.http)
        time.sleep(for_s)
        load = traffic.end()
    finally:
        spanloom.kill_all()
    return load.spans / load.wall_s


async def all_times_ms(asked: Mapping[str, Ask], rounds: int, *, seed: int) -> dict[str, list[float]]:
    """Each question's times; another seed asks for other traces and services."""
    return {name: await times_ms(ask, rounds, seed=seed) for name, ask in asked.items()}


async def newest_ns(reader: SpanReader) -> int:
    """Where the store's time ends."""
    traces = (await reader.find(TraceQuery(limit=1))).traces
    return traces[0].start_ns if traces else BASE_NS


async def compare(
    directory: Path, running: Running, rounds: int, spans_a_second: float
) -> list[dict[str, object]]:
    """A row for each question."""
    async with EmbeddedStorage(directory).reader() as reader:
        asked = await questions(reader)
        await all_times_ms(asked, rounds, seed=0)  # or the first figures would be those of a cold cache
        alone = await all_times_ms(asked, rounds, seed=1)
        base_ns = await newest_ns(reader) + 10**9
        traffic = Traffic(running.ports.http, seed=2, base_ns=base_ns, spans_a_second=spans_a_second)
        await asyncio.sleep(SETTLE_S)
        cpu_s, began = measure.cpu_s(running.process.pid), time.monotonic()
        loaded = await all_times_ms(asked, rounds, seed=2)
        share = (measure.cpu_s(running.process.pid) - cpu_s) / (time.monotonic() - began)
        load = await asyncio.to_thread(traffic.end)
        await asyncio.to_thread(measure.wait_until_idle, running.process.pid)
        afterwards = await all_times_ms(asked, rounds, seed=3)
    print(
        f"ingested {load.spans:,} spans at {load.spans / load.wall_s:,.0f} a second (half of full speed is "
        f"{spans_a_second:,.0f}); the collector took {share:.2f} of a core, what sends "
        f"{load.cpu_s / load.wall_s:.2f}"
    )
    return [row(name, alone[name], loaded[name], afterwards[name]) for name in asked]


def row(name: str, alone: list[float], loaded: list[float], afterwards: list[float]) -> dict[str, object]:
    """One question's figures: p50 against both times alone, p99 against the first."""
    before, under, after = (measure.quantile(times, 0.5) for times in (alone, loaded, afterwards))
    before_p99, under_p99 = (measure.quantile(times, 0.99) for times in (alone, loaded))
    return {
        "question": name,
        "alone p50 ms": before,
        "ingesting p50 ms": under,
        "×": under / before,
        "alone afterwards p50 ms": after,
        "× of it": under / after,
        "alone p99 ms": before_p99,
        "ingesting p99 ms": under_p99,
        "× p99": under_p99 / before_p99,
    }


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--full-speed-s", type=float, default=15.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        half = full_speed(Path(name) / "empty", arguments.full_speed_s) / 2
        directory = Path(name) / "copy"
        shutil.copytree(arguments.directory, directory)
        spanloom = Spanloom(directory)
        try:
            running = spanloom.start("collector")
            measure.wait_until_idle(running.process.pid)
            rows = asyncio.run(compare(directory, running, arguments.rounds, half))
        finally:
            spanloom.kill_all()
    measure.report(rows, to=arguments.json)


if __name__ == "__main__":
    main()
