"""From segments to blocks, from small blocks to larger ones, and out of the store: in the background."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from spanloom_storage.api import Upkeep
from spanloom_storage.embedded import segment
from spanloom_storage.embedded.block_file import damage_of, write_block
from spanloom_storage.embedded.catalog import DRAFT, BlockFacts, Catalog, remove
from spanloom_storage.embedded.parquet import ColumnCache
from spanloom_storage.embedded.stored_block import StoredBlock
from spanloom_storage.kernels.decode import decode

_log = logging.getLogger(__name__)

MOST_WAITING: Final = 3
"""So many full segments may wait; then whoever writes waits too."""
MERGE_BLOCKS: Final = 8
MERGE_TIERS: Final = (2**6, 2**9, 2**12, 2**15)
"""Blocks of fewer spans than one of these are merged with others of that size; larger ones stay."""
LOOK_S: Final = 5.0
RETRY_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long spans are kept; None means for ever."""

    age_s: float | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Worker:
    """One of the processes that write a store. Each seals its own segments; the first does the rest."""

    number: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether it merges, expires and clears away, also what workers have left that are no more."""
        return self.number == 0

    def owns(self, path: Path) -> bool:
        """Whether a segment or a draft of a block is its to look after; blocks are the first one's."""
        told = path.name.removeprefix(DRAFT).partition("-")[0]
        number = int(told) if told.isdecimal() else 0
        return number == self.number or (self.is_first and number >= self.count)


ALONE: Final = Worker()


class Sealer:
    """One thread that puts a store in order; what it cannot do now it tries again."""

    def __init__(self, catalog: Catalog, retention: Retention, worker: Worker = ALONE) -> None:
        self._catalog = catalog
        self._retention = retention
        self._worker = worker
        self._active: Path | None = None
        self._changed = threading.Condition()
        self._closing = False
        self._given_up: set[Path] = set()
        self._unmerged: set[str] = set()
        self.hear: Callable[[Upkeep], None] = lambda _: None
        """Is told of every piece of work."""
        self._thread = threading.Thread(target=self._run, name="spanloom-seal", daemon=True)

    def start(self) -> None:
        """Begin with what earlier runs have left."""
        self._thread.start()

    def close(self) -> None:
        """End after what is in hand."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def appending_to(self, path: Path | None) -> None:
        """Say which segment is still written; all others may be sealed."""
        with self._changed:
            self._active = path
            self._changed.notify_all()

    def wait_for_room(self, timeout_s: float) -> bool:
        """Whether no more than MOST_WAITING segments wait, now or within a time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._closing or len(self._resting()) <= MOST_WAITING, timeout_s
            )

    def _resting(self) -> list[Path]:
        """The segments that can be sealed, oldest first."""
        paths = sorted(self._catalog.segments.glob(f"*{segment.SUFFIX}"))
        mine = filter(self._worker.owns, paths)
        return [path for path in mine if path != self._active and path not in self._given_up]

    def _run(self) -> None:
        for path in filter(self._worker.owns, self._catalog.blocks.glob(f"{DRAFT}*")):
            shutil.rmtree(path, ignore_errors=True)  # what an earlier run had in hand when it was killed
        while not self._closing:
            try:
                self._put_in_order()
            except OSError as exc:
                _log.warning("the store cannot be put in order now: %s", exc.strerror)
                self._pause(lambda: False, RETRY_S)
            except Exception:  # noqa: BLE001  # the log has it; whatever it is, sealing goes on
                _log.exception("the store cannot be put in order now")
                self._pause(lambda: False, LOOK_S)
            self._pause(lambda: bool(self._resting()), LOOK_S)

    def _pause(self, until: Callable[[], bool], most_s: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or until(), most_s)

    def _put_in_order(self) -> None:
        self._catalog.snapshot()
        tidy_up(self._catalog, self._worker)
        if self._worker.is_first:
            # Before anything that takes room, or a full disk would stay full.
            for facts in expire(self._catalog, self._retention, time.time_ns()):
                self._tell("expire", facts, 0, 0.0)
        for path in self._resting():
            self._seal(path)
            with self._changed:
                self._changed.notify_all()
            if self._closing:
                return
        if self._worker.is_first:
            self._merge()

    def _merge(self) -> None:
        while not self._closing:
            blocks = self._catalog.snapshot().blocks.values()
            few = blocks_to_merge([facts for facts in blocks if facts.name not in self._unmerged])
            if not few:
                return
            began = time.monotonic()
            try:
                merged = merge(self._catalog, few)
            except OSError:
                raise
            except Exception:  # noqa: BLE001  # logged with its trace; they are read as they are
                _log.exception("%s cannot be merged", ", ".join(facts.name for facts in few))
                self._unmerged |= {facts.name for facts in few}
                continue
            if merged is not None:
                self._tell("merge", merged, merged.size_bytes, time.monotonic() - began)

    def _seal(self, path: Path) -> None:
        began = time.monotonic()
        try:
            facts = seal(self._catalog, path, self._worker)
        except OSError:
            raise  # a full disk, for example: the same may succeed later
        except Exception:  # noqa: BLE001  # logged with its trace; see below
            # Nothing is lost: the segment stays, and is read as it is. The others must not wait for it.
            _log.exception("%s cannot be sealed", path.name)
            self._given_up.add(path)
            return
        if facts is not None:
            self._tell("seal", facts, facts.size_bytes, time.monotonic() - began)

    def _tell(self, work: str, facts: BlockFacts, written_bytes: int, seconds: float) -> None:
        self.hear(
            Upkeep(work=work, span_count=facts.span_count, written_bytes=written_bytes, seconds=seconds)
        )


