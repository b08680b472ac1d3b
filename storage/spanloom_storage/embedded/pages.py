"""A column chunk of a Parquet file to a column in memory.

Arrow reads any Parquet file, and takes a tenth of a millisecond for each column of a row group,
however few rows it has: as long as all of the rest of finding a trace. Blocks are written by us, with
a handful of encodings, so their pages are read here. What is not one of them is left to Arrow.
"""

import threading
import zlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import zstandard

from spanloom_storage.embedded.stored_column import StoredColumn
from spanloom_storage.kernels import pages
from spanloom_storage.kernels.rows import Bytes

_PLAIN, _RLE, _DELTA, _DICTIONARY, _SPLIT = 0, 3, 5, 8, 9
_NUMBERS: Final = {"INT32": "<i4", "INT64": "<i8", "DOUBLE": "<f8"}
_PAGE_BYTES: Final = 2**31
_decompressors: Final = threading.local()


class UnusualError(Exception):
    """The chunk is not as blocks are written."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Where a column of a row group is, and what it is."""

    begin: int
    size: int
    row_count: int
    physical_type: str
    """Parquet's name of it."""
    width: int
    """Bytes of a value, for values of a fixed length."""
    type: Any
    """Arrow's type."""
    optional: bool
    compressed: bool


def decoded(chunk: Chunk, data: bytes) -> StoredColumn:
    """The column; raises UnusualError where Arrow is to read it, OSError where it is not what was written."""
    return _Decoding(chunk, data).column()


