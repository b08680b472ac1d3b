"""Counts, values, rates and durations of the spans that match: slice by slice, merged by word."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from spanloom_model.span import StatusCode
from spanloom_storage.api import (
    AttributeCount,
    Counts,
    Operation,
    SpanQuery,
    TopValues,
    ValueCount,
)
from spanloom_storage.block import Block, Column, Mask, Numbers, Slice, Words, only_column
from spanloom_storage.conditions import Attribute, Exists, Field, Intrinsic, Owner, Value
from spanloom_storage.errors import Unanswerable
from spanloom_storage.search.matching import in_time, matching, may_start
from spanloom_storage.search.workers import Ahead

Part = TypeVar("Part")
Key: TypeAlias = tuple[str, str, int, int]
"""Service, name, kind, and which step of time."""
ENTRY_BYTES: Final = 200
"""What a key and its count take in a dictionary, roughly."""


def services(blocks: Sequence[Block]) -> Sequence[str]:
    """All services, sorted."""
    return sorted({service for block in blocks for service, _, _ in _operations(block)})


def operations(blocks: Sequence[Block], service: str) -> Sequence[Operation]:
    """What a service does, sorted."""
    found = {
        Operation(name=name, kind=kind)
        for block in blocks
        for mine, name, kind in _operations(block)
        if mine == service
    }
    return sorted(found)


def attributes(blocks: Sequence[Block]) -> Sequence[AttributeCount]:
    """All attribute keys, sorted."""
    counts: Counter[tuple[Attribute, Any]] = Counter()
    for block in blocks:
        counts.update(block.attributes())
    found = [
        AttributeCount(owner=attribute.owner, key=attribute.key, type=value_type, value_count=count)
        for (attribute, value_type), count in counts.items()
    ]
    return sorted(found, key=lambda one: (one.owner.value, one.key, one.type.value if one.type else ""))


def values(blocks: Sequence[Block], of: Field, query: SpanQuery, limit: int) -> TopValues:
    """The most frequent values of a field."""
    counts: Counter[tuple[int, Value]] = Counter()
    asked = Asked(blocks, query)
    for part in asked.parts(lambda part, mask: _values(part, of, mask)):
        counts.update(part)
        if not asked.has_room(len(counts) * ENTRY_BYTES):
            break
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0][0], item[0][1]))[:limit]
    return TopValues(
        values=tuple(ValueCount(value=value, span_count=count) for (_, value), count in ranked),
        partial=asked.partial,
    )


def counts(blocks: Sequence[Block], query: SpanQuery, step_ns: int) -> Counts:
    """Spans and errors over time."""
    check_step(step_ns)
    spans: Counter[int] = Counter()
    errors: Counter[int] = Counter()
    asked = Asked(blocks, query)
    for steps, of_spans, of_errors in asked.parts(lambda part, mask: _counts(part, mask, step_ns)):
        spans.update(dict(zip(steps, of_spans, strict=True)))
        errors.update(dict(zip(steps, of_errors, strict=True)))
        if not asked.has_room(2 * len(spans) * ENTRY_BYTES):
            break
    steps = sorted(spans)
    return Counts(
        step_ns=step_ns,
        start_ns=tuple(step * step_ns for step in steps),
        span_count=tuple(spans[step] for step in steps),
        error_count=tuple(errors[step] for step in steps),
        partial=asked.partial,
    )


def check_step(step_ns: int) -> None:
    """Refuse what is no length of time."""
    if not 0 < step_ns < 2**64:
        raise Unanswerable("a step is a positive number of nanoseconds, below 2**64")


class Asked:
    """A question to every slice that has matching spans, as far as time allows."""

    def __init__(self, blocks: Sequence[Block], query: SpanQuery) -> None:
        self._query = query
        self._slices = [
            (block, part)
            for block in blocks
            if may_start(block, query.start_ns, query.end_ns)
            for part in block.slices()
        ]
        self.partial = False

    def has_room(self, gathered_bytes: int) -> bool:
        """Whether memory allows to go on; if not, the answer is partial."""
        full = gathered_bytes > self._query.budget.memory_bytes
        self.partial |= full
        return not full

    def parts(self, compute: Callable[[Slice, Mask | None], Part]) -> Iterator[Part]:
        """What is computed of each slice; `partial` says at the end whether all were asked."""
        return self.parts_with_blocks(lambda _, part, mask: compute(part, mask))

    def parts_with_blocks(self, compute: Callable[[Block, Slice, Mask | None], Part]) -> Iterator[Part]:
        """The same of computations that look at the block too."""
        deadline = time.monotonic() + self._query.budget.time_s
        ahead = Ahead(
            lambda number: _computed(*self._slices[number], self._query, compute), len(self._slices)
        )
        with ahead:
            for number in range(len(self._slices)):
                found = ahead.result(number)
                if found is not None:
                    yield found
                if time.monotonic() > deadline and number + 1 < len(self._slices):
                    self.partial = True
                    return


def _computed(
    block: Block, part: Slice, query: SpanQuery, compute: Callable[[Block, Slice, Mask | None], Part]
) -> Part | None:
    mask = None
    latest = block.start_range_ns[1]
    if query.start_ns is not None or (query.end_ns is not None and latest >= query.end_ns):
        mask = in_time(part, query.start_ns, query.end_ns)
    if query.where is not None:
        matched = matching(part, query.where)
        mask = matched if mask is None else mask & matched
    if mask is not None and not mask.any():
        return None
    if mask is not None and mask.all():
        mask = None
    return compute(block, part, mask)


def chosen_of(values_: npt.NDArray[Any], mask: Mask | None) -> npt.NDArray[Any]:
    """Those where the mask is true; all without one."""
    return values_ if mask is None else values_[mask]


def _operations(block: Block) -> set[tuple[str, str, int]]:
    """(service, name, kind) of all spans of a block; kept with it."""
    known: set[tuple[str, str, int]] | None = getattr(block, "known_operations", None)
    if known is None:
        known = set()
        for part in block.slices():
            known |= {(service, name, kind) for service, name, kind, _ in runs_of(part, None, None)[0]}
        block.known_operations = known  # type: ignore[attr-defined]  # blocks never change
    return known


def runs_of(
    part: Slice, mask: Mask | None, step_ns: int | None
) -> tuple[list[Key], npt.NDArray[np.int64], npt.NDArray[np.int64] | None]:
    """(key of each run, where runs begin, with the end; the order of the chosen spans, if another)."""
    service, name = only_column(part, Intrinsic.SERVICE), only_column(part, Intrinsic.NAME)
    kind = chosen_of(only_column(part, Intrinsic.KIND).values, mask).astype(np.int64)
    columns = [chosen_of(service.codes, mask), chosen_of(name.codes, mask), kind]
    if step_ns is not None:
        columns.append(chosen_of(only_column(part, Intrinsic.START_NS).values, mask) // np.uint64(step_ns))
    order = None
    begins = _changes(columns)
    if begins.size > kind.size // 16:
        # Not sorted by service and name: sort first.
        order = np.lexsort([_narrow(column) for column in columns[::-1]])
        columns = [column[order] for column in columns]
        begins = _changes(columns)
    firsts = [column[begins[:-1]].tolist() for column in columns]
    services_, names = service.words.to_pylist(), name.words.to_pylist()
    steps = firsts[3] if step_ns is not None else [0] * len(firsts[0])
    keys = [
        (services_[one], names[two], three, step)
        for one, two, three, step in zip(firsts[0], firsts[1], firsts[2], steps, strict=True)
    ]
    return keys, begins, order


def _narrow(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same in 16 bits where they suffice: numpy sorts those by radix."""
    fits = column.size and column.min() >= 0 and column.max() < 2**16
    return column.astype(np.uint16) if fits else column