def tidy_up(catalog: Catalog, worker: Worker = ALONE) -> None:
    """Finish what this run, or an earlier one, was about to do with what has been replaced."""
    for path in filter(worker.owns, catalog.replaced()):
        damaged = 0
        if path.suffix == segment.SUFFIX:
            damaged = sum(not frame.whole for frame in segment.frames(segment.read(path)))
        if damaged:
            catalog.set_aside(path, _told(damaged))
        else:
            remove([path])


def _told(damaged: int) -> str:
    return f"{damaged} stretches of it are not what was written"


def seal(catalog: Catalog, path: Path, worker: Worker = ALONE) -> BlockFacts | None:
    """Make a block of a segment's whole frames, then delete the segment, or set it aside if it is damaged."""
    facts = None
    data = segment.read(path)
    found = list(segment.frames(data))
    whole = [frame for frame in found if frame.whole]
    if whole:
        extents = np.array([[frame.begin, frame.end] for frame in whole], np.int64)
        received = [frame.received_ns for frame in whole]
        facts = write_block(
            catalog,
            decode(data, extents),
            replaces=[path.name],
            received_ns=(min(received), max(received)),
            worker=worker.number,
        )
    if len(whole) < len(found):
        catalog.set_aside(path, _told(len(found) - len(whole)))
    else:
        remove([path])
    return facts


def blocks_to_merge(blocks: Sequence[BlockFacts]) -> Sequence[BlockFacts]:
    """Eight blocks of about one size that came one after the other, or none."""
    by_time = sorted(blocks, key=lambda facts: facts.received_ns)
    for tier in MERGE_TIERS:
        few = [facts for facts in by_time if facts.span_count < tier][:MERGE_BLOCKS]
        if len(few) == MERGE_BLOCKS:
            return few
    return ()


def merge(catalog: Catalog, blocks: Sequence[BlockFacts]) -> BlockFacts | None:
    """Make one block of several, then delete them; None where one is damaged and was set aside."""
    parts = []
    for facts in blocks:
        damage = damage_of(catalog.blocks / facts.name, facts)
        if damage is not None:
            catalog.set_aside(catalog.blocks / facts.name, damage)
            return None  # the others are merged without it, next time
    for facts in blocks:
        stored = StoredBlock(catalog.blocks / facts.name, facts, ColumnCache(0))
        parts += [stored.request(group) for group in range(len(facts.first_traces))]
    rows = decode(np.frombuffer(b"".join(parts), np.uint8))
    received = (min(facts.received_ns[0] for facts in blocks), max(facts.received_ns[1] for facts in blocks))
    names = [facts.name for facts in blocks]
    merged = write_block(catalog, rows, replaces=names, received_ns=received)
    remove(catalog.blocks / name for name in names)
    return merged


def expire(catalog: Catalog, retention: Retention, now_ns: int) -> Sequence[BlockFacts]:
    """Delete the blocks that came in longest ago, as far as retention says; those that were deleted."""
    gone = []
    blocks = sorted(catalog.snapshot().blocks.values(), key=lambda facts: facts.received_ns[1], reverse=True)
    kept_bytes = 0
    for facts in blocks:
        kept_bytes += facts.size_bytes
        too_old = retention.age_s is not None and facts.received_ns[1] < now_ns - retention.age_s * 1e9
        too_much = retention.size_bytes is not None and kept_bytes > retention.size_bytes
        if too_old or too_much:
            remove([catalog.blocks / facts.name])
            gone.append(facts)
    return gone
