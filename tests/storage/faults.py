"""A store in trouble: `python -m tests.storage.faults DIRECTORY SEED`, with everything loaded once.

For each line on its standard input it forks a child, which says what happens on standard output:

    write FIRST   writes traces from FIRST on as fast as it goes, until it is killed
    fill LIMIT    writes, then no file may grow beyond LIMIT bytes, then it may again
    start LIMIT   the same, but the writer starts once files may not grow any more

Children say `pid N`, `kept N…` for what was acknowledged, `refused N…` with the error's name first, and
`read N…` for what a reader found; the parent says `ended STATUS`.
"""

import asyncio
import os
import random
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from spanloom_model.span import Span
from spanloom_storage.api import SpanReader, SpanWriter, TraceQuery
from spanloom_storage.embedded import EmbeddedStorage, segment
from spanloom_storage.embedded.catalog import Catalog
from spanloom_storage.embedded.sealer import merge, seal
from spanloom_storage.embedded.writer import Limits
from spanloom_storage.errors import Unavailable
from spanloom_storage.testing import checked_of
from spanloom_storage.testing.opened import numbers
from spanloom_storage.testing.samples import NOON_NS, span

WRITERS: Final = 4
MOST_TRACES: Final = 4
"""So many are in one batch at most."""
SMALL: Final = Limits(segment_bytes=4000)
"""Segments are full after a few batches, so that sealing and merging never rest."""
IMPATIENT: Final = replace(SMALL, pause_s=0.05, room_s=0.2)
FULL_S: Final = 1.5
BEFORE: Final = range(1, 41)
WHILE_FULL: Final = range(41, 81)
AFTER: Final = range(81, 121)


def size_of(number: int) -> int:
    """How many spans a trace has."""
    return 1 + number % 5


def trace_of(number: int) -> list[Span]:
    """What is written of a trace, the same for whoever asks."""
    first = 8 * number
    start_ns = NOON_NS + number * 1_000_000
    return [
        span(number, first + child, parent=first if child else None, start_ns=start_ns + child)
        for child in range(size_of(number))
    ]


def say(word: str, *facts: object) -> None:
    """One line in one system call: a line is there whole or not at all, also when the end comes."""
    os.write(1, (" ".join(map(str, (word, *facts))) + "\n").encode())


async def write_batch(writer: SpanWriter, batch: Iterable[int]) -> None:
    """Write some traces in two requests, so that most traces lie in two frames, or segments."""
    spans = [trace_of(number) for number in batch]
    await writer.write(checked_of([trace[0] for trace in spans]))
    rest = [span for trace in spans for span in trace[1:]]
    if rest:
        await writer.write(checked_of(rest))


async def write(directory: Path, first: int, chance: random.Random) -> None:
    """As fast as it goes, several at a time."""
    following = first

    async def one(writer: SpanWriter) -> None:
        nonlocal following
        while True:
            batch = range(following, following + chance.randint(1, MOST_TRACES))
            following = batch.stop
            await write_batch(writer, batch)
            say("kept", *batch)

    async with EmbeddedStorage(directory, limits=SMALL).writer() as writer:
        await asyncio.gather(*(one(writer) for _ in range(WRITERS)))


@contextmanager
def files_up_to(limit: int) -> Iterator[None]:
    """Writing beyond *limit* fails meanwhile; Python ignores the signal, so that it is an OSError."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def write_each(writer: SpanWriter, traces: Sequence[int], *, until: Callable[[], bool]) -> list[int]:
    """Write one trace after the other and those that were refused again, as clients do; what is left."""
    left = list(traces)
    while left and not until():
        number = left.pop(0)
        try:
            await write_batch(writer, [number])
        except Unavailable as exc:
            say("refused", type(exc).__name__, number)
            left.append(number)
            await asyncio.sleep(0.01)
        else:
            say("kept", number)
    return left


async def read(reader: SpanReader) -> None:
    """Say what a reader finds."""
    say("read", *numbers(await reader.find(TraceQuery(limit=1000))))


async def while_full(writer: SpanWriter, reader: SpanReader) -> list[int]:
    """Write and read for a moment; the traces that were refused."""
    await read(reader)
    end = time.monotonic() + FULL_S
    left = await write_each(writer, WHILE_FULL, until=lambda: time.monotonic() > end)
    await read(reader)
    say("full", len(left))
    return left


async def resume(directory: Path, writer: SpanWriter, left: list[int]) -> None:
    """Write what was refused and more, and see it sealed."""
    await write_each(writer, [*left, *AFTER], until=lambda: False)
    while len(list((directory / "segments").iterdir())) > 1:
        await asyncio.sleep(0.02)
    say("resumed")


async def fill(directory: Path, limit: int) -> None:
    """The disk is full for a while."""
    storage = EmbeddedStorage(directory, limits=IMPATIENT)
    async with storage.writer() as writer, storage.reader() as reader:
        await write_each(writer, BEFORE, until=lambda: False)
        with files_up_to(limit):
            left = await while_full(writer, reader)
        await resume(directory, writer, left)
        await read(reader)


async def start(directory: Path, limit: int) -> None:
    """The disk is full already when a writer starts."""
    storage = EmbeddedStorage(directory, limits=IMPATIENT)
    async with storage.writer() as writer:
        await write_each(writer, BEFORE, until=lambda: False)
    async with AsyncExitStack() as stack:
        with files_up_to(limit):
            writer = await stack.enter_async_context(storage.writer())
            reader = await stack.enter_async_context(storage.reader())
            left = await while_full(writer, reader)
        await resume(directory, writer, left)
        await read(reader)


def warm_up() -> None:
    """Seal and merge once, so that children begin with all that has to be loaded for it."""
    with TemporaryDirectory() as name:
        catalog = Catalog(Path(name))
        catalog.segments.mkdir()
        for number in (1, 2):
            path = catalog.next_segment(0)
            request = checked_of(trace_of(number))
            with path.open("xb") as file:
                segment.append(file, [request.data], span_count=request.span_count, received_ns=1)
            seal(catalog, path)
        merge(catalog, list(catalog.snapshot().blocks.values()))


def child(directory: Path, seed: str, command: str, number: int) -> None:
    """What a line asks for, in this process."""
    match command:
        case "write":
            asyncio.run(write(directory, number, random.Random(f"{seed} {number}")))  # noqa: S311  # repeatable
        case "fill":
            asyncio.run(fill(directory, number))
        case "start":
            asyncio.run(start(directory, number))


def main() -> None:
    """A child for each line."""
    directory, seed = Path(sys.argv[1]), sys.argv[2]
    warm_up()
    for line in sys.stdin:
        command, number = line.split()
        process = os.fork()
        if process == 0:
            say("pid", os.getpid())
            try:
                child(directory, seed, command, int(number))
            except BaseException:  # noqa: BLE001  # whatever it is, the child must not go on as its parent
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(process, 0)
        say("ended", os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
