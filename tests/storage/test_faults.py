"""What befalls a store: `kill -9` at any moment, also while blocks are made; a full disk; leftovers."""

import asyncio
import errno
import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from spanloom_storage.api import SpanQuery, SpanReader, TraceQuery
from spanloom_storage.embedded import EmbeddedStorage, sealer, segment
from spanloom_storage.embedded.catalog import DRAFT, Catalog, Snapshot
from spanloom_storage.embedded.sealer import Retention, merge, seal
from spanloom_storage.embedded.segment import SUFFIX
from spanloom_storage.embedded.writer import Limits
from spanloom_storage.errors import Unavailable
from spanloom_storage.spans import spans_of
from spanloom_storage.testing import checked_of
from spanloom_storage.testing.opened import numbers
from spanloom_storage.testing.samples import trace_id
from tests.storage.faults import AFTER, BEFORE, IMPATIENT, WHILE_FULL, size_of, trace_of, write_batch

ROUNDS: Final = 100
TRACES_A_ROUND: Final = 100_000
"""More than any round gets to."""
ROOT: Final = Path(__file__).parent.parent.parent


@dataclass
class Line:
    """Something that a child has said."""

    word: str
    facts: list[str]

    @property
    def traces(self) -> list[int]:
        """Those that the line names."""
        return [int(fact) for fact in self.facts if fact.isdigit()]


