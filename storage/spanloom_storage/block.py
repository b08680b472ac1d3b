"""What a search sees of stored spans: blocks, cut into slices, read column by column.

A block is a run of spans that never changes: what has just arrived, in memory, or a file. All spans
of a trace that are in a block are in one slice of it. A trace may be in several blocks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanloom_storage.batch import SpanBatch
from spanloom_storage.conditions import Attribute, Field, ValueType

Rows: TypeAlias = npt.NDArray[np.int32]
Ids: TypeAlias = npt.NDArray[np.bytes_]
"""Trace ids as an array of dtype S16. Beware: `tolist` takes zero bytes off their ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Strings of one field, dictionary-encoded."""

    rows: Rows | None
    """Which span of the slice has the value, ascending; repeated where a span has several (events,
    links, arrays). None where every span has one, in order."""
    codes: Rows
    """Which word each value is."""
    words: pa.StringArray
    """No word is there twice, but some may not be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Numbers or truths of one field."""

    rows: Rows | None
    """As in Words."""
    values: npt.NDArray[np.int64] | npt.NDArray[np.uint64] | npt.NDArray[np.float64] | npt.NDArray[np.bool_]


Column: TypeAlias = Words | Numbers


class Slice(Protocol):
    """A part of a block that is small enough to be held in memory as a whole (some 100,000 spans)."""

    @property
    def span_count(self) -> int:
        """How many spans; rows are numbered from 0."""

    def trace(self) -> Rows:
        """Each span's trace, as its place among the block's trace ids."""

    def parent(self) -> Rows:
        """The row of each span's parent; -1 where it has none, -2 where the parent is not in this block."""

    def columns(self, field: Field) -> Sequence[Column]:
        """The values of a field, a column for each type that it has here; none where nobody has it."""


class Block(Protocol):
    """Spans that belong together, without repeats."""

    @property
    def trace_ids(self) -> Ids:
        """The traces of this block, sorted."""

    @property
    def trace_start_ns(self) -> npt.NDArray[np.uint64]:
        """When each trace started, as far as this block knows; 0 where no span says so."""

    @property
    def span_count(self) -> int:
        """How many spans in all."""

    @property
    def start_range_ns(self) -> tuple[int, int]:
        """The earliest and the latest start of a span that says so; (0, 0) where none does."""

    @property
    def newest_trace_ns(self) -> int:
        """The largest of trace_start_ns."""

    def slices(self) -> Sequence[Slice]:
        """All spans."""

    def slice_of(self, trace: int) -> Slice:
        """The slice that has a trace's spans."""

    def spans(self, traces: Sequence[int]) -> SpanBatch:
        """All spans of some traces, whole."""

    def attributes(self) -> Mapping[tuple[Attribute, ValueType], int]:
        """Which attributes spans, resources, scopes, events and links have here, and how many values."""
