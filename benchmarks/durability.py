"""`kill -9` of a collector at full load: which acknowledged spans are lost, and how soon it is back.

python -m benchmarks.durability [--rounds 5] [--json FILE]

The peers of the comparison lose what they acknowledged in the last seconds, or 14 % of everything. What was
on its way at the end, up to 4 requests a round, may be stored though nobody was told so, and hide as large
a loss here; tests/storage/test_faults.py looks at every span by itself.
"""

import argparse
import asyncio
import contextlib
import random
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from benchmarks import measure
from benchmarks.corpus import Corpus
from benchmarks.corpus.files import spooled
from benchmarks.loader import Load, send
from spanloom_storage.api import SpanQuery
from spanloom_storage.embedded import EmbeddedStorage
from tests.processes import Spanloom

SPANS_A_ROUND: Final = 1_500_000
"""More than are taken before the end."""


async def stored(directory: Path) -> int:
    """The spans that a new reader finds."""
    async with EmbeddedStorage(directory).reader() as reader:
        return sum((await reader.counts(SpanQuery(), step_ns=2**62)).span_count)


def loaded_until_killed(spanloom: Spanloom, seed: int, after_s: float) -> Load:
    """What was acknowledged before the end."""
    with spooled(Corpus(SPANS_A_ROUND, seed=seed).requests()) as requests:
        running = spanloom.start("collector")
        load = Load()
        threading.Timer(after_s, running.process.kill).start()
        with contextlib.suppress(OSError):
            send(requests(), to=running.ports.http, load=load)
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
    chance = random.Random(1)  # noqa: S311  # the same moments every time
    rows: list[dict[str, object]] = []
    acknowledged = 0
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        spanloom = Spanloom(directory)
        try:
            for number in range(1, arguments.rounds + 1):
                after_s = chance.uniform(0.5, 2.0)
                acknowledged += loaded_until_killed(spanloom, number, after_s).spans
                began = time.monotonic()
                found = asyncio.run(stored(directory))
                rows.append(
                    {
                        "round": number,
                        "killed after s": after_s,
                        "acknowledged, all rounds": acknowledged,
                        "found": found,
                        "lost": max(0, acknowledged - found),
                        "first answer of a new reader ms": (time.monotonic() - began) * 1000,
                    }
                )
        finally:
            spanloom.kill_all()
    measure.report(rows, to=arguments.json)


if __name__ == "__main__":
    main()