class Faults:
    """The program whose children get into trouble, one at a time."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.storage.faults", str(directory), str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.child = 0
        self.ended = True

    def ask(self, command: str, number: int) -> None:
        """Start a child."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command} {number}\n")
        self.process.stdin.flush()
        self.child = int(self.next().facts[0])

    def kill(self) -> None:
        """End the child in the middle of whatever it does."""
        os.kill(self.child, signal.SIGKILL)

    def next(self) -> Line:
        """The next line; a child that ends by itself says so too."""
        assert self.process.stdout is not None
        word, *facts = self.process.stdout.readline().split()
        self.ended = word == "ended"
        return Line(word, facts)

    def rest(self) -> list[Line]:
        """All that the child says until its end, and last how it ended."""
        lines = [self.next()]
        while lines[-1].word != "ended":
            lines.append(self.next())
        return lines

    def close(self) -> None:
        """End the program; a child that a test has failed on is killed."""
        if self.child and not self.ended:
            self.kill()
        self.process.communicate(timeout=20)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where the store is to be."""
    return tmp_path / "store"


@pytest.fixture
def faults(store: Path) -> Iterator[Faults]:
    """The program, waiting for what to do."""
    program = Faults(store, seed=4)
    yield program
    program.close()


async def found_in(reader: SpanReader) -> dict[int, int]:
    """How many spans each trace has, for all that a reader finds."""
    found: Counter[int] = Counter()
    query = TraceQuery(limit=1000)
    while True:
        page = await reader.find(query)
        for number, summary in zip(numbers(page), page.traces, strict=True):
            found[number] += summary.span_count
        if page.next is None:
            return found
        query = TraceQuery(limit=1000, after=page.next)


async def assert_whole(reader: SpanReader, traces: Sequence[int]) -> None:
    """Each of the traces is exactly what was written."""
    for number in traces:
        spans = spans_of(await reader.trace(trace_id(number)))
        assert sorted(spans, key=lambda span: span.span_id) == trace_of(number)


@dataclass
class Crashes:
    """What a hundred rounds have come to."""

    store: Path
    kept: set[int] = field(default_factory=set)
    latest: list[int] = field(default_factory=list)
    """Acknowledged last, in each round: what a crash endangers most."""
    seen: Counter[str] = field(default_factory=Counter)
    """In how many rounds something was come upon."""

    async def one(self, faults: Faults, number: int, after_s: float, *, look: bool) -> None:
        """Let a child write for a moment and kill it; sometimes a reader looks on meanwhile."""
        await asyncio.to_thread(faults.ask, "write", 1 + number * TRACES_A_ROUND)
        first = await asyncio.to_thread(faults.next)
        assert first.word == "kept", "the next writer does not open"
        if look:
            await self.look_on()
        await asyncio.sleep(after_s)
        faults.kill()
        lines = [first, *await asyncio.to_thread(faults.rest)]
        assert lines[-1].facts == ["-9"]
        for line in lines[:-1]:
            self.kept.update(line.traces)
        self.latest += lines[-2].traces
        self.note_what_lies_there()

    async def look_on(self) -> None:
        """All that was acknowledged before is there while segments and blocks come and go."""
        least = sum(map(size_of, self.kept))
        async with EmbeddedStorage(self.store).reader() as reader:
            for _ in range(3):
                counts = await reader.counts(SpanQuery(), step_ns=2**62)
                assert sum(counts.span_count) >= least
            await assert_whole(reader, self.latest[-5:])

    async def check(self) -> None:
        """All that was acknowledged is there, nothing twice, nothing that was never written."""
        async with EmbeddedStorage(self.store).reader() as reader:
            found = await found_in(reader)
            counts = await reader.counts(SpanQuery(), step_ns=2**62)
            await assert_whole(reader, self.latest[-20:])
        assert {trace for trace in self.kept if found.get(trace) != size_of(trace)} == set()
        assert {trace for trace, count in found.items() if count > size_of(trace)} == set()
        assert sum(counts.span_count) == sum(found.values())
        assert not (self.store / "damaged").exists()

    def note_what_lies_there(self) -> None:
        """Which work the crash has interrupted, and which was done before."""
        catalog = Catalog(self.store)
        replaced = [name for facts in catalog.snapshot().blocks.values() for name in facts.replaces]
        drafts = [path.name for path in (self.store / "blocks").glob(f"{DRAFT}*")]
        self.seen["sealed"] += any(name.endswith(SUFFIX) for name in replaced)
        self.seen["merged"] += any(not name.endswith(SUFFIX) for name in replaced)
        self.seen["killed while a block was written"] += any("gone" not in name for name in drafts)
        self.seen["killed while a block was deleted"] += any("gone" in name for name in drafts)
        self.seen["killed before what a block replaces was deleted"] += bool(catalog.replaced())


async def test_no_acknowledged_span_is_lost_and_none_comes_twice(faults: Faults, store: Path) -> None:
    """A hundred crashes at any moment: every trace that was acknowledged is found whole, and once."""
    chance = random.Random(4)  # noqa: S311  # the same moments every time, as far as a machine can
    crashes = Crashes(store)
    for number in range(ROUNDS):
        await crashes.one(faults, number, chance.uniform(0.02, 0.25), look=number % 3 == 2)
        if number % 20 == 19:
            await crashes.check()
    assert crashes.seen["sealed"] > ROUNDS // 2
    assert crashes.seen["merged"] > ROUNDS // 4
    assert crashes.seen["killed while a block was written"] > ROUNDS // 10
    async with EmbeddedStorage(store).writer():
        await put_in_order(store)
    await crashes.check()
    async with EmbeddedStorage(store).reader() as reader:
        await assert_whole(reader, crashes.latest)


async def put_in_order(store: Path) -> None:
    """Wait for a writer to do what there is to do: seal what rests, throw away what is no use."""
    async with asyncio.timeout(20):
        while any((store / "segments").iterdir()) or any((store / "blocks").glob(f"{DRAFT}*")):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("command", ["fill", "start"])
@pytest.mark.parametrize("limit", [0, 20, 1500, 3000])
async def test_full_disk_refuses_writes_and_nothing_else(
    faults: Faults, store: Path, command: str, limit: int
) -> None:
    """Senders are asked to come back, reads go on, and writing resumes by itself once there is room.

    No frame has room in 0 and 20 bytes; some have in 1,500, but no block; most of a segment has in 3,000.
    """
    faults.ask(command, limit)
    kept: set[int] = set()
    refused: Counter[str] = Counter()
    for line in await asyncio.to_thread(faults.rest):
        match line.word:
            case "kept":
                kept.update(line.traces)
            case "refused":
                refused[line.facts[0]] += 1
            case "read":
                assert kept <= set(line.traces)
            case "full":
                assert refused
                assert limit >= 1500 or not kept & set(WHILE_FULL)
            case "ended":
                assert line.facts == ["0"]
    assert set(refused) <= {"Unavailable", "Overloaded"}
    assert kept == {*BEFORE, *WHILE_FULL, *AFTER}
    async with EmbeddedStorage(store).reader() as reader:
        await assert_whole(reader, sorted(kept))
        assert await found_in(reader) == {number: size_of(number) for number in kept}
    assert not any((store / "blocks").glob(f"{DRAFT}*"))
    assert not (store / "damaged").exists()


async def sealed(store: Path, *traces: int) -> Catalog:
    """A store with a block for each of the traces."""
    catalog = Catalog(store)
    async with EmbeddedStorage(store).writer():
        pass
    for number in traces:
        path = catalog.next_segment(0)
        request = checked_of(trace_of(number))
        with path.open("wb") as file:
            segment.append(file, [request.data], span_count=request.span_count, received_ns=1)
        seal(catalog, path)
    return catalog


async def test_drafts_of_a_crash_are_not_believed_and_then_deleted(store: Path) -> None:
    """A block that has no name yet does not count, however whole it is, and takes no space for ever."""
    catalog = await sealed(store, 4, 9)
    block, other = (catalog.blocks / name for name in catalog.snapshot().blocks)
    shutil.copytree(block, catalog.blocks / f"{DRAFT}whole")
    shutil.copytree(other, catalog.blocks / f"{DRAFT}gone-{other.name}")
    (catalog.blocks / f"{DRAFT}empty").mkdir()
    async with EmbeddedStorage(store).reader() as reader:
        assert await found_in(reader) == {4: 5, 9: 5}
        assert sum((await reader.counts(SpanQuery(), step_ns=2**62)).span_count) == 10
    async with EmbeddedStorage(store).writer():
        await put_in_order(store)
    async with EmbeddedStorage(store).reader() as reader:
        assert await found_in(reader) == {4: 5, 9: 5}


async def test_block_that_was_merged_a_moment_ago_is_not_damaged(
    store: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is told of damage because a block went between the look at the directory and its opening."""
    catalog = await sealed(store, 4, 9)
    look = Catalog.snapshot

    def snapshot(self: Catalog) -> Snapshot:
        monkeypatch.setattr(Catalog, "snapshot", look)
        seen = self.snapshot()
        merge(catalog, list(catalog.snapshot().blocks.values()))
        return seen

    monkeypatch.setattr(Catalog, "snapshot", snapshot)
    async with EmbeddedStorage(store).reader() as reader:
        assert await found_in(reader) == {4: 5, 9: 5}
    assert caplog.messages == []
    assert not (store / "damaged").exists()


