"""Conditions on traces: what each leaf says of each trace, then and, or, not."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from spanloom_storage.api import TraceQuery, TraceSummary
from spanloom_storage.block import Block, Mask, Numbers, Words
from spanloom_storage.conditions import (
    All,
    AllTraces,
    AnyTrace,
    NotTrace,
    Spans,
    TraceCompare,
    TraceCondition,
    TraceField,
    Value,
)
from spanloom_storage.search.compare import hits, positive
from spanloom_storage.search.matching import in_time, matching, may_start

_SUMMARY: Final[dict[TraceField, Callable[[TraceSummary], Value | None]]] = {
    TraceField.DURATION_NS: lambda summary: summary.duration_ns,
    TraceField.START_NS: lambda summary: summary.start_ns,
    TraceField.SPAN_COUNT: lambda summary: summary.span_count,
    TraceField.ERROR_COUNT: lambda summary: summary.error_count,
    TraceField.ROOT_SERVICE: lambda summary: None if summary.root_missing else summary.service,
    TraceField.ROOT_NAME: lambda summary: None if summary.root_missing else summary.name,
}


class Leaves:
    """The parts of a query that are about spans, numbered."""

    def __init__(self, query: TraceQuery) -> None:
        self.where: TraceCondition = query.where or Spans(All(()))
        self._query = query
        self._leaves = list(dict.fromkeys(_leaves(self.where)))
        self.needs_summaries = _has(self.where, TraceCompare)
        self.need_a_leaf = not bool(self.may_hold(np.zeros((len(self._leaves), 1), np.bool_))[0])
        """Whether a trace that matches has some leaf in one of its blocks."""

    def bits(self, block: Block) -> Mask:
        """Which leaves each trace of the block meets there: (leaves, traces)."""
        found = np.zeros((len(self._leaves), len(block.traces())), np.bool_)
        start_ns, end_ns = self._query.start_ns, self._query.end_ns
        if not may_start(block, start_ns, end_ns):
            return found
        always = start_ns is None and (end_ns is None or block.start_range_ns[1] < end_ns)
        for part in block.slices():
            timely = None if always else in_time(part, start_ns, end_ns)
            if timely is not None and not timely.any():
                continue
            for number, leaf in enumerate(self._leaves):
                mask = matching(part, leaf.condition)
                if timely is not None:
                    mask &= timely
                if mask.any():
                    found[number, part.trace()[mask]] = True
        return found

    def holds(self, bits: Mask, summaries: Sequence[TraceSummary] | None) -> Mask:
        """Whether the whole condition holds for each trace, by its bits and, where needed, its summary."""
        return self._holds(self.where, bits, summaries)

    def may_hold(self, bits: Mask) -> Mask:
        """The same as far as it can be said without summaries."""
        return self._bounds(self.where, bits)[1]

    def _bounds(self, where: TraceCondition, bits: Mask) -> tuple[Mask, Mask]:
        """(whether it surely holds, whether it may), whatever summaries say."""
        none, every = np.zeros(bits.shape[1], np.bool_), np.ones(bits.shape[1], np.bool_)
        match where:
            case Spans():
                leaf: Mask = bits[self._leaves.index(where)]
                return leaf, leaf
            case TraceCompare():
                return none, every
            case NotTrace():
                surely, maybe = self._bounds(where.of, bits)
                return ~maybe, ~surely
            case AllTraces():
                parts = [(every, every), *(self._bounds(one, bits) for one in where.of)]
                surely, maybe = (np.logical_and.reduce(masks) for masks in zip(*parts, strict=True))
                return surely, maybe
            case AnyTrace():
                parts = [(none, none), *(self._bounds(one, bits) for one in where.of)]
                surely, maybe = (np.logical_or.reduce(masks) for masks in zip(*parts, strict=True))
                return surely, maybe

    def _holds(self, where: TraceCondition, bits: Mask, summaries: Sequence[TraceSummary] | None) -> Mask:
        match where:
            case Spans():
                leaf: Mask = bits[self._leaves.index(where)]
                return leaf
            case NotTrace():
                return ~self._holds(where.of, bits, summaries)
            case AllTraces():
                parts = [self._holds(one, bits, summaries) for one in where.of]
                return np.logical_and.reduce(parts) if parts else np.ones(bits.shape[1], np.bool_)
            case AnyTrace():
                parts = [self._holds(one, bits, summaries) for one in where.of]
                return np.logical_or.reduce(parts) if parts else np.zeros(bits.shape[1], np.bool_)
            case TraceCompare():
                return np.array([_compare(where, summary) for summary in summaries or ()], np.bool_)


def _compare(where: TraceCompare, summary: TraceSummary) -> bool:
    value = _SUMMARY[where.field](summary)
    if value is None:
        return False
    operator, others = positive(where.operator)
    found = bool(np.any(hits(_column(value), operator, where.value)))
    return not found if others else found


def _column(value: Value) -> Words | Numbers:
    if isinstance(value, str):
        return Words(rows=None, codes=np.zeros(1, np.int32), words=pa.array([value]))
    return Numbers(rows=None, values=np.array([value]))


def _leaves(where: TraceCondition) -> list[Spans]:
    match where:
        case Spans():
            return [where]
        case TraceCompare():
            return []
        case NotTrace():
            return _leaves(where.of)
        case AllTraces() | AnyTrace():
            return [leaf for one in where.of for leaf in _leaves(one)]


def _has(where: TraceCondition, kind: type) -> bool:
    match where:
        case NotTrace():
            return kind is NotTrace or _has(where.of, kind)
        case AllTraces() | AnyTrace():
            return any(_has(one, kind) for one in where.of)
        case _:
            return isinstance(where, kind)
