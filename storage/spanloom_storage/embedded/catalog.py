"""Which files make the store at a moment.

store/
  format                   the number of the format, for whoever opens it later
  lock                     held by the one process that writes
  segments/N-TIME.otlp     what has been acknowledged and is not in a block yet, by worker and beginning
  blocks/NAME/             what has been sorted into columns
  damaged/                 what was found not to be as it was written, for a person to look at

A block says in its block.json which segments and blocks it replaces; they do not count from the
moment that it has its name, whether they are deleted already or not. That is all there is to a crash.
"""

import json
import logging
import re
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import xxhash

from spanloom_storage.api import StorageStatus
from spanloom_storage.embedded import segment
from spanloom_storage.embedded.segment import sync_directory

_log = logging.getLogger(__name__)

SEGMENTS: Final = "segments"
BLOCKS: Final = "blocks"
DAMAGED: Final = "damaged"
FACTS: Final = "block.json"
DRAFT: Final = ".draft-"
_BLOCK_NAME: Final = re.compile(r"\d.*-[0-9a-f]{16}")
"""Other names are somebody else's directories."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockFacts:
    """What block.json says: enough to decide whether to open the block's files."""

    name: str
    span_count: int
    trace_count: int
    first_traces: list[int]
    """The first trace of each row group of spans."""
    start_range_ns: list[int]
    """The earliest and the latest start of a span that says so; zeros where none does."""
    newest_trace_ns: int
    """The latest start of a trace."""
    received_ns: list[int]
    """When its first and its last span came in: what retention goes by, since clocks may be wrong."""
    attributes: list[list[str | int]]
    """[owner, key, type, how many values] of each attribute."""
    files: dict[str, list[int | str]]
    """[size in bytes, XXH3-64 in hexadecimal] of each file."""
    replaces: list[str]
    """Segments and blocks, by name."""

    @property
    def size_bytes(self) -> int:
        """What its files take."""
        return sum(int(size) for size, _ in self.files.values())


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files that count, at one moment."""

    segments: list[Path]
    """Oldest first."""
    blocks: Mapping[str, BlockFacts]


class Catalog:
    """Looks at a store's directory; what it has read of blocks it keeps, since they never change."""

    def __init__(self, directory: Path, *, only_looks: bool = False) -> None:
        self._only_looks = only_looks
        self.directory = directory
        self._facts: dict[str, BlockFacts] = {}
        self._left_out: set[str] = set()
        """Blocks that are damaged and could not be moved."""
        self._last = 0

    @property
    def segments(self) -> Path:
        """Where segments lie."""
        return self.directory / SEGMENTS

    @property
    def blocks(self) -> Path:
        """Where blocks lie."""
        return self.directory / BLOCKS

    def snapshot(self) -> Snapshot:
        """What counts now; a block that cannot be understood is set aside."""
        # Segments first: one that is replaced between the two looks is in both, and the block wins.
        segments = sorted(self.segments.glob(f"*{segment.SUFFIX}")) if self.segments.is_dir() else []
        while not self._has_read_all():
            pass  # blocks became one between their names and their facts: look again
        replaced = {name for facts in self._facts.values() for name in facts.replaces}
        blocks = {name: facts for name, facts in self._facts.items() if name not in replaced}
        return Snapshot([path for path in segments if path.name not in replaced], blocks)

    def _has_read_all(self) -> bool:
        """Read what blocks say; whether all that were listed are still there."""
        names = [name for name in self._names() if name not in self._left_out]
        read = {name: self._read(name) for name in names}
        self._facts = {name: facts for name, facts in read.items() if facts is not None}
        damaged = self.directory / DAMAGED
        return all(
            (self.blocks / name).exists() or (damaged / name).exists() for name in names if read[name] is None
        )

    def set_aside(self, path: Path, reason: str) -> None:
        """Take what is damaged out of the store, to where a person finds it; at least out of answers."""
        if self._only_looks:
            self._left_out.add(path.name)
            return
        _log.error("%s is damaged and set aside: %s", path.name, reason)
        damaged = self.directory / DAMAGED
        target = damaged / path.name
        try:
            damaged.mkdir(exist_ok=True)
            while target.exists():
                target = target.with_name(f"{target.name}-again")
            path.rename(target)
            for directory in (damaged, self.directory, path.parent):
                sync_directory(directory)
        except OSError as exc:  # whoever only reads may not move it
            _log.warning("%s stays where it is: %s", path.name, exc.strerror)
            self._left_out.add(path.name)

    def status(self) -> StorageStatus:
        """What there is; spans in segments are not counted, since nothing has looked at them."""
        snapshot = self.snapshot()
        damaged = self.directory / DAMAGED
        moved = {path.name for path in damaged.iterdir()} if damaged.is_dir() else set()
        return StorageStatus(
            span_count=sum(facts.span_count for facts in snapshot.blocks.values()),
            size_bytes=sum(facts.size_bytes for facts in snapshot.blocks.values())
            + sum(path.stat().st_size for path in snapshot.segments),
            file_counts={"segments": len(snapshot.segments), "blocks": len(snapshot.blocks)},
            damaged=tuple(sorted(moved | self._left_out)),
        )

    def next_segment(self, worker: int) -> Path:
        """A name that was never used before, and sorts behind the others of this worker."""
        self._last = max(self._last + 1, time.time_ns())
        return self.segments / f"{worker}-{self._last:020}{segment.SUFFIX}"

    def replaced(self) -> list[Path]:
        """What is still there although a block has replaced it."""
        names = {name for facts in self._facts.values() for name in facts.replaces}
        paths = [
            self.segments / name if name.endswith(segment.SUFFIX) else self.blocks / name for name in names
        ]
        return [path for path in paths if path.exists()]

    def _names(self) -> list[str]:
        """All blocks; read again where it changed meanwhile, since a listing is no snapshot by itself."""
        if not self.blocks.is_dir():
            return []
        while True:
            before = self.blocks.stat().st_mtime_ns
            names = [path.name for path in self.blocks.iterdir() if not path.name.startswith(".")]
            if self.blocks.stat().st_mtime_ns == before:
                return sorted(names)

    def _read(self, name: str) -> BlockFacts | None:
        """What a block says of itself. Its name ends in the checksum of what it says."""
        if name in self._facts:
            return self._facts[name]
        try:
            data = (self.blocks / name / FACTS).read_bytes()
        except FileNotFoundError:
            # A block that was just replaced is not there at all: it goes in one step.
            if _BLOCK_NAME.fullmatch(name) and (self.blocks / name).is_dir():
                self.set_aside(self.blocks / name, f"{FACTS} is missing")
            return None
        if not name.endswith(f"-{xxhash.xxh3_64_hexdigest(data)}"):
            self.set_aside(self.blocks / name, f"{FACTS} is not what was written")
            return None
        return BlockFacts(name=name, **json.loads(data))


def remove(paths: Iterable[Path]) -> None:
    """Delete segments and blocks; readers that have them open may go on."""
    for path in paths:
        if path.is_dir():
            gone = path.with_name(f"{DRAFT}gone-{path.name}")
            path.rename(gone)  # in one step, so that nobody sees half a block
            shutil.rmtree(gone)
        else:
            path.unlink(missing_ok=True)
        sync_directory(path.parent)
