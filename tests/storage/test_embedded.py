"""The embedded backend keeps the contract, across restarts, processes and damage."""

import asyncio
import errno
import os
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from spanloom_model.errors import MisconfiguredError
from spanloom_storage.api import Storage, TraceQuery
from spanloom_storage.batch import SpanBatch
from spanloom_storage.embedded import EmbeddedStorage, segment
from spanloom_storage.embedded.segment import rewrite, segment_paths
from spanloom_storage.embedded.writer import EmbeddedWriter
from spanloom_storage.errors import Overloaded, Unavailable
from spanloom_storage.spans import spans_of
from spanloom_storage.testing import StorageContract, batch_of
from spanloom_storage.testing.contract import RICH_SPAN, numbers, span, trace_id


class TestEmbeddedStorage(StorageContract):
    """Everything that every backend promises."""

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        """An empty directory."""
        return EmbeddedStorage(tmp_path / "store")


async def write(directory: Path, *trace_numbers: int) -> None:
    """One run of a writer that stores a span for each number, each in a commit of its own."""
    async with EmbeddedStorage(directory).writer() as writer:
        for number in trace_numbers:
            await writer.write(batch_of([span(number, number)]))


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
            await writer.write(batch_of([span(number, number)]))
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
    whole = path.stat().st_size
    await write(tmp_path / "other", 2)
    torn = next(iter(segment_paths(tmp_path / "other"))).read_bytes()[:kept_bytes]
    with path.open("ab") as file:
        file.write(torn)
    assert path.stat().st_size == whole + kept_bytes
    await write(tmp_path, 3)
    assert await found(tmp_path) == [1, 3]


async def test_flipped_bit_costs_one_commit(tmp_path: Path) -> None:
    """A damaged frame is passed over; what was written before and after it is found."""
    await write(tmp_path, 1, 2, 3)
    (path,) = segment_paths(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert await found(tmp_path) == [1, 3]
    rewrite(path)
    assert path.read_bytes() == data


def disk_full(_: BinaryIO, __: SpanBatch) -> None:
    """What a full disk answers."""
    raise OSError(errno.ENOSPC, "No space left on device")


async def test_frame_is_on_the_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    """`fsync` sees the whole frame, and returns before `write` does."""
    events: list[str] = []

    def append(file: BinaryIO, spans: SpanBatch) -> None:
        def sync(descriptor: int) -> None:
            size = os.fstat(descriptor).st_size
            os.fsync(descriptor)
            events.append(f"synced {size}")

        segment.append(file, spans, sync)

    writer = EmbeddedWriter(tmp_path, append=append)
    await writer.write(batch_of([span()]))
    events.append("acknowledged")
    await writer.close()
    (path,) = segment_paths(tmp_path)
    assert events == [f"synced {path.stat().st_size}", "acknowledged"]


async def test_full_disk_is_told_and_writing_goes_on_by_itself(tmp_path: Path) -> None:
    """What was stored stays, senders are asked to come back, and later all is well, in few files."""
    full = False

    def append(file: BinaryIO, spans: SpanBatch) -> None:
        if full:
            file.write(b"half a frame")
            disk_full(file, spans)
        segment.append(file, spans)

    writer = EmbeddedWriter(tmp_path, append=append, pause_s=0.05)
    await writer.write(batch_of([span(1, 1)]))
    full = True
    for _ in range(20):
        with pytest.raises(Unavailable, match="the store c"):
            await writer.write(batch_of([span(2, 2)]))
    full = False
    await asyncio.sleep(0.1)
    await writer.write(batch_of([span(3, 3)]))
    await writer.close()
    assert len(segment_paths(tmp_path)) <= 3
    assert await found(tmp_path) == [1, 3]


async def test_disk_that_does_not_keep_up_is_told_before_memory_is_full(tmp_path: Path) -> None:
    """Senders are asked to slow down; whoever was taken is stored, also next to one who hung up."""
    go_on = threading.Event()

    def append(file: BinaryIO, spans: SpanBatch) -> None:
        go_on.wait(5)
        segment.append(file, spans)

    writer = EmbeddedWriter(tmp_path, append=append, max_waiting_bytes=3 * batch_of([span()]).nbytes)
    taken = [asyncio.create_task(writer.write(batch_of([span(n, n)]))) for n in range(1, 5)]
    await asyncio.sleep(0.05)
    with pytest.raises(Overloaded):
        await writer.write(batch_of([span(9, 9)]))
    taken[2].cancel()
    go_on.set()
    await asyncio.gather(*taken, return_exceptions=True)
    await writer.write(batch_of([span(5, 5)]))
    await writer.close()
    assert set(await found(tmp_path)) >= {1, 2, 4, 5}


async def test_segments_end_at_their_size(tmp_path: Path) -> None:
    """No file grows without end, and all are read."""
    writer = EmbeddedWriter(tmp_path, segment_bytes=10_000)
    for number in range(1, 21):
        await writer.write(batch_of([span(number, number)]))
    await writer.close()
    assert len(segment_paths(tmp_path)) > 2
    assert await found(tmp_path) == list(range(1, 21))


@pytest.mark.parametrize("place", [1, 5, 9, 17])
async def test_flipped_bit_in_a_header_costs_one_commit_too(tmp_path: Path, place: int) -> None:
    """What lies behind a damaged header is found, and never rewritten away."""
    await write(tmp_path, 1, 2, 3, 4)
    (path,) = segment_paths(tmp_path)
    data = bytearray(path.read_bytes())
    with path.open("rb") as file:
        first = next(iter(segment.frames(file)))
    data[first.end + place] ^= 4
    path.write_bytes(data)
    assert await found(tmp_path) == [1, 3, 4]
    rewrite(path)
    assert path.read_bytes() == data


async def test_files_of_others_are_let_be(tmp_path: Path) -> None:
    """A copy that somebody left in the directory stops nothing."""
    (tmp_path / "backup.spans").write_bytes(b"something else")
    await write(tmp_path, 1)
    assert await found(tmp_path) == [1]


async def test_segments_at_rest_are_rewritten_in_the_background(tmp_path: Path) -> None:
    """A store that was restarted often is read as fast as one that was not."""
    await write(tmp_path, *range(1, 30))
    (first,) = segment_paths(tmp_path)
    before = first.stat().st_size
    async with EmbeddedStorage(tmp_path).writer() as writer:
        await writer.write(batch_of([span(30, 30)]))
        async with asyncio.timeout(5):
            while first.stat().st_size == before:
                await asyncio.sleep(0.01)
    assert await found(tmp_path) == list(range(1, 31))


async def test_rewriting_a_segment_changes_nothing_but_its_size(tmp_path: Path) -> None:
    """Tidying up in the background is invisible, also to a reader that has the old file open."""
    storage = EmbeddedStorage(tmp_path)
    async with storage.writer() as writer:
        for number in range(1, 40):
            await writer.write(batch_of([span(number, number)]))
        await writer.write(batch_of([RICH_SPAN]))
    (path,) = segment_paths(tmp_path)
    before = path.stat().st_size
    async with storage.reader() as reader:
        page = await reader.find(TraceQuery(limit=1000))
        rewrite(path)
        assert path.stat().st_size < before / 2
        assert await reader.find(TraceQuery(limit=1000)) == page
        assert RICH_SPAN in spans_of(await reader.trace(trace_id(1)))
