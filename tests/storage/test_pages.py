"""Our reading of Parquet's pages, held against Arrow's."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanloom_storage.embedded.pages import UnusualError
from spanloom_storage.embedded.parquet import ColumnCache, File
from spanloom_storage.embedded.stored_column import StoredColumn
from tests.storage.bounds import run_checked

thorough = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))

DELTA, SPLIT = "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"
INT32S, INT64S = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)
COLUMNS: dict[str, tuple[Any, st.SearchStrategy[Any], str | None]] = {
    "delta": (pa.int32(), INT32S, DELTA),
    "small_delta": (pa.int32(), st.integers(0, 40), DELTA),
    "split_int": (pa.int64(), INT64S, SPLIT),
    "split_double": (pa.float64(), st.floats(allow_nan=False), SPLIT),
    "int": (pa.int64(), INT64S, None),
    "few_ints": (pa.int32(), st.integers(0, 5), None),
    "count": (pa.uint32(), st.integers(0, 2**32 - 1), None),
    "plain_int": (pa.int64(), INT64S, "PLAIN"),
    "truth": (pa.bool_(), st.booleans(), "PLAIN"),
    "id": (pa.binary(8), st.binary(min_size=8, max_size=8), "PLAIN"),
    "trace_id": (pa.binary(16), st.binary(min_size=16, max_size=16), "PLAIN"),
    "word": (pa.string(), st.text(max_size=20), None),
    "few_words": (pa.string(), st.sampled_from(["GET", "POST", "", "é"]), None),
    "plain_word": (pa.string(), st.text(max_size=20), "PLAIN"),
    "bytes": (pa.binary(), st.binary(max_size=20), "PLAIN"),
    "shape": (pa.binary(), st.binary(max_size=4), None),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """A column of each kind, some with gaps, some without a value."""
    pool = {name: draw(st.lists(values, min_size=1, max_size=12)) for name, (_, values, _) in COLUMNS.items()}
    count = draw(st.sampled_from([1, 7, 8, 9, 200, 3000]))
    seed = np.random.default_rng(draw(st.integers(0, 2**32)))
    arrays, fields = [], []
    for name, (kind, _, _) in COLUMNS.items():
        gaps = draw(st.sampled_from([None, 0.0, 0.02, 0.5, 1.0]))
        values = [pool[name][place] for place in seed.integers(0, len(pool[name]), count)]
        missing = None if gaps is None else seed.random(count) < gaps
        arrays.append(pa.array(values, kind, mask=missing))
        fields.append(pa.field(name, kind, nullable=gaps is not None))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def written(
    path: Path, table: pa.Table, *, page_rows: int, dictionary_bytes: int = 2**20, bare: bool = False
) -> None:
    """The table as blocks are written; bare without what would find a flipped bit before we do."""
    told = {name: how for name, (_, _, how) in COLUMNS.items() if how}
    pq.write_table(
        table,
        path,
        compression="none" if bare else "zstd",
        column_encoding=told,
        use_dictionary=[name for name in COLUMNS if name not in told],
        write_page_checksum=not bare,
        store_schema=False,
        max_rows_per_page=page_rows,
        write_batch_size=page_rows,
        dictionary_pagesize_limit=dictionary_bytes,
    )


def listed(column: StoredColumn, kind: Any) -> list[Any]:
    """The column's values row by row, None where there is none."""
    if column.words is not None:
        words = column.words.to_pylist()
        values = [words[code] for code in column.values.tolist()]
    elif pa.types.is_fixed_size_binary(kind):
        halves = column.values.reshape(-1, kind.byte_width // 8)
        values = [b"".join(int(half).to_bytes(8, "big") for half in one) for one in halves]
    else:
        values = column.values.tolist()
    rows = range(column.row_count) if column.rows is None else column.rows.tolist()
    found = dict(zip(rows, values, strict=True))
    return [found.get(row) for row in range(column.row_count)]


@thorough
@given(
    table=tables(),
    page_rows=st.sampled_from([1, 100, 2**20]),
    dictionary_bytes=st.sampled_from([2**20, 16]),
)
def test_columns_are_read_as_arrow_reads_them(table: pa.Table, page_rows: int, dictionary_bytes: int) -> None:
    """Every encoding, with gaps and without, of one page and of many, with dictionaries that overflow."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "table.parquet"
        written(path, table, page_rows=page_rows, dictionary_bytes=dictionary_bytes)
        file = File(path, ColumnCache())
        for name in table.column_names:
            column = file.column(0, name)
            assert listed(column, table[name].type) == table[name].to_pylist(), name
            if pa.types.is_string(table[name].type):
                words = column.words.to_pylist()
                assert len(words) == len(set(words))


@thorough
@given(data=st.data(), table=tables())
def test_hostile_pages_are_refused_or_read(data: st.DataObject, table: pa.Table) -> None:
    """Whatever stands in the file: an answer of the right size, or a refusal."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "table.parquet"
        written(path, table, page_rows=100, bare=data.draw(st.booleans()))
        name = data.draw(st.sampled_from(table.column_names))
        file = File(path, ColumnCache(0))
        file.column(0, name)
        column = pq.read_metadata(path).row_group(0).column(table.column_names.index(name))
        begin = column.dictionary_page_offset or column.data_page_offset
        mutated = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            place = begin + data.draw(st.integers(0, column.total_compressed_size - 1))
            mutated[place] = data.draw(st.integers(0, 255))
        path.write_bytes(mutated)
        try:
            found = file.column(0, name)
        except (UnusualError, OSError, pa.ArrowException):
            return
        assert found.row_count == table.num_rows
        rows = np.arange(found.row_count) if found.rows is None else found.rows
        assert ((rows >= 0) & (rows < found.row_count)).all()
        places = rows.size * (2 if name == "trace_id" else 1)
        assert found.values.size == places
        if found.words is not None and places:
            assert 0 <= found.values.min() <= found.values.max() < len(found.words)


def test_hostile_pages_stay_within_bounds(tmp_path: Path) -> None:
    """The same, with every index of the compiled code checked."""
    alike, hostile = test_columns_are_read_as_arrow_reads_them, test_hostile_pages_are_refused_or_read
    run_checked(__file__, [alike.__name__, hostile.__name__], tmp_path)


def test_a_truncated_file_is_told() -> None:
    """Nothing is made up for what is not there."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "table.parquet"
        pq.write_table(pa.table({"n": pa.array(range(1000), pa.int64())}), path, compression="zstd")
        file = File(path, ColumnCache())
        assert file.row_count(0) == 1000
        os.truncate(path, 60)
        with pytest.raises((OSError, pa.ArrowException)):
            file.column(0, "n")
