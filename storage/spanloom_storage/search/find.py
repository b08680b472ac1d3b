"""Traces that match, newest first, over blocks that may share traces.

Blocks are opened from the newest on, and their traces are candidates in the order of their starts.
A trace's true start is never later than a start that a block knows, so once enough results lie above
all candidates that are left, no other trace can come before them. Where a block knows none, the true
start, from the other blocks, is looked up before.
"""

import heapq
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanloom_model.ids import TraceId
from spanloom_storage import otlp, summaries
from spanloom_storage.api import Place, TracePage, TraceQuery, TraceSummary
from spanloom_storage.batch import SpanBatch, SpanRequest, empty_batch
from spanloom_storage.block import Block, Mask, TraceTable
from spanloom_storage.kernels.locate import locate
from spanloom_storage.rows_block import block_of
from spanloom_storage.search.leaves import Leaves
from spanloom_storage.search.merged import Merged
from spanloom_storage.search.workers import Ahead

_LAST: bytes = b"\xff" * 16
_CANDIDATES: int = 64
"""So many are looked up in the other blocks at once, and more the longer nothing is found."""
_MOST_CANDIDATES: Final = 1024
_MOST_SPANS: int = 2**20
"""Of traces that are put together at once, but for a single one that has more."""


@dataclass(frozen=True, slots=True)
class _Here:
    """Where a trace is: its place in each of some blocks."""

    high: int
    low: int
    places: list[tuple[int, int]]
    """(number of the block, place in its table)."""
    start_ns: int

    @property
    def trace_id(self) -> TraceId:
        return TraceId(self.high.to_bytes(8, "big") + self.low.to_bytes(8, "big"))

    @property
    def rank(self) -> tuple[int, bytes]:
        """Sorts as results do."""
        return (-self.start_ns, self.trace_id)


def trace_spans(blocks: Sequence[Block], trace_id: TraceId) -> SpanBatch:
    """All spans of a trace, each once."""
    high, low = (np.array([int.from_bytes(half, "big")], np.uint64) for half in (trace_id[:8], trace_id[8:]))
    parts = []
    for block in blocks:
        (place,) = places_of(block, high, low)
        if place >= 0:
            parts.append(block.spans([int(place)]))
    return summaries.distinct(pa.concat_tables(parts)) if parts else empty_batch()


def places_of(
    block: Block, high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64]
) -> npt.NDArray[np.int64]:
    """Where traces are in a block's table, -1 where they are not in it."""
    table = block.traces()
    places = np.empty(high.size, np.int64)
    locate(table.high, table.low, high, low, places)
    return places


def true_starts(
    blocks: Sequence[Block], high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64]
) -> npt.NDArray[np.uint64]:
    """The earliest start of each trace that some block knows, else 0."""
    return _earliest(blocks, [places_of(block, high, low) for block in blocks], high.size)


def _earliest(
    blocks: Sequence[Block], places: Sequence[npt.NDArray[np.int64]], count: int
) -> npt.NDArray[np.uint64]:
    """The same of so many traces whose places in each block are known."""
    # One below 0, unsigned, is above all: a start that is not known is no minimum.
    starts = np.zeros(count, np.uint64) - np.uint64(1)
    for block, found in zip(blocks, places, strict=True):
        here = np.flatnonzero(found >= 0)
        if here.size:
            starts[here] = np.minimum(starts[here], block.traces().start_ns[found[here]] - np.uint64(1))
    return starts + np.uint64(1)


def latest_starts(blocks: Sequence[Block]) -> list[npt.NDArray[np.uint64]]:
    """What the true start of each block's traces is not later than."""
    tables = [block.traces() for block in blocks]
    unknown = [table.untimed for table in tables]
    if len(blocks) < 2 or not any(places.size for places in unknown):
        return [table.start_ns for table in tables]
    high, low = (
        np.concatenate([getattr(table, half)[places] for table, places in zip(tables, unknown, strict=True)])
        for half in ("high", "low")
    )
    found = np.split(true_starts(blocks, high, low), np.cumsum([places.size for places in unknown])[:-1])
    starts = [table.start_ns for table in tables]
    for number, places in enumerate(unknown):
        if places.size:
            starts[number] = starts[number].copy()
            starts[number][places] = found[number]
    return starts


def find(blocks: Sequence[Block], query: TraceQuery) -> TracePage:
    """One page."""
    return _Search(blocks, query).page()


