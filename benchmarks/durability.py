"""`kill -9` of a collector at full load: which acknowledged spans are lost, and how soon it is back.

python -m benchmarks.durability [--rounds 5] [--json FILE]

The peers of the comparison lose what they acknowledged in the last seconds, or 14 % of everything.
"""

import argparse
import asyncio
import contextlib
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import measure
from benchmarks.corpus import Request, shifted
from benchmarks.ingest import requests_of
from benchmarks.loader import Load, send
from spanloom_storage.api import SpanQuery
from spanloom_storage.embedded import EmbeddedStorage
from tests.processes import Spanloom


def period_of(requests: list[Request], period: int) -> Iterator[tuple[bytes, int]]:
    """The corpus as it comes in one period, for each round another."""
    return ((shifted(request, period), request.span_count) for request in requests)


async def stored(directory: Path) -> int:
    """The spans that a new reader finds."""
    async with EmbeddedStorage(directory).reader() as reader:
        return sum((await reader.counts(SpanQuery(), step_ns=2**62)).span_count)


async def loaded_until_killed(
    spanloom: Spanloom, requests: list[Request], period: int, after_s: float
) -> Load:
    """What was acknowledged before the end."""
    running = spanloom.start("collector")
    load = Load()
    port = int(running.ports.http.rpartition(":")[2])
    sending = asyncio.create_task(send(port, period_of(requests, period), load=load))
    await asyncio.sleep(after_s)
    running.process.kill()
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        await sending
    running.process.communicate()
    return load


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    requests = requests_of(1_000_000, 1000)
    chance = random.Random(1)  # noqa: S311  # the same moments every time
    directory = Path(tempfile.mkdtemp())
    spanloom = Spanloom(directory)
    rows: list[dict[str, object]] = []
    acknowledged = 0
    try:
        for number in range(arguments.rounds):
            after_s = chance.uniform(0.5, 2.0)
            load = asyncio.run(loaded_until_killed(spanloom, requests, number, after_s))
            acknowledged += load.spans
            began = time.monotonic()
            found = asyncio.run(stored(directory))
            answered_s = time.monotonic() - began
            rows.append(
                {
                    "round": number + 1,
                    "killed after s": after_s,
                    "acknowledged, all rounds": acknowledged,
                    "found": found,
                    "lost": max(0, acknowledged - found),
                    "first answer of a new reader ms": answered_s * 1000,
                }
            )
    finally:
        spanloom.kill_all()
        shutil.rmtree(directory)
    measure.report(rows, to=arguments.json)


if __name__ == "__main__":
    main()
