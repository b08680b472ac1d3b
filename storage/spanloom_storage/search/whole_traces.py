"""A slice of a block whose traces are whole: what only all of their spans tell, as columns of each span."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from spanloom_storage.arrays import hexadecimal
from spanloom_storage.block import Column, Numbers, Places, Slice, TraceTable, Words, only_column
from spanloom_storage.conditions import Field, Intrinsic, TraceField

_UNKNOWN = np.uint64(2**64 - 1)


class WholeTraces:
    """Takes what it sees of a trace for all of it."""

    def __init__(self, table: TraceTable, part: Slice) -> None:
        """*table*: of the traces that the part has some of, in any order."""
        self._table = table
        self._part = part
        self._known: dict[TraceField, Sequence[Column]] = {}

    @property
    def span_count(self) -> int:
        """How many spans."""
        return self._part.span_count

    @property
    def trace_count(self) -> int:
        """How many traces there are in the table."""
        return len(self._table)

    def trace(self) -> Places:
        """Each span's trace."""
        return self._part.trace()

    def columns(self, field: Field) -> Sequence[Column]:
        """The values of a field."""
        return self._part.columns(field)

    def trace_columns(self, field: TraceField) -> Sequence[Column]:
        """What the trace of each span tells."""
        if field not in self._known:
            self._known[field] = self._COLUMNS[field](self)
        return self._known[field]

    def _ids(self) -> Sequence[Column]:
        words = hexadecimal(np.stack([self._table.high, self._table.low], axis=1))
        return [Words(rows=None, codes=self._part.trace(), words=words)]

    def _durations(self) -> Sequence[Column]:
        trace, start_ns = self._part.trace(), self._starts()
        duration_ns = only_column(self._part, Intrinsic.DURATION_NS).values
        # Unsigned as on the wire, so that a clock far in the future does not wrap.
        ends = np.zeros(self.trace_count, np.uint64)
        np.maximum.at(ends, trace, start_ns + duration_ns.view(np.uint64))
        begins = np.full(ends.size, _UNKNOWN)
        np.minimum.at(begins, trace, np.where(start_ns == 0, _UNKNOWN, start_ns))
        begins[begins == _UNKNOWN] = 0
        return [Numbers(rows=None, values=np.where(ends > begins, ends - begins, np.uint64(0))[trace])]

    def _child_counts(self) -> Sequence[Column]:
        own, parents = keys_of(self._part)
        parents = np.sort(parents[self._part.ids()[1] != 0])
        first, behind = (np.searchsorted(parents, own, side) for side in ("left", "right"))
        return [Numbers(rows=None, values=np.asarray(behind - first, np.int64))]

    def _of_root(self, field: Intrinsic) -> Sequence[Column]:
        trace = self._part.trace()
        roots = np.flatnonzero(self._part.parent() == -1)
        start_ns = self._starts()[roots]
        order = np.lexsort([start_ns - np.uint64(1), trace[roots]])  # one that is not known comes last
        firsts = np.full(self.trace_count, -1)
        firsts[trace[roots[order[::-1]]]] = roots[order[::-1]]
        root = firsts[trace]
        rows = np.flatnonzero(root >= 0).astype(np.int32)
        names = only_column(self._part, field)
        return [Words(rows=rows, codes=names.codes[root[rows]], words=names.words)]

    def _starts(self) -> npt.NDArray[np.uint64]:
        starts: npt.NDArray[np.uint64] = only_column(self._part, Intrinsic.START_NS).values
        return starts

    _COLUMNS: ClassVar[Mapping[TraceField, Callable[["WholeTraces"], Sequence[Column]]]] = {
        TraceField.ID: _ids,
        TraceField.DURATION_NS: _durations,
        TraceField.ROOT_SERVICE: lambda self: self._of_root(Intrinsic.SERVICE),
        TraceField.ROOT_NAME: lambda self: self._of_root(Intrinsic.NAME),
        TraceField.CHILD_COUNT: _child_counts,
    }


def keys_of(part: Slice) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """A number for each span, and the one that its parent has, which differ between traces."""
    own, parents = part.ids()
    _, codes = np.unique(np.concatenate([own, parents]), return_inverse=True)
    keys = np.tile(part.trace().astype(np.int64), 2) * codes.size + codes
    return keys[: own.size], keys[own.size :]
