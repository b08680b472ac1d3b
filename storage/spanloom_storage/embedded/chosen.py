"""Some rows of a row group, column by column."""

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from spanloom_storage.embedded.attribute_columns import PREFIX
from spanloom_storage.embedded.parquet import File
from spanloom_storage.embedded.stored_column import StoredColumn


class Chosen:
    """Reads a column when it is asked for, and keeps none: whoever looks at a trace looks once."""

    def __init__(self, file: File, number: int, rows: npt.NDArray[np.int64]) -> None:
        self._file = file
        self._number = number
        self.rows = rows

    @cached_property
    def attribute_names(self) -> list[str]:
        """The columns that the file has for attributes, in the order that shapes count them."""
        return [name for name in self._file.names if name.startswith(PREFIX)]

    def column(self, name: str) -> StoredColumn:
        """A column of the whole row group."""
        return self._file.read(self._number, name)

    def numbers(self, name: str, kind: Any, missing: int = 0) -> npt.NDArray[Any]:
        """The number of each row."""
        return self.column(name).of(self.rows, kind, missing)
