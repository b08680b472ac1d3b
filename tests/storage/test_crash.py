"""`kill -9` at any moment, under load, while segments are sealed and blocks are merged."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import pytest

from spanloom_storage.api import SpanQuery, TraceQuery
from spanloom_storage.embedded import EmbeddedStorage
from spanloom_storage.embedded.catalog import DRAFT
from spanloom_storage.testing.contract import numbers

ROUNDS: Final = 100
TRACES_A_ROUND: Final = 100_000
"""More than any round gets to."""


@pytest.fixture
def crashing(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """The process whose children are killed."""
    command = [sys.executable, "-m", "tests.storage.crashing", str(tmp_path / "store")]
    root = Path(__file__).parent.parent.parent
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, cwd=root
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def lines_until(output: IO[str], word: str) -> list[str]:
    """What is said up to a word."""
    lines: list[str] = []
    for line in output:
        if line.startswith(word):
            return [*lines, line]
        lines.append(line)
    pytest.fail("the writer ended by itself")


def one_round(process: "subprocess.Popen[str]", first: int, after_s: float) -> list[int]:
    """Let a child write for a moment, kill it; the traces that it has had acknowledged."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{first}\n")
    child = int(lines_until(process.stdout, "pid")[-1].split()[1])
    threading.Timer(after_s, os.kill, (child, signal.SIGKILL)).start()
    said = lines_until(process.stdout, "dead")[:-1]
    return [int(line) for line in said if line.endswith("\n")]


async def test_no_acknowledged_span_is_lost_and_none_comes_twice(
    crashing: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    """A hundred crashes: every trace that was acknowledged is found whole, once, also in statistics."""
    chance = random.Random(4)  # noqa: S311  # the same moments every time, as far as a machine can
    store = tmp_path / "store"
    acknowledged: set[int] = set()
    drafts = 0
    for number in range(ROUNDS):
        after_s = chance.uniform(0.02, 0.4)
        acknowledged.update(
            await asyncio.to_thread(one_round, crashing, 1 + number * TRACES_A_ROUND, after_s)
        )
        drafts += any((store / "blocks").glob(f"{DRAFT}*"))
    async with EmbeddedStorage(store).reader() as reader:
        found: dict[int, int] = {}
        query = TraceQuery(limit=1000)
        while True:
            page = await reader.find(query)
            found.update(zip(numbers(page), (summary.span_count for summary in page.traces), strict=True))
            if page.next is None:
                break
            query = TraceQuery(limit=1000, after=page.next)
        counts = await reader.counts(SpanQuery(), step_ns=2**62)
    assert acknowledged
    assert {number for number in acknowledged if found.get(number) != 2} == set()
    assert set(found.values()) <= {1, 2}  # one: the second was on its way
    assert sum(counts.span_count) == sum(found.values())
    assert not (store / "damaged").exists()
    assert drafts > 0, "no round ended while a block was written"
    async with EmbeddedStorage(store).writer():
        async with asyncio.timeout(10):
            while any((store / "blocks").glob(f"{DRAFT}*")):
                await asyncio.sleep(0.05)