class _Decoding:
    def __init__(self, chunk: Chunk, data: bytes) -> None:
        self._chunk = chunk
        self._bytes = memoryview(data)
        self._data = np.frombuffer(data, np.uint8)
        self._rows = np.empty(chunk.row_count if chunk.optional else 0, np.int32)
        self._row = self._filled = 0
        self._words: Any = None
        self._numbers: npt.NDArray[Any] | None = None
        self._parts: list[npt.NDArray[Any]] = []
        self._texts: list[Any] = []

    def column(self) -> StoredColumn:
        at = 0
        header = np.empty(1, pages.PAGE)
        while self._row < self._chunk.row_count:
            at = pages.read_header(self._data, at, header)
            if at < 0:
                raise UnusualError
            kind, whole_size, size, checksum, values, encoding = header[0].tolist()
            page = self._page(self._bytes[at : at + size], whole_size, checksum)
            at += size
            if kind == pages.DICTIONARY_PAGE and encoding in (_PLAIN, 2):
                self._take_dictionary(page, values)
            elif kind == pages.DATA_PAGE and 0 < values <= self._chunk.row_count - self._row:
                self._take_values(page, values, encoding)
            else:
                raise UnusualError
        return self._whole()

    def _page(self, data: memoryview, whole_size: int, checksum: int) -> Bytes:
        if checksum >= 0 and zlib.crc32(data) != checksum:
            raise OSError("a page is not what was written")
        if not self._chunk.compressed:
            return np.frombuffer(data, np.uint8)
        if not 0 <= whole_size <= _PAGE_BYTES:
            raise UnusualError
        try:
            whole = _decompressor().decompress(data, max_output_size=whole_size)
        except zstandard.ZstdError as exc:
            raise UnusualError from exc
        return np.frombuffer(whole, np.uint8)

    def _take_dictionary(self, page: Bytes, values: int) -> None:
        if self._chunk.physical_type == "BYTE_ARRAY":
            self._words = _texts(page, 0, values, self._chunk.type)
        else:
            self._numbers = self._plain(page, 0, values)

    def _take_values(self, page: Bytes, values: int, encoding: int) -> None:
        at, filled = 0, self._filled + values
        if self._chunk.optional:
            at, filled = pages.read_levels(page, values, self._row, self._rows, self._filled)
            if at < 0:
                raise UnusualError
        self._row += values
        count = filled - self._filled
        self._filled = filled
        if count:
            self._parts.append(self._values(page, at, count, encoding))

    def _values(self, page: Bytes, at: int, count: int, encoding: int) -> npt.NDArray[Any]:
        if encoding in (_DICTIONARY, 2):
            return self._from_dictionary(page, at, count)
        if encoding == _PLAIN and self._chunk.physical_type == "BYTE_ARRAY":
            return self._own_texts(page, at, count)
        if encoding == _PLAIN:
            return self._plain(page, at, count)
        numbers = np.empty(count, np.int64)
        if encoding == _DELTA and self._chunk.physical_type == "INT32":
            read = pages.read_deltas(page, at, numbers, 0)
        elif encoding == _SPLIT and self._chunk.physical_type in ("INT64", "DOUBLE"):
            read = pages.read_split(page, at, numbers, 0)
        else:
            read = False
        if not read:
            raise UnusualError
        return numbers.view(np.float64) if self._chunk.physical_type == "DOUBLE" else numbers

    def _from_dictionary(self, page: Bytes, at: int, count: int) -> npt.NDArray[Any]:
        codes = np.empty(count, np.int32)
        known = self._numbers if self._numbers is not None else self._words
        if known is None or not pages.read_codes(page, at, codes, 0, len(known)):
            raise UnusualError
        return codes if self._numbers is None else self._numbers[codes]

    def _own_texts(self, page: Bytes, at: int, count: int) -> npt.NDArray[Any]:
        """Byte arrays that are not in a dictionary: each is its own word."""
        if self._words is not None or pa.types.is_string(self._chunk.type):
            raise UnusualError  # a word must be there only once
        begin = sum(len(texts) for texts in self._texts)
        self._texts.append(_texts(page, at, count, self._chunk.type))
        return np.arange(begin, begin + count, dtype=np.int32)

    def _plain(self, page: Bytes, at: int, count: int) -> npt.NDArray[Any]:
        chunk = self._chunk
        if chunk.physical_type == "BOOLEAN":
            if page.size - at < (count + 7) // 8:
                raise UnusualError
            return np.unpackbits(page[at:], count=count, bitorder="little").view(np.bool_)
        if chunk.physical_type == "FIXED_LEN_BYTE_ARRAY" and chunk.width in (8, 16):
            count *= chunk.width // 8
            kind = ">u8"
        elif chunk.physical_type in _NUMBERS:
            kind = _NUMBERS[chunk.physical_type]
        else:
            raise UnusualError
        size = count * np.dtype(kind).itemsize
        if page.size - at < size:
            raise UnusualError
        values = page[at : at + size].view(kind)
        return values.astype(np.uint64) if kind == ">u8" else values

    def _whole(self) -> StoredColumn:
        chunk = self._chunk
        rows = self._rows[: self._filled] if self._filled < chunk.row_count else None
        words = self._words
        if self._texts:
            words = pa.concat_arrays(self._texts)
        if words is None and chunk.physical_type == "BYTE_ARRAY":
            words = pa.nulls(0, chunk.type)
        if not self._parts:
            return StoredColumn(chunk.row_count, rows, np.empty(0, np.int32), words)
        values = self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)
        if words is None and pa.types.is_integer(chunk.type):
            values = values.astype(chunk.type.to_pandas_dtype(), copy=False)
        return StoredColumn(chunk.row_count, rows, values, words)


def _decompressor() -> zstandard.ZstdDecompressor:
    """This thread's own: making one takes longer than most pages do."""
    if not hasattr(_decompressors, "own"):
        _decompressors.own = zstandard.ZstdDecompressor()
    own: zstandard.ZstdDecompressor = _decompressors.own
    return own


def _texts(page: Bytes, at: int, count: int, kind: Any) -> Any:
    if not 0 <= count <= page.size // 4:
        raise UnusualError
    ends = np.empty(count + 1, np.int32)
    texts = np.empty(page.size, np.uint8)
    if pages.read_texts(page, at, count, ends, texts) < 0:
        raise UnusualError
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(texts)]
    return pa.Array.from_buffers(kind, count, buffers)
