"""Sets of spans by what each block can say of each of its traces."""

from collections.abc import Iterator

import numpy as np

from spanloom_storage.api import TraceQuery
from spanloom_storage.block import Block, Columns, Mask, Slice, TraceTable
from spanloom_storage.conditions import (
    All,
    AnyOf,
    Arithmetic,
    Compare,
    Condition,
    Exists,
    Not,
    Operand,
    TraceField,
)
from spanloom_storage.search.choosing import Choosing
from spanloom_storage.search.matching import in_time, matching, may_start
from spanloom_storage.search.whole_traces import WholeTraces
from spanloom_storage.span_sets import Filtered, Joint, Spans, SpanSet, Union, Within


class Leaves:
    """The parts of a query that are conditions on single spans, numbered.

    A trace can only match if it meets some of them in one of its blocks. Where that decides, nothing else
    is asked; else each block says too whether its part of a trace would match if it were all of it.
    """

    def __init__(self, query: TraceQuery) -> None:
        self._where: SpanSet = query.where or Spans(All(()))
        self._query = query
        self._leaves = list(_leaves(self._where))
        self._possible = [_possible(leaf.condition, hoped=True) for leaf in self._leaves]
        """The same condition where the spans of one block suffice."""
        self._numbers = {id(leaf): number for number, leaf in enumerate(self._leaves)}
        self.decide = _is_decided(self._where)
        """Whether they say of every trace if it matches, wherever its spans lie."""

    def bits(self, block: Block) -> Mask:
        """Which leaves each trace of the block may meet, and whether the whole holds: (these, traces)."""
        found = np.zeros((len(self._leaves) + 1, len(block.traces())), np.bool_)
        start_ns, end_ns = self._query.start_ns, self._query.end_ns
        if not may_start(block, start_ns, end_ns):
            return found
        always = start_ns is None and (end_ns is None or block.start_range_ns[1] < end_ns)
        for part in block.slices():
            self._mark(found, WholeTraces(block.traces(), part), None if always else self._timely(part))
        return found

    def verdicts(self, table: TraceTable, part: Slice) -> Mask:
        """Whether the whole holds for each trace of the table, of which the part has all spans."""
        found = np.zeros((len(self._leaves) + 1, len(table)), np.bool_)
        self._mark(found, WholeTraces(table, part), self._timely(part))
        verdicts: Mask = found[-1]
        return verdicts

    def _timely(self, part: Columns) -> Mask:
        return in_time(part, self._query.start_ns, self._query.end_ns)

    def _mark(self, found: Mask, part: WholeTraces, timely: Mask | None) -> None:
        if timely is not None and not timely.any():
            return

        def mask_of(condition: Condition) -> Mask:
            mask = matching(part, condition)
            return mask if timely is None else mask & timely

        def exactly(leaf: Spans) -> Mask:
            mask, number = mask_of(leaf.condition), self._numbers[id(leaf)]
            possible = self._possible[number]
            note(number, mask if possible is leaf.condition else mask_of(possible))
            return mask

        def note(number: int, mask: Mask) -> None:
            if mask.any():
                found[number, part.trace()[mask]] = True

        if self.decide:
            for leaf in self._leaves:
                exactly(leaf)
        else:
            note(-1, Choosing(part, exactly).chosen(self._where))

    def may_hold(self, bits: Mask) -> Mask:
        """Whether the whole may hold for each trace, by its bits; whether it does, where leaves decide."""
        return self._may_hold(self._where, bits)

    def _may_hold(self, where: SpanSet, bits: Mask) -> Mask:
        match where:
            case Spans():
                leaf: Mask = bits[self._numbers[id(where)]]
                return leaf
            case Within(of) | Filtered(of):
                return self._may_hold(of, bits)
            case Joint(parts) | Union(parts):
                together = np.logical_and if isinstance(where, Joint) and parts else np.logical_or
                rows = np.array([self._may_hold(one, bits) for one in parts], np.bool_)
                mask: Mask = together.reduce(rows.reshape(len(parts), bits.shape[1]))
                return mask


def _leaves(where: SpanSet) -> Iterator[Spans]:
    match where:
        case Spans():
            yield where
        case Within(of) | Filtered(of):
            yield from _leaves(of)
        case Union(parts) | Joint(parts):
            for one in parts:
                yield from _leaves(one)


def _is_decided(where: SpanSet) -> bool:
    match where:
        case Spans(condition):
            return not _asks_of_whole_traces(condition)
        case Union(parts) | Joint(parts):
            return all(map(_is_decided, parts))
        case _:
            return False


def _possible(condition: Condition, *, hoped: bool) -> Condition:
    """What a span surely meets if it can meet the condition (*hoped*), or only if it must."""
    if not _asks_of_whole_traces(condition):
        return condition
    match condition:
        case Not(of):
            return Not(_possible(of, hoped=not hoped))
        case All(parts):
            return All(tuple(_possible(one, hoped=hoped) for one in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_possible(one, hoped=hoped) for one in parts))
    return All(()) if hoped else AnyOf(())


def _asks_of_whole_traces(operand: Operand) -> bool:
    """Whether the spans of one block may not suffice to tell; the trace's id is always known."""
    match operand:
        case TraceField():
            return operand is not TraceField.ID
        case Compare(left, _, right) | Arithmetic(left, _, right):
            return _asks_of_whole_traces(left) or _asks_of_whole_traces(right)
        case Exists(field):
            return _asks_of_whole_traces(field)
        case All(parts) | AnyOf(parts):
            return any(map(_asks_of_whole_traces, parts))
        case Not(of):
            return _asks_of_whole_traces(of)
    return False
