"""The embedded backend keeps the contract, across restarts, processes and damage."""

import asyncio
import errno
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from spanloom_model.errors import MisconfiguredError
from spanloom_storage.api import OpenWriter, SpanQuery, SpanReader, SpanWriter, Storage, TraceQuery, Upkeep
from spanloom_storage.batch import SpanRequest
from spanloom_storage.embedded import EmbeddedStorage, segment
from spanloom_storage.embedded.catalog import Catalog
from spanloom_storage.embedded.sealer import Retention, Sealer, expire, merge, seal
from spanloom_storage.embedded.writer import EmbeddedWriter, Limits
from spanloom_storage.errors import Overloaded, Unavailable
from spanloom_storage.spans import spans_of
from spanloom_storage.testing import StorageContract, checked_of
from spanloom_storage.testing.opened import numbers
from spanloom_storage.testing.samples import RICH_SPAN, span, trace_id


class TestEmbeddedStorage(StorageContract):
    """Everything that every backend promises."""

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        """An empty directory."""
        return EmbeddedStorage(tmp_path / "store")


class Sealed:
    """An embedded store whose spans are in blocks once they are acknowledged, each request in its own."""

    def __init__(self, directory: Path) -> None:
        self._store = EmbeddedStorage(directory)
        self._catalog = Catalog(directory)

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[SpanWriter]:
        """Seals by hand, after each request."""
        async with self._store.writer():
            pass  # it makes the directory; while it is open it seals by itself
        yield self

    @contextmanager
    def writers(self, count: int) -> Iterator[Sequence[OpenWriter]]:
        """Only this one."""
        assert count == 1
        yield [self.writer]

    def reader(self) -> AbstractAsyncContextManager[SpanReader]:
        """As ever."""
        return self._store.reader()

    def on_upkeep(self, hear: Callable[[Upkeep], None]) -> None:
        """Nothing is done in the background."""

    async def write(self, request: SpanRequest) -> None:
        """A segment of one frame, sealed at once."""
        path = self._catalog.next_segment(0)
        with path.open("wb") as file:
            segment.append(file, [request.data], span_count=request.span_count, received_ns=1)
        seal(self._catalog, path)


class TestSealedStorage(StorageContract):
    """The same promises, of spans that have become columns."""

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        """An empty directory."""
        return Sealed(tmp_path / "store")


def segment_paths(directory: Path) -> list[Path]:
    """The segments that are there."""
    return sorted((directory / "segments").iterdir())


async def write(directory: Path, *trace_numbers: int) -> None:
    """One run of a writer that stores a span for each number, each in a commit of its own."""
    async with EmbeddedStorage(directory).writer() as writer:
        for number in trace_numbers:
            await writer.write(checked_of([span(number, number)]))


async def found(directory: Path) -> list[int]:
    """What a reader that was not there before finds."""
    async with EmbeddedStorage(directory).reader() as reader:
        return sorted(numbers(await reader.find(TraceQuery(limit=1000))))


async def test_next_start_shows_the_old_traces(tmp_path: Path) -> None:
    """What was stored before a restart is there after it."""
    await write(tmp_path, 1, 2)
    await write(tmp_path, 3)
    assert await found(tmp_path) == [1, 2, 3]


async def test_reader_follows_a_writer_in_another_process(tmp_path: Path) -> None:
    """The query service sees new traces without being told."""
    storage = EmbeddedStorage(tmp_path)
    async with storage.reader() as reader, storage.writer() as writer:
        for number in range(1, 4):
            await writer.write(checked_of([span(number, number)]))
            assert len((await reader.find(TraceQuery())).traces) == number


async def test_second_writer_is_refused_by_name(tmp_path: Path) -> None:
    """Two Spanlooms on one directory: the second says which process has it."""
    async with EmbeddedStorage(tmp_path).writer():
        with pytest.raises(MisconfiguredError, match=r"in use by another Spanloom \(process \d+\)"):
            async with EmbeddedStorage(tmp_path).writer():
                pass


async def test_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """A wrong path is one clear sentence at start."""
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(MisconfiguredError, match="cannot be written: Not a directory"):
        async with EmbeddedStorage(tmp_path / "file" / "store").writer():
            pass


