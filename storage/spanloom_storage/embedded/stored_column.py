"""A column of a row group in memory: the values that are there, and whose they are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanloom_storage.block import Places
from spanloom_storage.kernels.rows import Bytes


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """Values of some of the rows, in their order."""

    row_count: int
    rows: Places | None
    """Which rows have a value, ascending; None where all do."""
    values: npt.NDArray[Any]
    """Numbers; for words the place of each one; ids of 16 bytes are two numbers each."""
    words: Any = None
    """What places stand for, an Arrow array of strings or binaries; None for numbers."""

    @property
    def size_bytes(self) -> int:
        """What it takes in memory."""
        words = 0 if self.words is None else self.words.nbytes
        return self.values.nbytes + words + (0 if self.rows is None else self.rows.nbytes)

    @property
    def has_values(self) -> bool:
        """Whether any row has one."""
        return self.row_count > 0 if self.rows is None else self.rows.size > 0

    def at(self, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The values of rows that all have one."""
        found: npt.NDArray[Any] = self.values[rows if self.rows is None else self.rows.searchsorted(rows)]
        return found

    def of(self, chosen: npt.NDArray[Any] | None, kind: Any, missing: int = 0) -> npt.NDArray[Any]:
        """The number of each chosen row, in their order; of each row for None."""
        if self.rows is None:
            whole = self.values if chosen is None else self.values[chosen]
            return whole.astype(kind, copy=False)
        if chosen is None:
            result = np.full(self.row_count, missing, kind)
            result[self.rows] = self.values
            return result
        result = np.full(chosen.size, missing, kind)
        if self.rows.size:
            places = np.minimum(self.rows.searchsorted(chosen), self.rows.size - 1)
            there = self.rows[places] == chosen
            result[there] = self.values[places[there]]
        return result

    def pairs(self, chosen: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
        """The ids of 16 bytes of chosen rows, two numbers for each; zeros where there is none."""
        result = np.zeros((chosen.size, 2), np.uint64)
        pairs = StoredColumn(self.row_count, self.rows, np.arange(self.values.size // 2))
        places = pairs.of(chosen, np.int64, -1)
        result[places >= 0] = self.values.reshape(-1, 2)[places[places >= 0]]
        return result.ravel()

    def has_value(self, chosen: npt.NDArray[Any] | None = None) -> npt.NDArray[np.bool_]:
        """Which of the chosen rows, or of all, have a value."""
        if self.rows is None:
            return np.ones(self.row_count if chosen is None else chosen.size, np.bool_)
        here = np.zeros(self.row_count, np.bool_)
        here[self.rows] = True
        return here if chosen is None else here[chosen]

    def stretches(self, chosen: npt.NDArray[Any] | None = None) -> tuple[Bytes, npt.NDArray[np.int64]]:
        """The bytes of each chosen row, or of each row, one after the other, and where each one ends.

        The first end is 0; rows that have none have no bytes.
        """
        codes = self.of(chosen, np.int32, -1)
        there = codes >= 0
        found = self.words.take(pa.array(codes[there]))
        sizes = np.zeros(codes.size + 1, np.int64)
        sizes[1:][there] = np.diff(np.frombuffer(found.buffers()[1], np.int32))
        return np.frombuffer(found.buffers()[2] or b"", np.uint8), np.cumsum(sizes)

    def arrow(self, chosen: npt.NDArray[Any]) -> Any:
        """The words of chosen rows as a dictionary-encoded array."""
        codes = self.of(chosen, np.int32, -1)
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), self.words)
