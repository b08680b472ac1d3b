"""What a search sees of stored spans: blocks, cut into slices, read column by column.

A block is a run of spans that never changes: what has just arrived, in memory, or a file. All spans
of a trace that are in a block are in one slice of it. A trace may be in several blocks; no span is
twice in one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanloom_storage.batch import SpanBatch
from spanloom_storage.conditions import Attribute, Field, Intrinsic, ValueType

Places: TypeAlias = npt.NDArray[np.int32]
Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Strings of one field, dictionary-encoded."""

    rows: Places | None
    """Which span of the slice has the value; more than once where a span has several (events, links,
    arrays). None where every span has one, in order."""
    codes: Places
    """Which word each value is."""
    words: pa.StringArray
    """No word is there twice, but some may not be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Numbers or truths of one field."""

    rows: Places | None
    """As in Words."""
    values: npt.NDArray[np.int64] | npt.NDArray[np.uint64] | npt.NDArray[np.float64] | npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """Values that only exist: bytes, maps, nothing at all."""

    rows: Places


Column: TypeAlias = Words | Numbers | Others


@dataclass(frozen=True, kw_only=True)
class TraceTable:
    """What a block knows of its traces, by id."""

    high: npt.NDArray[np.uint64]
    """The first half of the ids, as a number; traces are sorted by both halves."""
    low: npt.NDArray[np.uint64]
    start_ns: npt.NDArray[np.uint64]
    """The earliest start that a span says; 0 where none does."""

    def __len__(self) -> int:
        return len(self.high)

    @cached_property
    def untimed(self) -> npt.NDArray[np.int64]:
        """The traces whose start is not known."""
        return np.flatnonzero(self.start_ns == 0)


class Columns(Protocol):
    """Spans field by field: all that a condition asks for."""

    @property
    def span_count(self) -> int:
        """How many spans; rows are numbered from 0."""

    def columns(self, field: Field) -> Sequence[Column]:
        """The values of a field, a column for each type that it has here; none where nobody has it.

        Not for attributes of Owner.ANY, which are two fields.
        """


class Slice(Columns, Protocol):
    """A part of a block that is small enough to be held in memory as a whole (some 100,000 spans)."""

    def trace(self) -> Places:
        """Each span's trace, as its place in the block's table of traces."""

    def parent(self) -> Places:
        """The row of each span's parent; -1 where it has none, -2 where the parent is not in this slice."""

    def ids(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        """Each span's id and its parent's as numbers; 0 where it has none."""


class Block(Protocol):
    """Spans that belong together, without repeats."""

    @property
    def span_count(self) -> int:
        """How many spans in all."""

    @property
    def start_range_ns(self) -> tuple[int, int]:
        """The earliest and the latest start of a span that says so; (0, 0) where none does."""

    @property
    def newest_trace_ns(self) -> int:
        """The latest start of a trace."""

    def traces(self) -> TraceTable:
        """All traces."""

    def slices(self) -> Sequence[Slice]:
        """All spans."""

    def spans(self, traces: Sequence[int]) -> SpanBatch:
        """All spans of some traces, whole."""

    def outlines(self, traces: Sequence[int]) -> pa.Table:
        """The columns of the same spans that a summary is made of: batch.OUTLINE."""

    def attributes(self) -> Mapping[tuple[Attribute, ValueType | None], int]:
        """Which attributes there are, and how many values by type; None for what only exists."""


def only_column(part: Columns, of: Intrinsic) -> Any:
    """The only column of a field that every span has."""
    (column,) = part.columns(of)
    return column


def taken(column: Column, kept: Any, rows: Places | None) -> Column:
    """Some values of a column, as those of other rows."""
    match column:
        case Words():
            return Words(rows=rows, codes=column.codes[kept], words=column.words)
        case Numbers():
            return Numbers(rows=rows, values=column.values[kept])
        case Others():
            return Others(rows=np.empty(0, np.int32) if rows is None else rows)