async def test_reader_of_a_directory_that_is_not_there_says_so(tmp_path: Path) -> None:
    """A typo in the path does not look like an empty store."""
    with pytest.raises(MisconfiguredError, match="there is no data directory"):
        async with EmbeddedStorage(tmp_path / "typo").reader():
            pass


async def test_store_of_a_later_format_is_refused(tmp_path: Path) -> None:
    """An older Spanloom does not guess at what a newer one wrote."""
    (tmp_path / "format").write_text("99\n")
    with pytest.raises(MisconfiguredError, match="is of format 99"):
        async with EmbeddedStorage(tmp_path).reader():
            pass


@pytest.mark.parametrize("kept_bytes", [0, 3, 16, 100])
async def test_torn_end_costs_only_what_was_never_acknowledged(tmp_path: Path, kept_bytes: int) -> None:
    """After a crash in the middle of a write, all earlier spans are found and new ones are taken."""
    await write(tmp_path, 1)
    (path,) = segment_paths(tmp_path)
    await write(tmp_path / "other", 2)
    (other,) = segment_paths(tmp_path / "other")
    path.write_bytes(path.read_bytes() + other.read_bytes()[:kept_bytes])
    assert await found(tmp_path) == [1]
    await write(tmp_path, 3)
    assert await found(tmp_path) == [1, 3]


def frames_of(path: Path) -> list[segment.Frame]:
    """The frames of a segment."""
    return list(segment.frames(segment.read(path)))


