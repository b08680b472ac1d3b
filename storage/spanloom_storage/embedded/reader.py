"""The reading half: follows the files, from whichever process."""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import pyarrow as pa

from spanloom_model.ids import TraceId
from spanloom_storage.api import (
    AttributeCount,
    Counts,
    FigureTable,
    Operation,
    ServiceLinks,
    SpanQuery,
    StorageStatus,
    TopValues,
    TracePage,
    TraceQuery,
)
from spanloom_storage.batch import SpanBatch
from spanloom_storage.block import Block
from spanloom_storage.conditions import Field
from spanloom_storage.embedded.block_file import damage_of
from spanloom_storage.embedded.catalog import BlockFacts, Catalog
from spanloom_storage.embedded.hot import HotSegment
from spanloom_storage.embedded.parquet import ColumnCache
from spanloom_storage.embedded.stored_block import StoredBlock
from spanloom_storage.errors import Unavailable
from spanloom_storage.search import figures, find, links, statistics

_log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
ATTEMPTS: Final = 5


class EmbeddedReader:
    """Answers from all that is in the directory at the time of the question."""

    def __init__(self, directory: Path) -> None:
        self._catalog = Catalog(directory)
        self._cache = ColumnCache()
        self._segments: dict[Path, HotSegment] = {}
        self._blocks: dict[str, StoredBlock] = {}
        self._refreshing = threading.Lock()

    async def trace(self, trace_id: TraceId) -> SpanBatch:
        """The spans of one trace, each once."""
        return await self._ask(lambda blocks: find.trace_spans(blocks, trace_id))

    async def find(self, query: TraceQuery) -> TracePage:
        """One page of the traces that match."""
        return await self._ask(lambda blocks: find.find(blocks, query))

    async def services(self) -> Sequence[str]:
        """All services, sorted."""
        return await self._ask(statistics.services)

    async def operations(self, service: str) -> Sequence[Operation]:
        """The names and kinds of a service's spans, sorted."""
        return await self._ask(lambda blocks: statistics.operations(blocks, service))

    async def attributes(self) -> Sequence[AttributeCount]:
        """All attribute keys."""
        return await self._ask(statistics.attributes)

    async def values(self, field: Field, query: SpanQuery, *, limit: int = 100) -> TopValues:
        """The most frequent values of a field."""
        return await self._ask(lambda blocks: statistics.values(blocks, field, query, limit))

    async def counts(self, query: SpanQuery, *, step_ns: int) -> Counts:
        """Spans over time."""
        return await self._ask(lambda blocks: statistics.counts(blocks, query, step_ns))

    async def figures(
        self, query: SpanQuery, *, step_ns: int | None = None, quantiles: Sequence[float] = (0.5, 0.95, 0.99)
    ) -> FigureTable:
        """Rate, errors and durations."""
        return await self._ask(lambda blocks: figures.figures(blocks, query, step_ns, quantiles))

    async def service_links(self, query: SpanQuery) -> ServiceLinks:
        """Who calls whom."""
        return await self._ask(lambda blocks: links.service_links(blocks, query))

    async def status(self) -> StorageStatus:
        """What there is."""
        return await asyncio.to_thread(self._catalog.status)

    async def _ask(self, question: Callable[[Sequence[Block]], Answer]) -> Answer:
        """Put a question to all blocks, in a thread."""
        return await asyncio.to_thread(self._answer, question)

    def _answer(self, question: Callable[[Sequence[Block]], Answer]) -> Answer:
        try:
            for attempt in range(ATTEMPTS):
                try:
                    return question(self._refreshed())
                except FileNotFoundError:
                    # Sealed, merged or expired since the look at the directory; or somebody deletes files.
                    if attempt > 1:
                        self._found_damage()
                except (OSError, pa.ArrowException):
                    if not self._found_damage():
                        raise
            raise Unavailable("the store changes faster than it can be read")
        except OSError as exc:
            raise Unavailable(f"the store cannot be read: {exc.strerror or exc}") from exc

    def _refreshed(self) -> list[Block]:
        with self._refreshing:
            snapshot = self._catalog.snapshot()
            self._segments = {
                path: self._segments.get(path) or HotSegment(path) for path in snapshot.segments
            }
            self._blocks = {
                name: block
                for name, facts in snapshot.blocks.items()
                if (block := self._blocks.get(name) or self._opened(name, facts)) is not None
            }
            hot = [block for segment in self._segments.values() for block in segment.refreshed()]
            return [*hot, *self._blocks.values()]

    def _opened(self, name: str, facts: BlockFacts) -> StoredBlock | None:
        """A block that is as it was written; another is set aside."""
        directory = self._catalog.blocks / name
        damage = damage_of(directory, facts)
        if damage is None:
            return StoredBlock(directory, facts, self._cache)
        if not directory.exists():
            raise FileNotFoundError(directory)  # merged or expired meanwhile
        self._catalog.set_aside(directory, damage)
        return None

    def _found_damage(self) -> bool:
        """Whether a block has been damaged since it was opened; it is set aside then."""
        with self._refreshing:
            facts = self._catalog.snapshot().blocks
            damaged = [name for name in self._blocks if name in facts and self._is_damaged(name, facts[name])]
            for name in damaged:
                del self._blocks[name]
        return bool(damaged)

    def _is_damaged(self, name: str, facts: BlockFacts) -> bool:
        try:
            return self._opened(name, facts) is None
        except FileNotFoundError:
            return False