def _changes(columns: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.int64]:
    """Where any of the columns changes, with both ends."""
    size = columns[0].size
    if not size:
        return np.zeros(1, np.int64)
    changed = np.zeros(size - 1, np.bool_)
    for column in columns:
        changed |= column[1:] != column[:-1]
    return np.concatenate([[0], np.flatnonzero(changed) + 1, [size]])


def _counts(part: Slice, mask: Mask | None, step_ns: int) -> tuple[list[int], list[int], list[int]]:
    steps = chosen_of(only_column(part, Intrinsic.START_NS).values, mask) // np.uint64(step_ns)
    errors = chosen_of(only_column(part, Intrinsic.STATUS).values, mask) == StatusCode.ERROR.value
    found, places, spans = np.unique(steps, return_inverse=True, return_counts=True)
    failed = np.bincount(places, weights=errors, minlength=found.size).astype(np.int64)
    return found.tolist(), spans.tolist(), failed.tolist()


def _values(part: Slice, of: Field, mask: Mask | None) -> Counter[tuple[int, Value]]:
    if isinstance(of, Attribute) and of.owner is Owner.ANY:
        own = Attribute(Owner.SPAN, of.key)
        without = ~matching(part, Exists(own))
        around = without if mask is None else mask & without
        return _values(part, own, mask) + _values(part, Attribute(Owner.RESOURCE, of.key), around)
    counts_: Counter[tuple[int, Value]] = Counter()
    found: dict[int, list[tuple[npt.NDArray[np.int64], list[Value], npt.NDArray[np.int64]]]] = {}
    for column in part.columns(of):
        for kind, rows, words, codes in _coded(column, part.span_count):
            chosen = np.ones(rows.size, np.bool_) if mask is None else mask[rows]
            found.setdefault(kind, []).append((rows[chosen], words, codes[chosen]))
    for kind, parts in found.items():
        rows, words, codes = parts[0] if len(parts) == 1 else _joined(parts)
        # A span that has a value twice counts once.
        pairs = np.unique(rows * (len(words) + 1) + codes) if _repeats(rows) else None
        of_codes = codes if pairs is None else pairs % (len(words) + 1)
        many = np.bincount(of_codes, minlength=len(words))
        for code in np.flatnonzero(many).tolist():
            counts_[(kind, words[code])] += int(many[code])
    return counts_