@pytest.mark.parametrize("place", [1, 5, 9, 17, 25, 33, 60])
async def test_flipped_bit_costs_one_commit(
    tmp_path: Path, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    """What lies before and behind a damaged frame is found; the file is set aside and named."""
    await write(tmp_path, 1, 2, 3, 4)
    (path,) = segment_paths(tmp_path)
    data = bytearray(path.read_bytes())
    data[frames_of(path)[0].next + place] ^= 4
    path.write_bytes(data)
    assert await found(tmp_path) == [1, 3, 4]
    seal(Catalog(tmp_path), path)
    assert await found(tmp_path) == [1, 3, 4]
    assert (tmp_path / "damaged" / path.name).read_bytes() == data
    assert path.name in caplog.text


def disk_full() -> None:
    """What a full disk answers."""
    raise OSError(errno.ENOSPC, "No space left on device")


def writer_on(directory: Path, **settings: object) -> EmbeddedWriter:
    """A writer without a sealer at work."""
    for part in ("segments", "blocks"):
        (directory / part).mkdir()
    catalog = Catalog(directory)
    return EmbeddedWriter(catalog, Sealer(catalog, Retention()), **settings)  # type: ignore[arg-type]  # real settings


async def test_frame_is_on_the_disk_before_it_is_acknowledged(
    tmp_path: Path,
) -> None:
    """The disk is told to write the whole frame, and has, before `write` returns."""
    events: list[str] = []

    def append(file: BinaryIO, parts: Sequence[bytes], *, span_count: int, received_ns: int) -> None:
        segment.append(file, parts, span_count=span_count, received_ns=received_ns, sync=sync)

    def sync(descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        os.fdatasync(descriptor)
        events.append(f"synced {size}")

    writer = writer_on(tmp_path, append=append)
    await writer.write(checked_of([span()]))
    events.append("acknowledged")
    await writer.close()
    (path,) = segment_paths(tmp_path)
    assert events == [f"synced {path.stat().st_size}", "acknowledged"]


async def test_full_disk_is_told_and_writing_goes_on_by_itself(tmp_path: Path) -> None:
    """What was stored stays, senders are asked to come back, and later all is well, in few files."""
    full = False

    def append(file: BinaryIO, parts: Sequence[bytes], *, span_count: int, received_ns: int) -> None:
        if full:
            file.write(b"half a frame")
            disk_full()
        segment.append(file, parts, span_count=span_count, received_ns=received_ns)

    writer = writer_on(tmp_path, append=append, limits=Limits(pause_s=0.05))
    await writer.write(checked_of([span(1, 1)]))
    full = True
    for _ in range(20):
        with pytest.raises(Unavailable, match="the store c"):
            await writer.write(checked_of([span(2, 2)]))
    full = False
    await asyncio.sleep(0.1)
    await writer.write(checked_of([span(3, 3)]))
    await writer.close()
    assert len(segment_paths(tmp_path)) <= 3
    assert await found(tmp_path) == [1, 3]


async def test_disk_that_does_not_keep_up_is_told_before_memory_is_full(tmp_path: Path) -> None:
    """Senders are asked to slow down; whoever was taken is stored, also next to one who hung up."""
    go_on = threading.Event()

    def append(file: BinaryIO, parts: Sequence[bytes], *, span_count: int, received_ns: int) -> None:
        go_on.wait(5)
        segment.append(file, parts, span_count=span_count, received_ns=received_ns)

    writer = writer_on(
        tmp_path, append=append, limits=Limits(max_waiting_bytes=3 * len(checked_of([span()]).data))
    )
    taken = [asyncio.create_task(writer.write(checked_of([span(n, n)]))) for n in range(1, 5)]
    await asyncio.sleep(0.05)
    with pytest.raises(Overloaded):
        await writer.write(checked_of([span(9, 9)]))
    taken[2].cancel()
    go_on.set()
    await asyncio.gather(*taken, return_exceptions=True)
    await writer.write(checked_of([span(5, 5)]))
    await writer.close()
    assert set(await found(tmp_path)) >= {1, 2, 4, 5}


async def all_sealed(directory: Path) -> None:
    """Wait until every full segment has become a block."""
    async with asyncio.timeout(20):
        while segment_paths(directory):
            await asyncio.sleep(0.02)


async def test_segments_become_blocks_and_small_blocks_one(tmp_path: Path) -> None:
    """A store that takes little at a time does not fall apart into a thousand files."""
    storage = EmbeddedStorage(tmp_path, limits=Limits(segment_bytes=1))
    async with storage.writer() as writer:
        for number in range(1, 40):
            await writer.write(checked_of([span(number, number)]))
        await all_sealed(tmp_path)
        async with asyncio.timeout(20):
            while len(list((tmp_path / "blocks").iterdir())) >= 16:
                await asyncio.sleep(0.02)
    assert await found(tmp_path) == list(range(1, 40))


async def test_reader_follows_spans_into_their_blocks(tmp_path: Path) -> None:
    """Whoever asks while files come and go sees every trace, always, and each once."""
    storage = EmbeddedStorage(tmp_path, limits=Limits(segment_bytes=2000))
    async with storage.writer() as writer, storage.reader() as reader:
        for number in range(1, 150):
            await writer.write(checked_of([span(number, number)]))
            page = await reader.find(TraceQuery(limit=1000))
            assert sorted(numbers(page)) == list(range(1, number + 1))


async def test_crash_between_a_block_and_its_segment_doubles_nothing(tmp_path: Path) -> None:
    """A block that came into being just before the power went is not counted beside its segment."""
    await write(tmp_path, 1, 2)
    (path,) = segment_paths(tmp_path)
    data = path.read_bytes()
    seal(Catalog(tmp_path), path)
    path.write_bytes(data)
    async with EmbeddedStorage(tmp_path).reader() as reader:
        counts = await reader.counts(SpanQuery(), step_ns=2**62)
        assert sum(counts.span_count) == 2
    async with EmbeddedStorage(tmp_path).writer():
        await all_sealed(tmp_path)
    assert await found(tmp_path) == [1, 2]


async def test_crash_between_a_merge_and_its_sources_doubles_nothing(tmp_path: Path) -> None:
    """The same of blocks that have become one."""
    catalog = Catalog(tmp_path)
    for number in range(1, 4):
        await write(tmp_path, number)
        seal(catalog, segment_paths(tmp_path)[0])
    blocks = list(catalog.snapshot().blocks.values())
    copies = tmp_path / "copies"
    shutil.copytree(tmp_path / "blocks", copies)
    merge(catalog, blocks)
    for path in copies.iterdir():
        path.rename(tmp_path / "blocks" / path.name)
    async with EmbeddedStorage(tmp_path).reader() as reader:
        assert sum((await reader.counts(SpanQuery(), step_ns=2**62)).span_count) == 3
    assert await found(tmp_path) == [1, 2, 3]


@pytest.mark.parametrize("harm", ["cut", "flip", "gone"])
@pytest.mark.parametrize("file", ["spans.parquet", "traces.parquet", "resources.parquet"])
async def test_damaged_block_is_set_aside_and_the_rest_serves_on(
    tmp_path: Path, harm: str, file: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A bad sector costs the block that it is in, and the log says which."""
    catalog = Catalog(tmp_path)
    for number in range(1, 3):
        await write(tmp_path, number)
        seal(catalog, segment_paths(tmp_path)[0])
    name, facts = next(iter(catalog.snapshot().blocks.items()))
    path = tmp_path / "blocks" / name / file
    data = bytearray(path.read_bytes())
    match harm:
        case "cut":
            path.write_bytes(data[:-10])
        case "flip":
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
        case _:
            path.unlink()
    assert len(await found(tmp_path)) == 1
    assert (tmp_path / "damaged" / name).is_dir()
    assert name in caplog.text
    assert facts.span_count == 1


async def test_retention_goes_by_age_and_size_whatever_clients_clocks_say(tmp_path: Path) -> None:
    """Old spans go, also those that claim to be from the future; new ones stay, also those without a time."""
    catalog = Catalog(tmp_path)
    async with EmbeddedStorage(tmp_path).writer():
        pass
    for number, received_ns, start_ns in ((1, 100, 2**63), (2, 200, 0), (3, 300, 5)):
        path = catalog.next_segment(0)
        request = checked_of([span(number, number, start_ns=start_ns, duration_ns=0)])
        with path.open("wb") as file:
            segment.append(file, [request.data], span_count=1, received_ns=received_ns)
        seal(catalog, path)
    expire(catalog, Retention(age_s=100e-9), now_ns=250)
    assert await found(tmp_path) == [2, 3]
    size = max(facts.size_bytes for facts in catalog.snapshot().blocks.values())
    expire(catalog, Retention(size_bytes=size), now_ns=250)
    assert await found(tmp_path) == [3]


async def test_files_of_others_are_let_be(tmp_path: Path) -> None:
    """A copy that somebody left in the directory stops nothing."""
    await write(tmp_path, 1)
    (tmp_path / "segments" / "backup.txt").write_bytes(b"something else")
    (tmp_path / "blocks" / "backup").mkdir()
    await write(tmp_path, 2)
    assert await found(tmp_path) == [1, 2]


async def test_sealing_keeps_every_field(tmp_path: Path) -> None:
    """What becomes columns and comes back is what was sent."""
    storage = EmbeddedStorage(tmp_path)
    async with storage.writer() as writer:
        await writer.write(checked_of([RICH_SPAN, span(2, 2)]))
    seal(Catalog(tmp_path), segment_paths(tmp_path)[0])
    async with storage.reader() as reader:
        assert spans_of(await reader.trace(trace_id(1))) == [RICH_SPAN]


async def test_block_whose_facts_are_damaged_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A flipped bit in block.json hides nothing in silence."""
    await write(tmp_path, 1)
    seal(Catalog(tmp_path), segment_paths(tmp_path)[0])
    (block,) = (tmp_path / "blocks").iterdir()
    facts = (block / "block.json").read_text()
    (block / "block.json").write_text(facts.replace('"span_count": 1', '"span_count": 3'))
    async with EmbeddedStorage(tmp_path).reader() as reader:
        assert (await reader.find(TraceQuery())).traces == ()
        assert (await reader.status()).damaged == (block.name,)
    assert block.name in caplog.text


async def test_damaged_segment_is_kept_although_a_crash_came_between(tmp_path: Path) -> None:
    """What was in its whole frames is a block already; the file itself is still there for a person."""
    await write(tmp_path, 1, 2)
    (path,) = segment_paths(tmp_path)
    data = bytearray(path.read_bytes())
    data[frames_of(path)[0].next + 60] ^= 4
    path.write_bytes(data)
    seal(Catalog(tmp_path), path)
    (tmp_path / "damaged" / path.name).rename(path)
    async with EmbeddedStorage(tmp_path).writer():
        await all_sealed(tmp_path)
    assert (tmp_path / "damaged" / path.name).read_bytes() == data
    assert await found(tmp_path) == [1]
