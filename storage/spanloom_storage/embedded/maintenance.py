"""What a person does to a store: look at it, verify it, put it in order at once."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from spanloom_model.errors import MisconfiguredError
from spanloom_model.ids import TraceId
from spanloom_storage import summaries
from spanloom_storage.batch import SpanBatch, empty_batch
from spanloom_storage.block import Block
from spanloom_storage.embedded import segment
from spanloom_storage.embedded.attribute_columns import PREFIX, TYPE_NAMES, column_key
from spanloom_storage.embedded.block_file import damage_of
from spanloom_storage.embedded.catalog import DRAFT, FACTS, BlockFacts, Catalog
from spanloom_storage.embedded.reader import EmbeddedReader
from spanloom_storage.embedded.sealer import blocks_to_merge, merge, seal, tidy_up
from spanloom_storage.embedded.store import FORMAT, check_format, locked
from spanloom_storage.search.find import places_of

_OWNERS = {
    "spans": "span",
    "events": "event",
    "links": "link",
    "resources": "resource",
    "scopes": "instrumentation",
}
AttributeName = tuple[str, str, str | None]
"""(owner, key, type); None for values that are not compared."""


@dataclass(frozen=True, slots=True)
class SegmentFacts:
    """What is in a segment."""

    span_count: int
    whole_bytes: int
    """Up to where frames follow each other; what is behind was never acknowledged."""
    damaged: list[tuple[int, int]]
    """(begin, end) of each stretch that is not what was written."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One file that was looked at."""

    name: str
    """Below the store's directory."""
    size: int
    damage: str | None
    note: str | None = None
    """What is no damage, and worth a line."""


@dataclass(slots=True)
class AttributeSize:
    """An attribute key in all blocks together."""

    value_count: int = 0
    size: int = 0
    """Of its columns, compressed; values too rare for a column are not in it."""


@dataclass(slots=True)
class Compacted:
    """What compacting has done so far."""

    steps: int = 0
    sealed: int = 0
    merged: int = 0
    damaged: list[str] = field(default_factory=list)


def opened(directory: Path) -> Catalog:
    """The store in a directory, to look at; changes nothing. Raises MisconfiguredError for none."""
    if not directory.is_dir():
        raise MisconfiguredError(f"there is no data directory {directory}")
    if not (directory / "format").exists() and not (directory / "segments").is_dir():
        raise MisconfiguredError(f"the directory {directory} holds no Spanloom data")
    check_format(directory)
    return Catalog(directory, only_looks=True)


@contextmanager
def exclusive(directory: Path) -> Iterator[Catalog]:
    """The store in a directory, while nobody else may write; raises MisconfiguredError if somebody does."""
    catalog = Catalog(opened(directory).directory)
    with locked(directory):
        yield catalog


class BulkReader(EmbeddedReader):
    """A reader for whoever takes many traces out: by single ones, 15,000 traces took 80 seconds."""

    async def traces(self, trace_ids: Sequence[TraceId]) -> SpanBatch:
        """Every span of the traces, each once."""
        high, low = (
            np.array([int.from_bytes(trace_id[half], "big") for trace_id in trace_ids], np.uint64)
            for half in (slice(8), slice(8, 16))
        )
        return await self._ask(lambda blocks: _spans_of_traces(blocks, high, low))


def _spans_of_traces(
    blocks: Sequence[Block], high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64]
) -> SpanBatch:
    parts = []
    for block in blocks:
        places = places_of(block, high, low)
        if (places >= 0).any():
            parts.append(block.spans(places[places >= 0].tolist()))
    return summaries.distinct(pa.concat_tables(parts)) if parts else empty_batch()


def format_of(catalog: Catalog) -> str:
    """The format of what is there; the present one where nothing has been written yet."""
    path = catalog.directory / "format"
    return path.read_text().strip() if path.exists() else FORMAT


def segment_facts(path: Path) -> SegmentFacts:
    """Read a segment and compare all of its frames with their checksums."""
    data = segment.read(path)
    found = list(segment.frames(data))
    return SegmentFacts(
        span_count=sum(frame.span_count for frame in found if frame.whole),
        whole_bytes=min(found[-1].next, data.size) if found else 0,
        damaged=[(frame.begin, frame.end) for frame in found if not frame.whole],
    )


def unreadable_blocks(catalog: Catalog) -> list[str]:
    """Blocks whose block.json cannot be understood, so that they do not count."""
    if not catalog.blocks.is_dir():
        return []
    known = catalog.snapshot()
    replaced = {path.name for path in catalog.replaced()}
    there = {path.name for path in catalog.blocks.iterdir() if not path.name.startswith(".")}
    wrong = there - known.blocks.keys() - replaced
    return sorted(
        name
        for name in wrong
        if (catalog.blocks / name / FACTS).exists() and name not in catalog.snapshot().blocks
    )