def _joined(
    parts: Sequence[tuple[npt.NDArray[np.int64], list[Value], npt.NDArray[np.int64]]],
) -> tuple[npt.NDArray[np.int64], list[Value], npt.NDArray[np.int64]]:
    """Values of one type from several columns: of arrays, say, or keys that were sent twice."""
    place: dict[Value, int] = {}
    codes = [
        np.array([place.setdefault(word, len(place)) for word in words], np.int64)[mine]
        for _, words, mine in parts
    ]
    return np.concatenate([rows for rows, _, _ in parts]), list(place), np.concatenate(codes)


def _repeats(rows: npt.NDArray[Any]) -> bool:
    return rows.size > 1 and not bool(np.all(rows[1:] > rows[:-1]))


def _coded(
    column: Column, span_count: int
) -> Iterator[tuple[int, npt.NDArray[np.int64], list[Value], npt.NDArray[np.int64]]]:
    """(place of the type, rows, distinct values, codes)."""
    match column:
        case Words():
            rows = np.arange(span_count) if column.rows is None else column.rows
            yield 0, rows.astype(np.int64), column.words.to_pylist(), column.codes.astype(np.int64)
        case Numbers():
            rows = np.arange(span_count) if column.rows is None else column.rows
            kept = column.values == column.values  # NaN is no value to count
            distinct, codes = np.unique(column.values[kept], return_inverse=True)
            kind = {"b": 1, "f": 3}.get(column.values.dtype.kind, 2)
            values_: list[Value] = distinct.tolist()
            yield kind, rows[kept].astype(np.int64), values_, codes.astype(np.int64)