class _Search:
    def __init__(self, blocks: Sequence[Block], query: TraceQuery) -> None:
        starts = latest_starts(blocks)
        newest = [
            int(mine.max(initial=0)) if block.traces().untimed.size else block.newest_trace_ns
            for block, mine in zip(blocks, starts, strict=True)
        ]
        order = sorted(range(len(blocks)), key=lambda number: -newest[number])
        self._blocks = [blocks[number] for number in order]
        self._starts = [starts[number] for number in order]
        self._newest = [newest[number] for number in order]
        self._query = query
        self._leaves = Leaves(query)
        self._deadline = time.monotonic() + query.budget.time_s
        self._bits: dict[int, Mask] = {}
        self._ahead = Ahead(lambda number: self._leaves.bits(self._blocks[number]), len(self._blocks))

    def page(self) -> TracePage:
        """Take candidates until there are enough results above all that are left."""
        wanted = self._query.limit + 1
        results: list[tuple[tuple[int, bytes], _Here]] = []
        seen: set[tuple[int, int]] = set()
        with self._ahead:
            for bound, candidates in self._candidates():
                found = self._matching(candidates, seen)
                results += [(here.rank, here) for here in found if self._is_behind(here)]
                if len(results) >= wanted and sorted(rank for rank, _ in results)[wanted - 1] < (-bound, b""):
                    break
                if self._is_over(bound):
                    return self._partial(results, bound)
        results.sort(key=lambda result: result[0])
        page = [here for _, here in results[: self._query.limit]]
        summaries = self._summaries(page)
        more = len(results) > len(page)
        return TracePage(traces=tuple(summaries), next=summaries[-1].place if more and summaries else None)

    def _partial(self, results: list[tuple[tuple[int, bytes], _Here]], bound: int) -> TracePage:
        """What is certain: the results above the bound; the cursor goes on at it."""
        certain = sorted(
            (result for result in results if result[1].start_ns > bound), key=lambda result: result[0]
        )
        page = [here for _, here in certain[: self._query.limit]]
        summaries = self._summaries(page)
        place = Place(start_ns=bound + 1, trace_id=TraceId(_LAST))
        if len(certain) > len(page):
            place = summaries[-1].place
        return TracePage(traces=tuple(summaries), next=place, partial=True)

    def _is_over(self, bound: int) -> bool:
        """Whether to stop here; never before the cursor has moved."""
        after = self._query.after
        moved = after is None or (-after.start_ns, after.trace_id) < (-(bound + 1), _LAST)
        return moved and bound < self._newest[0] and time.monotonic() > self._deadline

    def _is_behind(self, here: _Here) -> bool:
        after = self._query.after
        return after is None or here.rank > (-after.start_ns, after.trace_id)

    def _bits_of(self, number: int) -> Mask:
        if number not in self._bits:
            self._bits[number] = self._ahead.result(number)
        return self._bits[number]

    def _candidates(self) -> Iterator[tuple[int, list[tuple[int, int]]]]:
        """(what no later candidate's start is above, [(block, place)]) from the newest on.

        Only those that can match and start where the page may: their start in the block is an upper
        bound of their true one.
        """
        heads: list[tuple[int, int, int]] = []  # (-start, block, how many of its candidates came before)
        opened: dict[int, tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]] = {}
        number = 0
        batch: list[tuple[int, int]] = []
        most = _CANDIDATES
        while number < len(self._blocks) or heads:
            upcoming = self._newest[number] if number < len(self._blocks) else -1
            if number < len(self._blocks) and (not heads or -heads[0][0] <= upcoming):
                yield max(upcoming, -heads[0][0] if heads else 0), batch
                batch = []
                opened[number] = self._opened(number)
                _push(heads, number, 0, opened[number][0])
                number += 1
                continue
            start, block, before = heapq.heappop(heads)
            batch.append((block, int(opened[block][1][before])))
            _push(heads, block, before + 1, opened[block][0])
            if len(batch) == most:
                yield -start, batch
                batch, most = [], min(2 * most, _MOST_CANDIDATES)
        if batch:
            yield 0, batch

    def _opened(self, number: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        """The traces of a block that may match and be on the page, newest first: (starts, places)."""
        behind = self._may_be_behind(number)
        if behind.any():
            *leaves, holds = self._bits_of(number)
            may_hold = np.any(leaves, axis=0)
            behind &= may_hold if self._leaves.decide else holds | (may_hold & self._shared[number])
        places = np.flatnonzero(behind)
        starts = self._starts[number][places]
        newest_first = np.argsort(~starts, kind="stable")
        return starts[newest_first], places[newest_first]

    @cached_property
    def _shared(self) -> list[Mask]:
        """Which traces of each block may be in others too."""
        tables = [block.traces() for block in self._blocks]
        mixed = np.concatenate([table.high * np.uint64(0x9E3779B97F4A7C15) ^ table.low for table in tables])
        order = np.argsort(mixed)
        same = mixed[order[1:]] == mixed[order[:-1]]
        shared = np.zeros(mixed.size, np.bool_)
        shared[order[1:][same]] = True
        shared[order[:-1][same]] = True
        return np.split(shared, np.cumsum([len(table) for table in tables])[:-1])

    def _may_be_behind(self, number: int) -> Mask:
        """Which traces of a block can be behind the cursor: by their start here or in another block."""
        starts = self._starts[number]
        if self._query.after is None:
            return np.ones(starts.size, np.bool_)
        cursor_ns = self._query.after.start_ns
        behind: Mask = starts <= cursor_ns
        newer = np.flatnonzero(~behind)
        if newer.size:
            others = [block for block in self._blocks if block.start_range_ns[0] <= cursor_ns]
            table = self._blocks[number].traces()
            earliest = true_starts(others, table.high[newer], table.low[newer])
            behind[newer] = (earliest != 0) & (earliest <= cursor_ns)
        return behind

    def _matching(self, candidates: list[tuple[int, int]], seen: set[tuple[int, int]]) -> Iterator[_Here]:
        """Those candidates that match, with all blocks looked at."""
        ids = []
        for block, place in candidates:
            table = self._blocks[block].traces()
            trace = (int(table.high[place]), int(table.low[place]))
            if trace not in seen:
                seen.add(trace)
                ids.append(trace)
        if not ids:
            return
        heres = self._located(ids)
        yield from (here for here, holds in zip(heres, self._holds(heres).tolist(), strict=True) if holds)

    def _holds(self, heres: Sequence[_Here]) -> Mask:
        bits = np.stack([self._all_bits(here) for here in heres], axis=1)
        holds = self._leaves.may_hold(bits)
        if not self._leaves.decide:
            alone = np.array([len(here.places) == 1 for here in heres])
            together = np.flatnonzero(holds & ~alone)
            holds = bits[-1] & alone
            if together.size:
                holds[together] = self._judged([heres[place] for place in together.tolist()])
        return holds

    def _judged(self, heres: Sequence[_Here]) -> Mask:
        """Whether the whole holds for traces that lie in several blocks, put together."""
        high, low = _halves(heres)
        starts = np.array([one.start_ns for one in heres], np.uint64)
        table = TraceTable(high=high, low=low, start_ns=starts)
        places = np.full((len(self._blocks), len(heres)), -1)
        for number, here in enumerate(heres):
            for block, place in here.places:
                places[block, number] = place
        used = np.flatnonzero((places >= 0).any(axis=1)).tolist()
        merged = Merged([(self._blocks[number], places[number]) for number in used])
        if merged.span_count > _MOST_SPANS and len(heres) > 1:
            half = len(heres) // 2
            return np.concatenate([self._judged(heres[:half]), self._judged(heres[half:])])
        verdicts = self._leaves.verdicts(table, merged)
        repeated = merged.repeated()
        if repeated.size:
            verdicts[repeated] = self._judged_whole([heres[number] for number in repeated.tolist()])
        return verdicts

    def _judged_whole(self, heres: Sequence[_Here]) -> Mask:
        """The same where spans may be there twice, so that all that they say is compared."""
        spans = pa.concat_tables(self._blocks[number].spans(places) for number, places in _by_block(heres))
        block = block_of(SpanRequest(otlp.encoded(spans), spans.num_rows))
        high, low = _halves(heres)
        verdicts: Mask = self._leaves.verdicts(block.traces(), block)[places_of(block, high, low)]
        return verdicts

    def _located(self, ids: list[tuple[int, int]]) -> list[_Here]:
        high, low = (np.array([trace[half] for trace in ids], np.uint64) for half in (0, 1))
        places: list[list[tuple[int, int]]] = [[] for _ in ids]
        by_block = [places_of(block, high, low) for block in self._blocks]
        for number, found in enumerate(by_block):
            for which in np.flatnonzero(found >= 0).tolist():
                places[which].append((number, int(found[which])))
        starts = _earliest(self._blocks, by_block, high.size)
        return [
            _Here(trace[0], trace[1], where, start)
            for trace, where, start in zip(ids, places, starts.tolist(), strict=True)
        ]

    def _all_bits(self, here: _Here) -> Mask:
        """What the leaves say of a trace in any of its blocks."""
        bits: Mask = np.logical_or.reduce([self._bits_of(number)[:, place] for number, place in here.places])
        return bits

    def _summaries(self, heres: Sequence[_Here]) -> list[TraceSummary]:
        """Each trace as a line, in the same order."""
        by_block = _by_block(heres)
        if not by_block:
            return []
        outlines = pa.concat_tables(self._blocks[number].outlines(places) for number, places in by_block)
        if summaries.has_repeats(outlines):
            whole = [self._blocks[number].spans(places) for number, places in by_block]
            outlines = summaries.distinct(pa.concat_tables(whole))
        found = summaries.summarise(outlines)
        return [found[here.trace_id] for here in heres]


def _halves(heres: Sequence[_Here]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Their ids, by halves."""
    return np.array([one.high for one in heres], np.uint64), np.array([one.low for one in heres], np.uint64)


def _by_block(heres: Sequence[_Here]) -> list[tuple[int, list[int]]]:
    """(number of a block, the places of all traces that are in it)."""
    by_block: dict[int, list[int]] = {}
    for here in heres:
        for number, place in here.places:
            by_block.setdefault(number, []).append(place)
    return list(by_block.items())


def _push(heads: list[tuple[int, int, int]], block: int, before: int, starts: npt.NDArray[np.uint64]) -> None:
    """A block's next candidate among those of the others."""
    if before < starts.size:
        heapq.heappush(heads, (-int(starts[before]), block, before))