async def test_block_that_is_merged_while_the_directory_is_read_is_not_missed(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new reader sees all spans also when blocks become one between their names and their facts."""
    catalog = await sealed(store, 4, 9)
    names = Catalog._names

    def listed(self: Catalog) -> list[str]:
        monkeypatch.setattr(Catalog, "_names", names)
        seen = names(self)
        merge(catalog, list(catalog.snapshot().blocks.values()))
        return seen

    async with EmbeddedStorage(store).reader() as reader:
        monkeypatch.setattr(Catalog, "_names", listed)
        assert await found_in(reader) == {4: 5, 9: 5}


async def test_segment_whose_name_is_not_durable_is_not_written(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is acknowledged in a file that would be gone after a power cut."""
    synced: list[bool] = []

    def sync_directory(directory: Path) -> None:
        synced.append(len(synced) > 0)
        if len(synced) == 1:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(segment, "sync_directory", sync_directory)
    async with EmbeddedStorage(store, limits=Limits(pause_s=0)).writer() as writer:
        with pytest.raises(Unavailable):
            await writer.write(checked_of(trace_of(1)))
        await writer.write(checked_of(trace_of(1)))
        assert synced[:2] == [False, True]


@pytest.mark.parametrize("harm", ["cut", "flip"])
async def test_damaged_block_is_not_merged_and_stops_nothing(
    store: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A block that is damaged before anybody has read it is set aside; all others go on becoming fewer."""
    catalog = await sealed(store, *range(1, 17))
    path = catalog.blocks / min(catalog.snapshot().blocks) / "spans.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 16
    path.write_bytes(data[:-10] if harm == "cut" else data)
    async with EmbeddedStorage(store, limits=IMPATIENT).writer() as writer:
        for number in range(17, 60):
            await write_batch(writer, [number])
    assert [path.parent.name] == [path.name for path in (store / "damaged").iterdir()]
    assert f"{path.parent.name} is damaged" in caplog.text
    async with EmbeddedStorage(store).reader() as reader:
        found = await found_in(reader)
    assert len(found) == 58
    assert all(size_of(number) == count for number, count in found.items())


@pytest.mark.parametrize("files", ["*.parquet", "*"])
async def test_block_whose_files_go_while_it_is_open_is_set_aside(store: Path, files: str) -> None:
    """Somebody deletes the wrong files: what is left is found, after a moment and without a restart."""
    catalog = await sealed(store, 4, 9)
    async with EmbeddedStorage(store).reader() as reader:
        assert await found_in(reader) == {4: 5, 9: 5}
        block = catalog.blocks / min(catalog.snapshot().blocks)
        for path in block.glob(files):
            path.unlink()
        traces = [spans_of(await reader.trace(trace_id(number))) for number in (4, 9)]
    assert sorted(map(len, traces)) == [0, 5]
    assert [path.name for path in (store / "damaged").iterdir()] == [block.name]


async def test_full_disk_does_not_keep_what_is_too_old(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retention makes room also while nothing can be sealed for want of it."""
    catalog = await sealed(store, 1, 2)
    async with EmbeddedStorage(store).writer() as writer:
        await writer.write(checked_of(trace_of(4)))

    def write_block(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sealer, "write_block", write_block)
    async with EmbeddedStorage(store, retention=Retention(age_s=60)).writer(), asyncio.timeout(10):
        while any(catalog.blocks.iterdir()):
            await asyncio.sleep(0.02)
    async with EmbeddedStorage(store).reader() as reader:
        assert await found_in(reader) == {4: 5}
