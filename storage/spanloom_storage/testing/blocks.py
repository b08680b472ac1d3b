"""Blocks made from span objects: to search without a store, and to see what a block has to answer."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanloom_model.span import Attributes, AttributeValue, Span
from spanloom_storage.batch import OUTLINE, SpanBatch
from spanloom_storage.block import Column, Numbers, Others, Places, Slice, TraceTable, Words
from spanloom_storage.conditions import Attribute, Field, Intrinsic, Owner, ValueType
from spanloom_storage.testing.naive_conditions import values_of
from spanloom_storage.testing.requests import batch_of

TYPES: Final = {str: ValueType.STRING, bool: ValueType.BOOL, int: ValueType.INT, float: ValueType.DOUBLE}
_DTYPES: Final = {bool: np.bool_, int: np.int64, float: np.float64}


class SpanBlock:
    """Distinct spans, cut into slices of at least *slice_size*; traces stay whole."""

    def __init__(self, spans: Sequence[Span], *, slice_size: int = 1000) -> None:
        distinct = {repr(span): span for span in spans}.values()
        self._spans = sorted(distinct, key=lambda span: span.trace_id)
        self._traces = [list(trace) for _, trace in groupby(self._spans, lambda span: span.trace_id)]
        self._slices: list[SpanSlice] = []
        waiting: list[tuple[int, Span]] = []
        for place, trace in enumerate(self._traces):
            waiting += [(place, span) for span in trace]
            if len(waiting) >= slice_size or place == len(self._traces) - 1:
                self._slices.append(SpanSlice(waiting))
                waiting = []

    @property
    def span_count(self) -> int:
        """How many spans."""
        return len(self._spans)

    @property
    def start_range_ns(self) -> tuple[int, int]:
        """The earliest and the latest start that is known."""
        known = [span.start_ns for span in self._spans if span.start_ns]
        return (min(known), max(known)) if known else (0, 0)

    @property
    def newest_trace_ns(self) -> int:
        """The latest start of a trace."""
        return max(map(start_of, self._traces), default=0)

    def traces(self) -> TraceTable:
        """All traces."""
        ids = [trace[0].trace_id for trace in self._traces]
        return TraceTable(
            high=np.array([int.from_bytes(one[:8], "big") for one in ids], np.uint64),
            low=np.array([int.from_bytes(one[8:], "big") for one in ids], np.uint64),
            start_ns=np.array([start_of(trace) for trace in self._traces], np.uint64),
        )

    def slices(self) -> Sequence[Slice]:
        """All spans."""
        return self._slices

    def spans(self, traces: Sequence[int]) -> SpanBatch:
        """All spans of some traces."""
        return batch_of(span for place in sorted(set(traces)) for span in self._traces[place])

    def outlines(self, traces: Sequence[int]) -> pa.Table:
        """What a summary needs of them."""
        return self.spans(traces).select(OUTLINE.names)

    def attributes(self) -> Mapping[tuple[Attribute, ValueType | None], int]:
        """How many values each attribute has, by type."""
        return Counter(
            (Attribute(owner, key), TYPES.get(type(value)))
            for span in self._spans
            for owner, key, value in pairs_of(span)
        )


class SpanSlice:
    """Some spans, each with the place of its trace."""

    def __init__(self, spans: Sequence[tuple[int, Span]]) -> None:
        self._trace = [place for place, _ in spans]
        self._spans = [span for _, span in spans]

    @property
    def span_count(self) -> int:
        """How many spans."""
        return len(self._spans)

    def trace(self) -> Places:
        """Each span's trace."""
        return np.array(self._trace, np.int32)

    def parent(self) -> Places:
        """The row of each span's parent."""
        rows = {(span.trace_id, span.span_id): row for row, span in enumerate(self._spans)}
        return np.array(
            [
                -1 if span.parent_id is None else rows.get((span.trace_id, span.parent_id), -2)
                for span in self._spans
            ],
            np.int32,
        )

    def ids(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        """Each span's id and its parent's."""
        own = [int.from_bytes(span.span_id, "big") for span in self._spans]
        parents = [int.from_bytes(span.parent_id or b"", "big") for span in self._spans]
        return np.array(own, np.uint64), np.array(parents, np.uint64)

    def columns(self, field: Field) -> Sequence[Column]:
        """The values of a field, by type."""
        found: dict[type, tuple[list[int], list[AttributeValue]]] = {}
        for row, span in enumerate(self._spans):
            for value in values_of(span, field):
                rows, values = found.setdefault(type(value) if type(value) in TYPES else object, ([], []))
                rows.append(row)
                values.append(value)
        return [self._column(field, of, rows, values) for of, (rows, values) in found.items()]

    def _column(self, field: Field, of: type, rows: list[int], values: list[AttributeValue]) -> Column:
        every = rows == list(range(len(self._spans)))
        places = None if every else np.array(rows, np.int32)
        if of is str:
            coded = pa.array(values, pa.string()).dictionary_encode()
            return Words(rows=places, codes=coded.indices.to_numpy(), words=coded.dictionary)
        if of in _DTYPES:
            dtype = np.uint64 if field is Intrinsic.START_NS else _DTYPES[of]
            return Numbers(rows=places, values=np.array(values, dtype))
        return Others(rows=np.array(rows, np.int32))


def start_of(trace: Sequence[Span]) -> int:
    """The earliest start that is known, else 0."""
    return min((span.start_ns for span in trace if span.start_ns), default=0)


def pairs_of(span: Span) -> list[tuple[Owner, str, AttributeValue]]:
    """Every attribute of a span and of what belongs to it."""
    owners: list[tuple[Owner, Attributes]] = [
        (Owner.SPAN, span.attributes),
        (Owner.RESOURCE, span.resource.attributes),
        (Owner.SCOPE, span.scope.attributes),
        *((Owner.EVENT, event.attributes) for event in span.events),
        *((Owner.LINK, link.attributes) for link in span.links),
    ]
    return [(owner, key, value) for owner, attributes in owners for key, value in attributes]
