"""Some of the rows of a slice: where the first condition has left only some neighbouring rows."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from spanloom_storage.block import Column, Columns, taken
from spanloom_storage.conditions import Field, TraceField
from spanloom_storage.errors import Unanswerable
from spanloom_storage.search.whole_traces import WholeTraces


class Window:
    """The rows from *begin* to *end* of a slice."""

    def __init__(self, part: Columns, begin: int, end: int) -> None:
        self._part = part
        self._begin = begin
        self._end = end

    @property
    def span_count(self) -> int:
        """How many rows."""
        return self._end - self._begin

    def columns(self, field: Field) -> Sequence[Column]:
        """The values of a field that the rows have."""
        return [self._cut(column) for column in self._part.columns(field)]

    def trace_columns(self, field: TraceField) -> Sequence[Column]:
        """The same of what whole traces tell."""
        return [self._cut(column) for column in trace_columns(self._part, field)]

    def _cut(self, column: Column) -> Column:
        if column.rows is None:
            kept: slice | npt.NDArray[np.int64] = slice(self._begin, self._end)
            rows = None
        else:
            kept = np.flatnonzero((column.rows >= self._begin) & (column.rows < self._end))
            rows = column.rows[kept] - np.int32(self._begin)
        return taken(column, kept, rows)


def trace_columns(part: Columns, field: TraceField) -> Sequence[Column]:
    """What whole traces tell, where they are at hand."""
    if not isinstance(part, WholeTraces | Window):
        raise Unanswerable(f"{field.value} is of whole traces, and this question is about spans")
    return part.trace_columns(field)
