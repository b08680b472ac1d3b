"""Parquet files of a block, read by row group and column; columns that were read lately are kept."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from spanloom_storage.embedded.attribute_columns import PREFIX, column_key
from spanloom_storage.kernels.rows import STRING

CACHE_BYTES: Final = 384 * 2**20

_FEW: Final = 8
"""So many columns are read as fast by one thread."""
_WORDS: Final = {"service", "name", "status_message", "trace_state", "shape"}


class ColumnCache:
    """Columns by name, those used last, up to so many bytes; for all blocks of a reader together."""

    def __init__(self, size_bytes: int = CACHE_BYTES) -> None:
        self._most_bytes = size_bytes
        self._bytes = 0
        self._columns: OrderedDict[tuple[str, int, str], Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, int, str]) -> Any:
        """The column, or None."""
        with self._lock:
            column = self._columns.get(key)
            if column is not None:
                self._columns.move_to_end(key)
            return column

    def put(self, key: tuple[str, int, str], column: Any) -> None:
        """Keep a column, and let go of those that were not used for longest."""
        with self._lock:
            if key in self._columns:
                return
            self._columns[key] = column
            self._bytes += column.nbytes
            while self._bytes > self._most_bytes:
                _, old = self._columns.popitem(last=False)
                self._bytes -= old.nbytes


class File:
    """One Parquet file of a block; it may not be there, for a block without links, for example."""

    def __init__(self, path: Path, cache: ColumnCache, *, exists: bool = True) -> None:
        self._path = path
        self._cache = cache
        self._exists = exists
        self._reading = threading.Lock()
        self._empty_columns: dict[int, frozenset[str]] = {}

    @cached_property
    def _file(self) -> Any:
        metadata = pq.read_metadata(self._path)
        names = metadata.schema.to_arrow_schema().names
        coded = [name for name in names if name in _WORDS or _is_text(name)]
        return pq.ParquetFile(
            self._path,
            metadata=metadata,
            read_dictionary=coded,
            memory_map=True,
            pre_buffer=False,
            page_checksum_verification=True,
        )

    @cached_property
    def names(self) -> Sequence[str]:
        """What columns it has."""
        return self._file.schema_arrow.names if self._exists else ()

    @cached_property
    def name_set(self) -> frozenset[str]:
        """The same, to look one up."""
        return frozenset(self.names)

    def row_count(self, number: int) -> int:
        """How many rows a row group has."""
        return self._file.metadata.row_group(number).num_rows if self._exists else 0

    def group(self, number: int, columns: Sequence[str]) -> dict[str, Any]:
        """Columns of a row group as arrays."""
        found = {name: self._cache.get((str(self._path), number, name)) for name in columns}
        empty = self._empty(number)
        for name in empty & found.keys():
            found[name] = pa.nulls(self.row_count(number), self._types[name])
        missing = [name for name, column in found.items() if column is None]
        if missing:
            with self._reading:
                table = self._file.read_row_group(number, columns=missing, use_threads=len(missing) > _FEW)
            for name in missing:
                column = one_chunk(table[name])
                self._cache.put((str(self._path), number, name), column)
                found[name] = column
        return found

    def _empty(self, number: int) -> frozenset[str]:
        """The columns that have no value in a row group, of those whose files say so."""
        if number not in self._empty_columns:
            group = self._file.metadata.row_group(number)
            columns = (group.column(place) for place in range(group.num_columns))
            self._empty_columns[number] = frozenset(
                column.path_in_schema
                for column in columns
                if (told := column.statistics) is not None and told.null_count == group.num_rows
            )
        return self._empty_columns[number]

    @cached_property
    def _types(self) -> dict[str, Any]:
        return {field.name: field.type for field in self._file.schema_arrow}

    def whole(self, column: str) -> Any:
        """A column of all rows."""
        with self._reading:
            return one_chunk(self._file.read(columns=[column], use_threads=False)[column])


class Group:
    """A row group of a file."""

    def __init__(self, file: File, number: int) -> None:
        self._file = file
        self._number = number
        self.names = file.name_set

    @property
    def row_count(self) -> int:
        """How many rows."""
        return self._file.row_count(self._number)

    def column(self, name: str) -> Any:
        """A column as an array."""
        return self._file.group(self._number, [name])[name]


def one_chunk(column: Any) -> Any:
    """A column of one row group as an array; dictionaries of several are made one."""
    if column.num_chunks == 1:
        return column.chunk(0)
    if column.num_chunks == 0:
        return (
            pa.array([], column.type) if not pa.types.is_dictionary(column.type) else pa.nulls(0, column.type)
        )
    whole = column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column
    return whole.combine_chunks()


def _is_text(name: str) -> bool:
    return name.startswith(PREFIX) and column_key(name)[1] == STRING
