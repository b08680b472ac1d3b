"""Some traces whose spans lie in several blocks, put together as one slice, column by column."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanloom_storage.block import Block, Column, Mask, Numbers, Others, Places, Slice, Words, taken
from spanloom_storage.conditions import Field
from spanloom_storage.search.whole_traces import keys_of


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one slice has of them."""

    part: Slice
    rows: npt.NDArray[np.int64]
    """Its spans that are of these traces, ascending."""
    trace: Places
    """Which of the traces each is of."""


class Merged:
    """Implements `Slice`, but for spans that lie in two blocks, which it has twice."""

    def __init__(self, blocks: Sequence[tuple[Block, npt.NDArray[np.int64]]]) -> None:
        """*blocks*: each with the place of each trace in its table, -1 where it has none of it."""
        self._pieces = [piece for block, places in blocks for piece in _pieces(block, places)]
        self._begins = np.cumsum([0, *(piece.rows.size for piece in self._pieces)])

    @property
    def span_count(self) -> int:
        """How many spans."""
        return int(self._begins[-1])

    def trace(self) -> Places:
        """Which of the traces each span is of."""
        return np.concatenate([np.empty(0, np.int32), *(piece.trace for piece in self._pieces)])

    def ids(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        """Each span's id and its parent's."""
        return self._ids

    @cached_property
    def _ids(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        pairs = [[ids[piece.rows] for ids in piece.part.ids()] for piece in self._pieces]
        own, parents = (np.concatenate([np.empty(0, np.uint64), *ids]) for ids in zip(*pairs, strict=True))
        return own, parents

    def parent(self) -> Places:
        """The row of each span's parent."""
        own, parents = keys_of(self)
        order = np.argsort(own, kind="stable")
        place = np.minimum(np.searchsorted(own, parents, sorter=order), own.size - 1)
        row = np.where(own[order[place]] == parents, order[place], -2)
        return np.where(self.ids()[1] == 0, -1, row).astype(np.int32)

    def repeated(self) -> npt.NDArray[np.int32]:
        """The traces of which two spans have one id: maybe one span, sent twice."""
        order = np.argsort(own := keys_of(self)[0])
        again = order[1:][own[order[1:]] == own[order[:-1]]]
        return np.unique(self.trace()[again])

    def columns(self, field: Field) -> Sequence[Column]:
        """The values of a field, a column for each type."""
        by_type: dict[Any, list[Column]] = {}
        for piece, begin in zip(self._pieces, self._begins, strict=False):
            for column in piece.part.columns(field):
                kind = column.values.dtype if isinstance(column, Numbers) else type(column)
                by_type.setdefault(kind, []).append(_moved(column, piece, int(begin)))
        return [self._joined(columns) for columns in by_type.values()]

    def _joined(self, columns: Sequence[Any]) -> Column:
        rows = np.concatenate([column.rows for column in columns])
        places = None if np.array_equal(rows, np.arange(self.span_count)) else rows
        match columns[0]:
            case Words():
                words = pa.concat_arrays([column.words for column in columns]).dictionary_encode()
                begins = np.cumsum([0, *(len(column.words) for column in columns)])
                codes = [column.codes + begin for column, begin in zip(columns, begins, strict=False)]
                known = words.indices.to_numpy()
                return Words(rows=places, codes=known[np.concatenate(codes)], words=words.dictionary)
            case Numbers():
                return Numbers(rows=places, values=np.concatenate([column.values for column in columns]))
        return Others(rows=rows)


def _pieces(block: Block, places: npt.NDArray[np.int64]) -> Sequence[_Piece]:
    here = np.flatnonzero(places >= 0)
    which = np.full(len(block.traces()), -1, np.int32)
    which[places[here]] = here
    found = []
    for part in block.slices():
        trace = which[part.trace()]
        rows = np.flatnonzero(trace >= 0)
        if rows.size:
            found.append(_Piece(part, rows, trace[rows]))
    return found


def _moved(column: Column, piece: _Piece, begin: int) -> Column:
    """The values of a piece's spans, by rows of the whole, with no words but theirs."""
    if column.rows is None:
        kept: Mask | npt.NDArray[np.int64] = piece.rows
        rows = np.arange(begin, begin + piece.rows.size, dtype=np.int32)
    else:
        target = np.full(piece.part.span_count, -1, np.int32)
        target[piece.rows] = np.arange(begin, begin + piece.rows.size)
        rows = target[column.rows]
        kept = rows >= 0
        rows = rows[kept]
    found = taken(column, kept, rows)
    if not isinstance(found, Words):
        return found
    used, codes = np.unique(found.codes, return_inverse=True)
    return Words(rows=rows, codes=codes.astype(np.int32), words=found.words.take(pa.array(used)))
