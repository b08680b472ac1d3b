"""docs/storage-format.md is true: files, columns and fields are named, examples give right answers."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow.parquet as pq
import pytest

from spanloom_model.span import Attributes, Span, StatusCode
from spanloom_storage.embedded import EmbeddedStorage
from spanloom_storage.embedded.catalog import BlockFacts, Catalog
from spanloom_storage.embedded.sealer import seal
from spanloom_storage.testing import checked_of
from spanloom_storage.testing.contract import NOON_NS, RICH_SPAN, span, trace_id

DOCUMENT: Final = (Path(__file__).parent.parent.parent / "docs" / "storage-format.md").read_text()


def blocks(language: str) -> list[str]:
    """The examples in a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


def of_user(trace: int, number: int, user: str, *, duration_ns: int) -> Span:
    """A span of somebody."""
    attributes = Attributes((("enduser.id", user), ("number", number), ("ratio", 0.5), ("new", True)))
    return span(trace, number, attributes=attributes, duration_ns=duration_ns)


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    """Two blocks: eighty visits of four users; a cart in trouble."""
    visits = [of_user(n, n, f"u{n % 4}", duration_ns=n * 1000) for n in range(1, 81)]
    troubled = [
        span(100 + n, 200 + n, service="cart", name="add", status=StatusCode.ERROR, duration_ns=n)
        for n in range(3)
    ]
    for spans in (visits, [*troubled, RICH_SPAN]):
        async with EmbeddedStorage(tmp_path).writer() as writer:
            await writer.write(checked_of(spans))
        (path,) = (tmp_path / "segments").iterdir()
        seal(Catalog(tmp_path), path)
    return tmp_path


@pytest.mark.parametrize("file", ["spans", "events", "links", "traces"])
def test_every_column_is_documented(store: Path, file: str) -> None:
    """Whoever opens a file finds its columns in the document, and no others."""
    documented = set(re.findall(r"^\| `([a-z_]+)` \|", DOCUMENT, re.MULTILINE))
    found: set[str] = set()
    for path in store.glob(f"blocks/*/{file}.parquet"):
        found |= {name for name in pq.read_schema(path).names if not name.startswith("attributes.")}
    assert found
    assert found <= documented | {"shape", "rest"}


def test_every_field_of_a_block_is_documented() -> None:
    """The same of block.json."""
    for field in fields(BlockFacts):
        assert field.name == "name" or f"`{field.name}`" in DOCUMENT, field.name


def test_duckdb_answers(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The view and both questions, as they stand in the document."""
    monkeypatch.chdir(store)
    view, figures, slowest = blocks("sql")
    with duckdb.connect() as connection:
        connection.execute(view)
        assert connection.execute("SELECT count(*) FROM spans").fetchone() == (84,)
        found = connection.execute(figures).fetchall()
        assert ("shop", "GET /", 80, 0, 80_000) in found
        assert ("cart", "add", 3, 3, 2) in found
        ids = [row[0] for row in connection.execute(slowest).fetchall()]
        assert ids[:2] == [trace_id(77).hex().upper(), trace_id(73).hex().upper()]
        moment = 'SELECT epoch_ns(start) FROM spans WHERE "attributes.number:int" = 7'
        assert connection.execute(moment).fetchone() == (NOON_NS + 7_000_000_000,)


def test_polars_and_pandas_answer(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same questions in Python."""
    monkeypatch.chdir(store)
    by_operation, by_service = (answer_of(code) for code in blocks("python"))
    assert by_operation[:2] == [("shop", "GET /", 80, 0), ("cart", "add", 3, 3)]
    assert by_service == [("cart", 3), ("shop", 81)]


def answer_of(code: str) -> Any:
    """What an example calls its answer."""
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  # our own document
    return names["answer"]
