"""Which service called which: spans and their parents, also where they lie in different blocks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from spanloom_model.span import StatusCode
from spanloom_storage.api import ServiceLink, ServiceLinks, SpanQuery
from spanloom_storage.block import Block, Mask, Slice, only_column
from spanloom_storage.conditions import Intrinsic
from spanloom_storage.search.statistics import Asked

_ORPHAN = np.dtype([("high", "u8"), ("low", "u8"), ("parent", "u8"), ("callee", "i8"), ("error", "?")])
_Calls = dict[tuple[str, str], tuple[int, int]]
"""{(caller, callee): (calls, errors)}."""


@dataclass
class _Part:
    """What one slice knows."""

    calls: _Calls
    orphans: npt.NDArray[Any] = field(default_factory=lambda: np.empty(0, _ORPHAN))
    """Spans whose parents are not in this block; callee: a place in *services*."""
    services: Sequence[str] = ()


def service_links(blocks: Sequence[Block], query: SpanQuery) -> ServiceLinks:
    """Who calls whom."""
    calls: Counter[tuple[str, str]] = Counter()
    errors: Counter[tuple[str, str]] = Counter()

    def add(found: _Calls) -> None:
        for pair, (called, failed) in found.items():
            calls[pair] += called
            errors[pair] += failed

    orphans = _Orphans()
    asked = Asked(blocks, query)
    for part in asked.parts_with_blocks(_part):
        add(part.calls)
        orphans.add(part)
    add(orphans.calls(blocks))
    links = [
        ServiceLink(caller=pair[0], callee=pair[1], call_count=calls[pair], error_count=errors[pair])
        for pair in sorted(calls)
    ]
    return ServiceLinks(links=tuple(links), partial=asked.partial)


def _part(block: Block, part: Slice, mask: Mask | None) -> _Part:
    parent = part.parent()
    service = only_column(part, Intrinsic.SERVICE)
    failed = only_column(part, Intrinsic.STATUS).values == StatusCode.ERROR.value
    words = service.words.to_pylist()
    rows = np.flatnonzero(parent >= 0 if mask is None else mask & (parent >= 0))
    calls = _counted(service.codes[parent[rows]], service.codes[rows], failed[rows], words)
    rows = np.flatnonzero(parent == -2 if mask is None else mask & (parent == -2))
    orphans = np.empty(rows.size, _ORPHAN)
    if rows.size:
        traces, place = block.traces(), part.trace()[rows]
        orphans["high"], orphans["low"] = traces.high[place], traces.low[place]
        orphans["parent"] = part.ids()[1][rows]
        orphans["callee"], orphans["error"] = service.codes[rows], failed[rows]
    return _Part(calls, orphans, words)


def _counted(
    caller: npt.NDArray[Any], callee: npt.NDArray[Any], failed: npt.NDArray[Any], words: Sequence[str]
) -> _Calls:
    """The calls between two different services."""
    across = caller != callee
    pairs = (caller.astype(np.int64) * len(words) + callee)[across]
    found, places, called = np.unique(pairs, return_inverse=True, return_counts=True)
    errors = np.bincount(places, weights=failed[across], minlength=found.size).astype(np.int64)
    return {
        (words[pair // len(words)], words[pair % len(words)]): (count, error)
        for pair, count, error in zip(found.tolist(), called.tolist(), errors.tolist(), strict=True)
    }


class _Orphans:
    """Spans that look for their parents in other blocks."""

    def __init__(self) -> None:
        self._parts: list[npt.NDArray[Any]] = []
        self._services: dict[str, int] = {}

    def add(self, part: _Part) -> None:
        """Those of one slice."""
        if part.orphans.size:
            part.orphans["callee"] = self._numbers(part.services)[part.orphans["callee"]]
            self._parts.append(part.orphans)

    def calls(self, blocks: Sequence[Block]) -> _Calls:
        """Theirs, of those whose parents are anywhere."""
        if not self._parts:
            return {}
        spans = np.concatenate(self._parts)
        wanted = _mixed(spans["high"], spans["low"], spans["parent"])
        order = np.argsort(wanted)
        spans, wanted = spans[order], wanted[order]
        caller = np.full(spans.size, -1, np.int64)
        for block in blocks:
            for part in block.slices():
                self._look(caller, spans, wanted, block, part)
        known = caller >= 0
        return _counted(caller[known], spans["callee"][known], spans["error"][known], list(self._services))

    def _numbers(self, services: Sequence[str]) -> npt.NDArray[np.int64]:
        numbers = [self._services.setdefault(name, len(self._services)) for name in services]
        return np.array(numbers, np.int64)

    def _look(
        self,
        caller: npt.NDArray[np.int64],
        spans: npt.NDArray[Any],
        wanted: npt.NDArray[np.uint64],
        block: Block,
        part: Slice,
    ) -> None:
        """Note the service of each parent that is in a slice; wanted: their ids, mixed and sorted."""
        traces, trace, span_ids = block.traces(), part.trace(), part.ids()[0]
        mixed = _mixed(traces.high[trace], traces.low[trace], span_ids)
        order = np.argsort(mixed)
        service = only_column(part, Intrinsic.SERVICE)
        numbers = self._numbers(service.words.to_pylist())
        place = np.searchsorted(mixed, wanted, sorter=order)
        likely = np.arange(wanted.size)
        while likely.size:
            likely = likely[place[likely] < order.size]
            likely = likely[mixed[order[place[likely]]] == wanted[likely]]
            row = order[place[likely]]
            same = (
                (span_ids[row] == spans["parent"][likely])
                & (traces.high[trace[row]] == spans["high"][likely])
                & (traces.low[trace[row]] == spans["low"][likely])
            )
            caller[likely[same]] = numbers[service.codes[row[same]]]
            likely = likely[~same]
            place[likely] += 1  # another span has the same number


def _mixed(
    high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64], span: npt.NDArray[np.uint64]
) -> npt.NDArray[np.uint64]:
    """The ids of a span as one number, to look it up by; equal numbers are looked at again."""
    mixed: npt.NDArray[np.uint64] = span ^ (high * np.uint64(0x9E3779B97F4A7C15)) ^ low
    return mixed
