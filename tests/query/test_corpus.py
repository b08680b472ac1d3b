"""TraceQL by example, over HTTP, on every backend; and in the documentation."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from spanloom_query.app import create_app
from spanloom_query.language.names import SCOPED, SHORT
from spanloom_query.language.parser import parse
from spanloom_query.testing.naive import found
from spanloom_storage.api import Storage
from spanloom_storage.memory import MemoryStorage
from spanloom_storage.testing.naive import by_trace
from spanloom_storage.testing.requests import checked_of
from tests.query.corpus import LATER, QUERIES, SPANS, TRACES, WRONG, number_of
from tests.storage.test_model import BACKENDS, on_each_backend

PAGE: Final = (Path(__file__).parents[2] / "docs" / "search-language.md").read_text()


def texts(examples: Iterable[Mapping[str, Any]]) -> list[str]:
    """Their queries, to name tests by."""
    return [example["q"] or "(empty)" for example in examples]


@asynccontextmanager
async def client_of(storage: Storage) -> AsyncIterator[httpx.AsyncClient]:
    """The service over the corpus, whose traces come in two requests each."""
    async with storage.writer() as writer, storage.reader() as reader:
        for part in (SPANS[::2], SPANS[1::2]):
            await writer.write(checked_of(part))
        transport = httpx.ASGITransport(create_app(reader))
        async with httpx.AsyncClient(transport=transport, base_url="http://query") as client:
            yield client


@on_each_backend
async def test_query_finds_its_traces(backend: str, tmp_path: Path) -> None:
    """What the documentation shows is what a user gets."""
    finds = {}
    async with client_of(BACKENDS[backend](tmp_path / "store")) as client:
        for example in QUERIES:
            answer = await client.get("/api/v1/traces", params={"q": example["q"]})
            assert answer.status_code == 200, answer.text
            numbers = sorted(int(trace["trace_id"], 16) for trace in answer.json()["traces"])
            finds[example["q"]] = [TRACES[number - 1] for number in numbers]
    assert finds == {example["q"]: example["finds"] for example in QUERIES}


@pytest.mark.parametrize("example", QUERIES, ids=texts(QUERIES))
def test_examples_are_judged_as_they_say(example: Mapping[str, Any]) -> None:
    """The judge of all other tests knows the language."""
    traces = by_trace(SPANS).items()
    judged = [
        int.from_bytes(trace_id, "big") for trace_id, trace in traces if found(parse(example["q"]), trace)
    ]
    assert judged == [number_of(name) for name in example["finds"]]


@pytest.mark.parametrize("example", [*WRONG, *LATER], ids=texts([*WRONG, *LATER]))
async def test_wrong_query_is_told_with_its_place(example: Mapping[str, Any]) -> None:
    """Whoever mistypes reads what, where, and often what was meant."""
    async with client_of(MemoryStorage()) as client:
        answer = await client.get("/api/v1/traces", params={"q": example["q"]})
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert problem == {
        "title": "Bad Request",
        "status": 400,
        "detail": example["error"],
        "position": problem["position"],
        "length": max(1, len(example["piece"])),
    }
    assert example["q"][problem["position"] - 1 :].startswith(example["piece"])
    assert f" at {problem['position']}" in problem["detail"]


def code(text: str) -> str:
    """A piece of code in a cell of a table."""
    return cell(f"`` {text} ``" if "`" in text else f"`{text}`")


def cell(text: str) -> str:
    """A text in a cell of a table."""
    return text.replace("|", "\\|")


def table(*rows: Sequence[str]) -> str:
    """A table; the first row is its head."""
    head, *others = ("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join([head, "|---" * len(rows[0]) + "|", *others])


def tables() -> dict[str, str]:
    """The tables of the page, by heading, as the corpus has them."""
    rows: dict[str, list[Sequence[str]]] = {}
    section = ""
    for example in QUERIES:
        section = example.get("section", section)
        if "says" in example:
            finds = ", ".join(example["finds"]) or "none"
            rows.setdefault(section, []).append((code(example["q"]), cell(example["says"]), finds))
    refused = {"What is told": WRONG, "What is not run yet": LATER}
    return {name: table(("query", "finds", "of the examples"), *these) for name, these in rows.items()} | {
        name: table(("query", "answer"), *((code(one["q"]), cell(one["error"])) for one in examples))
        for name, examples in refused.items()
    }


@pytest.mark.parametrize("section", tables())
def test_page_shows_the_corpus(section: str) -> None:
    """Every example in the documentation is one that was run."""
    assert f"## {section}\n" in PAGE
    shown = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    assert tables()[section] in shown


@pytest.mark.parametrize("name", [*SHORT, *SCOPED])
def test_page_names_every_intrinsic(name: str) -> None:
    """What can be asked is documented."""
    assert f"`{name}`" in PAGE
