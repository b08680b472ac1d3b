"""Parquet files of a block, read by row group and column; columns that were read lately are kept."""

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spanloom_storage.embedded.pages import Chunk, UnusualError, decoded
from spanloom_storage.embedded.stored_column import StoredColumn

CACHE_BYTES: Final = 384 * 2**20

_Key = tuple[str, int, str]


class ColumnCache:
    """Columns by name, those used last, up to so many bytes; for all blocks of a reader together."""

    def __init__(self, size_bytes: int = CACHE_BYTES) -> None:
        self._most_bytes = size_bytes
        self._bytes = 0
        self._columns: OrderedDict[_Key, StoredColumn] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: _Key) -> StoredColumn | None:
        """The column, if it is there."""
        with self._lock:
            column = self._columns.get(key)
            if column is not None:
                self._columns.move_to_end(key)
            return column

    def put(self, key: _Key, column: StoredColumn) -> None:
        """Keep a column, and let go of those that were not used for longest."""
        size = column.size_bytes
        with self._lock:
            if key in self._columns:
                return
            self._columns[key] = column
            self._bytes += size
            while self._bytes > self._most_bytes:
                _, old = self._columns.popitem(last=False)
                self._bytes -= old.size_bytes


class File:
    """One Parquet file of a block; it may not be there, for a block without links, for example."""

    def __init__(self, path: Path, cache: ColumnCache, *, exists: bool = True) -> None:
        self._path = path
        self._cache = cache
        self._exists = exists
        self._groups: dict[int, Any] = {}
        self._chunks: dict[tuple[int, str], Chunk] = {}

    @cached_property
    def _descriptor(self) -> int:
        descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, descriptor)
        return descriptor

    @cached_property
    def _metadata(self) -> Any:
        return pq.read_metadata(self._path)

    @cached_property
    def _schema(self) -> Any:
        return self._metadata.schema

    def _group(self, number: int) -> Any:
        """What the file says of a row group; kept, since Arrow makes it anew each time."""
        if number not in self._groups:
            self._groups[number] = self._metadata.row_group(number)
        return self._groups[number]

    @cached_property
    def _types(self) -> dict[str, Any]:
        return {field.name: field.type for field in self._schema.to_arrow_schema()}

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self._types)}

    @cached_property
    def names(self) -> Sequence[str]:
        """What columns it has."""
        return tuple(self._types) if self._exists else ()

    @cached_property
    def name_set(self) -> frozenset[str]:
        """The same, to look one up."""
        return frozenset(self.names)

    def row_count(self, number: int) -> int:
        """How many rows a row group has."""
        return self._group(number).num_rows if self._exists else 0

    def column(self, number: int, name: str) -> StoredColumn:
        """A column of a row group."""
        key = (str(self._path), number, name)
        column = self._cache.get(key)
        if column is None:
            column = self.read(number, name)
            self._cache.put(key, column)
        return column

    def read(self, number: int, name: str) -> StoredColumn:
        """The same, not kept: for whoever will not ask again."""
        chunk = self._chunk(number, name)
        data = os.pread(self._descriptor, chunk.size, chunk.begin)
        try:
            return decoded(chunk, data)
        except UnusualError:
            return self._read_by_arrow(number, name)

    def _chunk(self, number: int, name: str) -> Chunk:
        if (number, name) not in self._chunks:
            place = self._places[name]
            group, schema = self._group(number), self._schema.column(place)
            column = group.column(place)
            begins = (column.dictionary_page_offset, column.data_page_offset)
            self._chunks[number, name] = Chunk(
                begin=min(begin for begin in begins if begin),
                size=column.total_compressed_size,
                row_count=group.num_rows,
                physical_type=column.physical_type,
                width=schema.length,
                type=self._types[name],
                optional=schema.max_definition_level == 1,
                compressed=column.compression == "ZSTD",
            )
        return self._chunks[number, name]

    def _read_by_arrow(self, number: int, name: str) -> StoredColumn:
        with pq.ParquetFile(self._path, page_checksum_verification=True) as file:
            array = one_chunk(file.read_row_group(number, columns=[name], use_threads=False)[name])
        if len(array) != self.row_count(number):
            raise OSError(f"the column {name} is not whole")
        rows = np.flatnonzero(pc.is_valid(array)).astype(np.int32) if array.null_count else None
        there = array.drop_null()
        if pa.types.is_string(array.type) or pa.types.is_binary(array.type):
            words = there.dictionary_encode()
            return StoredColumn(len(array), rows, words.indices.to_numpy(), words.dictionary)
        if pa.types.is_fixed_size_binary(array.type):
            values = np.frombuffer(b"".join(there.to_pylist()), ">u8").astype(np.uint64)
            return StoredColumn(len(array), rows, values)
        return StoredColumn(len(array), rows, there.to_numpy(zero_copy_only=False))

    def whole(self, column: str) -> Any:
        """A column of all rows, as Arrow has it."""
        with pq.ParquetFile(self._path, page_checksum_verification=True) as file:
            return one_chunk(file.read(columns=[column], use_threads=False)[column])


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

    def column(self, name: str) -> StoredColumn:
        """A column."""
        return self._file.column(self._number, name)


def one_chunk(column: Any) -> Any:
    """A column of one row group as one array."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
