"""Stretches of bytes and packed numbers as Arrow arrays."""

import threading
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanloom_storage.kernels import pivot
from spanloom_storage.kernels.rows import TEXT, Bytes, Records

WORD: Final = pa.dictionary(pa.int32(), pa.string())


def interned(
    data: Bytes, ats: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int32], Records]:
    """(a code for each text, the distinct texts)."""
    codes, texts = np.empty(ats.size, np.int32), np.empty(ats.size, TEXT)
    table, generation = _scratch(2 * ats.size)
    count = pivot.intern_texts(data, ats, sizes, codes, texts, table, generation)
    return codes, texts[:count]


_tables = threading.local()


def _scratch(slots: int) -> tuple[npt.NDArray[np.int64], int]:
    """(a table of this thread, large enough, and a generation that nothing in it is of)."""
    table: npt.NDArray[np.int64] | None = getattr(_tables, "table", None)
    if table is None or table.size < slots + 16:
        table = np.zeros(1 << int(slots + 16).bit_length(), np.int64)
        _tables.table, _tables.generation = table, 0
    _tables.generation += 1
    return table, _tables.generation


def texts_array(data: Bytes, texts: Records, kind: Any = None) -> Any:
    """Texts as an Arrow array of strings."""
    ends = np.zeros(len(texts) + 1, np.int32)
    np.cumsum(texts["size"], out=ends[1:])
    target = np.empty(ends[-1], np.uint8)
    pivot.gather_texts(data, texts, ends, target)
    return pa.Array.from_buffers(
        kind or pa.string(), len(texts), [None, pa.py_buffer(ends), pa.py_buffer(target)]
    )


def binaries(data: Bytes, ends: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_] | None = None) -> Any:
    """Stretches of bytes, one after the other, as an Arrow array."""
    validity = None if valid is None else bits(valid)
    ends32 = ends.astype(np.int32)
    return pa.Array.from_buffers(
        pa.binary(), ends.size - 1, [validity, pa.py_buffer(ends32), pa.py_buffer(data)]
    )


def bits(flags: npt.NDArray[Any]) -> Any:
    """Truths as Arrow packs them."""
    return pa.py_buffer(np.packbits(flags, bitorder="little"))


def masked(values: npt.NDArray[Any], valid: npt.NDArray[Any] | None, kind: Any) -> Any:
    """Numbers as an Arrow array, null where they are not valid."""
    validity = None if valid is None else bits(valid)
    return pa.Array.from_buffers(kind, values.size, [validity, pa.py_buffer(np.ascontiguousarray(values))])


def fixed(data: npt.NDArray[Any], kind: Any, valid: npt.NDArray[Any] | None = None) -> Any:
    """Values of a fixed number of bytes as they lie in memory, null where they are not valid."""
    buffers = [None if valid is None else bits(valid), pa.py_buffer(data)]
    return pa.FixedSizeBinaryArray.from_buffers(kind, data.nbytes // kind.byte_width, buffers)


def span_ids(values: npt.NDArray[np.uint64], valid: npt.NDArray[np.bool_] | None = None) -> Any:
    """Ids of 8 bytes, null where they are not valid."""
    return fixed(np.ascontiguousarray(values).astype(">u8"), pa.binary(8), valid)


def trace_ids(records: Records, valid: npt.NDArray[np.bool_] | None = None) -> Any:
    """Ids of 16 bytes from trace_high and trace_low, null where they are not valid."""
    halves = np.stack([records["trace_high"], records["trace_low"]], axis=1).astype(">u8")
    return fixed(halves, pa.binary(16), valid)


def texts(data: Any, records: Records, name: str, *, needed: bool = False) -> Any:
    """A text of records, dictionary-encoded, as `words`."""
    sizes = records[f"{name}_size"].astype(np.int64)
    return words(data, np.ascontiguousarray(records[f"{name}_at"]), sizes, needed=needed)


def words(
    data: Any, ats: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], *, needed: bool = False
) -> Any:
    """Texts, dictionary-encoded; an empty one is none unless it is needed."""
    valid = None if needed else sizes > 0
    if valid is not None and not valid.any():
        return pa.nulls(len(sizes), WORD)
    codes, distinct = interned(data, ats, sizes)
    return pa.DictionaryArray.from_arrays(masked(codes, valid, pa.int32()), texts_array(data, distinct))


def hexadecimal(ids: npt.NDArray[np.uint64]) -> Any:
    """Ids, one or two numbers each, as lower-case digits."""
    data = np.ascontiguousarray(ids.astype(">u8")).view(np.uint8).reshape(len(ids), -1)
    nibbles = np.stack([data >> 4, data & 15], axis=2).reshape(len(ids), -1)
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)[nibbles]
    ends = np.arange(len(ids) + 1, dtype=np.int32) * digits.shape[1]
    return pa.Array.from_buffers(
        pa.string(), len(ids), [None, pa.py_buffer(ends), pa.py_buffer(digits.copy())]
    )
