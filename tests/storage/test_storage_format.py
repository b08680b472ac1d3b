"""docs/storage-format.md is true: files, columns and fields are named, examples give right answers."""

import json
import re
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spanloom_model.span import Attributes, Span, StatusCode
from spanloom_storage.embedded import EmbeddedStorage
from spanloom_storage.embedded.attribute_columns import LEAST_VALUES, MOST_COLUMNS
from spanloom_storage.embedded.catalog import DRAFT, BlockFacts, Catalog
from spanloom_storage.embedded.sealer import merge, seal
from spanloom_storage.testing import checked_of
from spanloom_storage.testing.samples import NOON_NS, RICH_SPAN, span, trace_id

DOCUMENT: Final = (Path(__file__).parent.parent.parent / "docs" / "storage-format.md").read_text()
TYPES: Final = {
    pa.int32(): "int32",
    pa.int64(): "int64",
    pa.uint32(): "uint32",
    pa.uint64(): "uint64",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.string(): "string",
    pa.binary(): "binary",
    pa.binary(8): "8 bytes",
    pa.binary(16): "16 bytes",
}
"""What the document calls them."""
FAR_NS: Final = 2**63 + 2**62


def examples(language: str) -> list[str]:
    """The examples in a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


def table(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its first lines."""
    section = DOCUMENT.split(f"\n### {heading}\n")[1].split("\n#", maxsplit=1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def documented(heading: str) -> dict[str, str]:
    """What the first two cells of each line say: names, and types or meanings."""
    return {name.strip("`"): what for name, what, *_ in table(heading)}


def of_user(trace: int, number: int, user: str, *, duration_ns: int) -> Span:
    """A span of somebody."""
    attributes = Attributes((("enduser.id", user), ("number", number), ("ratio", 0.5), ("new", True)))
    return span(trace, number, attributes=attributes, duration_ns=duration_ns)


async def sealed(directory: Path, *spans: Span) -> None:
    """One more block."""
    async with EmbeddedStorage(directory).writer() as writer:
        await writer.write(checked_of(spans))
    (path,) = (directory / "segments").iterdir()
    seal(Catalog(directory), path)


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    """Visits of four users, and a cart in trouble, in blocks; and all that crashes leave beside them.

    Trace n is n µs long; the last call of trace 1, an hour later, came in by itself.
    """
    late = span(1, 1001, parent=1, service="cart", name="add", start_ns=NOON_NS + 3600 * 10**9, duration_ns=9)
    troubled = [
        span(100 + n, 200 + n, service="cart", name="add", status=StatusCode.ERROR, duration_ns=n)
        for n in range(3)
    ]
    clocks = [span(110, 210, start_ns=0, name="timeless"), span(111, 211, start_ns=FAR_NS, name="far")]
    store = tmp_path / "store"
    catalog = Catalog(store)
    await sealed(store, *(of_user(n, n, f"u{n % 4}", duration_ns=n * 1000) for n in range(1, 81)))
    visits = set(catalog.snapshot().blocks)
    await sealed(store, late, *clocks)
    await sealed(store, *troubled, RICH_SPAN)
    merged = [facts for name, facts in catalog.snapshot().blocks.items() if name not in visits]
    shutil.copytree(catalog.blocks, tmp_path / "before")
    merge(catalog, merged)
    shutil.copytree(tmp_path / "before", catalog.blocks, dirs_exist_ok=True)  # killed before it deleted them
    for name in (f"{DRAFT}0123", f"{DRAFT}gone-{merged[0].name}"):
        shutil.copytree(catalog.blocks / merged[0].name, catalog.blocks / name)
    return store


def files(store: Path) -> list[Path]:
    """All files of blocks."""
    return [path for path in store.glob("blocks/*/*") if not path.parent.name.startswith(".")]


def test_every_file_is_documented(store: Path) -> None:
    """Whoever looks into a block finds a section for each file, and no others."""
    headings = set(re.findall(r"^### (\S+\.\S+)$", DOCUMENT, re.MULTILINE))
    assert headings == {path.name for path in files(store)}


def test_every_entry_of_the_directory_is_documented(store: Path) -> None:
    """The same of the store's directory."""
    named = set(re.findall(r"^  ([a-z]+)(?:/\S*)?  ", DOCUMENT, re.MULTILINE))
    assert named == {path.name for path in store.iterdir()} | {"damaged"}


@pytest.mark.parametrize("file", ["spans", "events", "links", "traces", "resources", "scopes"])
def test_every_column_is_documented(store: Path, file: str) -> None:
    """Whoever opens a file finds its columns in the document, with their types, and no others."""
    found: dict[str, str] = {}
    for path in files(store):
        if path.name == f"{file}.parquet":
            schema = pq.read_schema(path)
            found |= {name: kind_of(schema.field(name).type) for name in schema.names}
    fixed = {name: kind for name, kind in found.items() if not name.startswith("attributes.")}
    assert fixed == documented(f"{file}.parquet")


def kind_of(kind: Any) -> str:
    """A type as the document has it."""
    return "list" if pa.types.is_list(kind) else TYPES[kind]


def test_parts_of_services_are_documented(store: Path) -> None:
    """The one column that has columns itself."""
    path = next(path for path in files(store) if path.name == "traces.parquet")
    parts = pq.read_schema(path).field("services").type.value_type
    ((*_, what),) = [cells for cells in table("traces.parquet") if cells[0] == "`services`"]
    said = dict(re.findall(r"`(\w+)` \((\w+)\)", what))
    assert said == {part.name: kind_of(part.type) for part in parts}


def test_columns_of_attributes_are_documented(store: Path) -> None:
    """A user who knows the key knows the column; how rare is too rare is the number of the code."""
    found = set()
    for path in files(store):
        if path.name == "spans.parquet":
            schema = pq.read_schema(path)
            found |= {(name, kind_of(schema.field(name).type)) for name in schema.names if "." in name}
    said = documented("Attributes")
    suffix = {kind: name.removeprefix("attributes.KEY") for name, kind in said.items()}
    keys = {"enduser.id": "string", "number": "int64", "ratio": "double", "new": "boolean"}
    assert found == {(f"attributes.{key}{suffix[kind]}", kind) for key, kind in keys.items()}
    assert f"at least {LEAST_VALUES} values in a block has a column, up to {MOST_COLUMNS}" in DOCUMENT


def test_every_field_of_a_block_is_documented(store: Path) -> None:
    """The same of block.json."""
    said = documented("block.json").keys()
    assert said == {field.name for field in fields(BlockFacts)} - {"name"}
    for path in store.glob("blocks/*/block.json"):
        assert said == json.loads(path.read_bytes()).keys()


def test_nullable_columns_are_documented(store: Path) -> None:
    """Where the document says that a column is never null, none of its values are."""
    for file in ("spans", "events", "links", "resources", "scopes"):
        never = [cells[0].strip("`") for cells in table(f"{file}.parquet") if cells[3] == "never"]
        for path in files(store):
            if path.name == f"{file}.parquet":
                columns = pq.read_table(path, columns=never)
                assert [name for name in never if columns[name].null_count] == [], path


SLOWEST: Final = [(trace_id(n).hex(), n * 1000) for n in range(77, 41, -4)]
"""Of u1: behind trace 1, which took until the cart was called."""
HOUR_NS: Final = 3599 * 10**9 + 9
"""From the start of trace 1's visit, a second past noon, to the end of its last call."""
FIGURES: Final = {
    ("shop", "GET /"): (80, 0.0, 80_000),
    ("cart", "add"): (4, 0.75, 9),
    ("shop", RICH_SPAN.name): (1, 1.0, RICH_SPAN.duration_ns),
}


def test_duckdb_answers(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The view and both questions, as they stand in the document; nothing is counted twice."""
    monkeypatch.chdir(store)
    view, figures, slowest = examples("sql")
    with duckdb.connect() as connection:
        connection.execute(view)
        assert connection.execute("SELECT count(*) FROM spans").fetchone() == (87,)
        found = {(row[0], row[1]): row[2:] for row in connection.execute(figures).fetchall()}
        assert found.items() >= FIGURES.items()
        assert connection.execute(slowest).fetchall() == [
            (trace_id(1).hex(), 3, HOUR_NS),
            *((name, 1, duration_ns) for name, duration_ns in SLOWEST),
        ]
        moment = 'SELECT epoch_ns(start) FROM spans WHERE "attributes.number:int" = 7'
        assert connection.execute(moment).fetchone() == (NOON_NS + 7_000_000_000,)
        unknown = "SELECT name FROM spans WHERE start IS NULL ORDER BY name"
        assert connection.execute(unknown).fetchall() == [("far",), ("timeless",)]


def test_polars_answers(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same questions, the same answers."""
    monkeypatch.chdir(store)
    names = run(0, 1)
    found = {(service, name): tuple(rest) for service, name, *rest in names["by_operation"].rows()}
    assert found.items() >= FIGURES.items()
    assert names["slowest"].rows() == [
        (trace_id(1).hex(), 3, HOUR_NS),
        *((name, 1, duration_ns) for name, duration_ns in SLOWEST),
    ]


def test_pandas_answers(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same questions, the same answers."""
    monkeypatch.chdir(store)
    names = run(0, 2)
    found = {key: tuple(row) for key, *row in names["by_operation"].itertuples()}
    assert found.items() >= FIGURES.items()
    slowest = [(name, int(duration.value)) for name, duration in names["slowest"].items()]
    assert slowest == [(trace_id(1).hex(), HOUR_NS), *SLOWEST]


def run(*numbers: int) -> dict[str, Any]:
    """The names that examples in Python leave, run one after the other."""
    names: dict[str, Any] = {}
    for number in numbers:
        exec(examples("python")[number], names)  # noqa: S102  # our own document
    return names