def size_to_check(catalog: Catalog) -> int:
    """How many bytes `check` will look at."""
    snapshot = catalog.snapshot()
    files = sum(path.stat().st_size for path in snapshot.segments if path.exists())
    return files + sum(facts.size_bytes for facts in snapshot.blocks.values())


def check(catalog: Catalog) -> Iterator[Checked]:
    """Compare every frame and every file with its checksum; files that go away meanwhile are left out."""
    snapshot = catalog.snapshot()
    for path in snapshot.segments:
        try:
            yield _check_segment(catalog, path)
        except FileNotFoundError:
            continue  # sealed meanwhile
    for name in unreadable_blocks(catalog):
        yield Checked(f"blocks/{name}/{FACTS}", 0, "cannot be understood, so nothing of the block is shown")
    for name, facts in snapshot.blocks.items():
        for file, (size, _) in facts.files.items():
            try:
                damage = _damage(catalog, facts, file)
            except FileNotFoundError:
                damage = f"{file} is missing"
            if damage is None or (catalog.blocks / name).exists():
                told = None if damage is None else damage.removeprefix(f"{file} ")
                yield Checked(f"blocks/{name}/{file}", int(size), told)


def _damage(catalog: Catalog, facts: BlockFacts, file: str) -> str | None:
    return damage_of(catalog.blocks / facts.name, replace(facts, files={file: facts.files[file]}))


def _check_segment(catalog: Catalog, path: Path) -> Checked:
    size = path.stat().st_size
    facts = segment_facts(path)
    damage, note = None, None
    if facts.damaged:
        where = ", ".join(f"{begin}–{end}" for begin, end in facts.damaged)
        damage = f"is not what was written at bytes {where}"
    if facts.whole_bytes < size:
        note = f"ends in {size - facts.whole_bytes} bytes that were never acknowledged"
    return Checked(str(path.relative_to(catalog.directory)), size, damage, note)


def compact(catalog: Catalog) -> Iterator[Compacted]:
    """Seal all segments and merge small blocks until none is left to merge; tells after each step.

    The caller holds the lock (`exclusive`). Damaged segments are set aside as ever; damaged blocks
    stay where they are, unmerged, and are named.
    """
    done = Compacted()
    for path in catalog.blocks.glob(f"{DRAFT}*"):
        shutil.rmtree(path, ignore_errors=True)  # what an earlier run had in hand when it was killed
    segments = catalog.snapshot().segments
    tidy_up(catalog)
    for path in segments:
        _seal(catalog, path, done)
        done.steps += 1
        yield done
    damaged: set[str] = set()
    while few := blocks_to_merge(_blocks(catalog, but=damaged)):
        wrong = {facts.name for facts in few if damage_of(catalog.blocks / facts.name, facts) is not None}
        damaged |= wrong
        if not wrong:
            merge(catalog, few)
            done.merged += len(few)
        done.steps += 1
        yield done
    done.damaged += [f"blocks/{name}" for name in sorted(damaged)]
    yield done


def _seal(catalog: Catalog, path: Path, done: Compacted) -> None:
    try:
        seal(catalog, path)
    except OSError:
        raise  # a full disk, for example: all others would fail too
    except Exception as exc:  # noqa: BLE001  # as while running: it stays, is read as it is, and is named
        done.damaged.append(f"segments/{path.name} ({type(exc).__name__}: {str(exc)[:200]})")
        return
    done.sealed += 1
    if (catalog.directory / "damaged" / path.name).exists():
        done.damaged.append(f"segments/{path.name}")


def _blocks(catalog: Catalog, *, but: set[str]) -> Sequence[BlockFacts]:
    return [facts for facts in catalog.snapshot().blocks.values() if facts.name not in but]


def attribute_sizes(catalog: Catalog) -> dict[AttributeName, AttributeSize]:
    """How often each attribute key is used in blocks, and what its columns take."""
    found: dict[AttributeName, AttributeSize] = {}
    for facts in catalog.snapshot().blocks.values():
        for owner, key, value_type, count in facts.attributes:
            name = (str(owner), str(key), str(value_type) if value_type else None)
            found.setdefault(name, AttributeSize()).value_count += int(count)
        for file, owner in _OWNERS.items():
            path = catalog.blocks / facts.name / f"{file}.parquet"
            for (key, value_type), size in _column_sizes(path).items() if path.exists() else ():
                found.setdefault((owner, key, value_type), AttributeSize()).size += size
    return found


def _column_sizes(path: Path) -> dict[tuple[str, str], int]:
    """Bytes by (key, type) of a file's columns of attributes; raises OSError or ArrowException."""
    metadata = pq.read_metadata(path)
    sizes: dict[tuple[str, str], int] = {}
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for number in range(metadata.num_columns):
            column = row_group.column(number)
            if column.path_in_schema.startswith(PREFIX):
                key, value_type = column_key(column.path_in_schema)
                name = (key, TYPE_NAMES[value_type])
                sizes[name] = sizes.get(name, 0) + column.total_compressed_size
    return sizes
