"""The shape of the code: who may import whom, what each member declares, how long things are."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parent.parent

MAY_IMPORT: Final[Mapping[str, set[str]]] = {
    "model": set(),
    "storage": {"model"},
    "dialects": {"model"},
    "instrumentation": {"model"},
    "agent": {"model", "dialects"},
    "ui": {"model"},
    "collector": {"model", "storage", "dialects"},
    "query": {"model", "storage", "dialects"},
    "shop": {"instrumentation"},
    "allinone": {
        "model",
        "storage",
        "dialects",
        "instrumentation",
        "agent",
        "collector",
        "query",
        "ui",
        "shop",
    },
}
"""Data flows one way, and imports go down only. No service imports another."""

FOLDERS: Final = {part: ROOT / part for part in MAY_IMPORT} | {"shop": ROOT / "examples" / "shop"}

TESTING_ONLY: Final = {"pytest", "hypothesis"}
"""What the kits in `<package>.testing` need besides; whoever runs them has it."""

DECLARED_BY_THEIR_USERS: Final = {"pydantic"}
"""FastAPI's own model layer, which comes with it."""

FOUND_BY_OTHERS: Final = {"httptools"}
"""uvicorn takes it where it is there; its own parser takes three times as long."""

LONGER_ON_PURPOSE: Final[Mapping[str, str]] = {
    "storage/spanloom_storage/kernels/decode.py:_fill": "one pass over the bytes, one loop for each level",
    "storage/spanloom_storage/kernels/check.py:_walk": "one walk over the bytes, with its stack",
}
"""Functions beyond the mark, each with the reason why it is better whole."""


def sources(part: str) -> Iterator[Path]:
    """The Python files of a part."""
    yield from sorted((FOLDERS[part] / f"spanloom_{part}").rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """The top-level names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # Several distributions share these names.
            first = node.module.split(".")
            yield ".".join(first[:3]) if first[0] in {"google", "opentelemetry"} else first[0]


def declared(part: str) -> set[str]:
    """The distributions that a member says it needs."""
    return _names(_project(part)["dependencies"]).union(*optional(part).values())


def optional(part: str) -> dict[str, set[str]]:
    """The distributions that a member can do without, by the extra that brings them."""
    return {
        extra: _names(dependencies)
        for extra, dependencies in _project(part).get("optional-dependencies", {}).items()
    }


def _project(part: str) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((FOLDERS[part] / "pyproject.toml").read_text())["project"]
    return project


def _names(dependencies: Iterable[str]) -> set[str]:
    return {re.split("[>=;]", dependency)[0].strip().lower() for dependency in dependencies}


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_imports_point_one_way(part: str) -> None:
    """A folder imports only the folders below it."""
    ours = {
        name.removeprefix("spanloom_")
        for path in sources(part)
        for name in imported(path)
        if name.startswith("spanloom_")
    }
    assert ours - {part} <= MAY_IMPORT[part]


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_dependencies_are_declared(part: str) -> None:
    """A member installed alone has all that it imports, and asks for nothing that it does not."""
    providers = packages_distributions()
    stdlib = sys.stdlib_module_names | {"compression"}  # of Python 3.14
    needed: set[str] = set()
    for path in sources(part):
        for name in set(imported(path)):
            top = name.partition(".")[0]
            if top in stdlib or top == f"spanloom_{part}":
                continue
            if "testing" in path.parts and name in TESTING_ONLY:
                continue
            needed.add(distribution(name, providers))
    assert needed - DECLARED_BY_THEIR_USERS <= declared(part)
    assert declared(part) - needed - FOUND_BY_OTHERS <= {f"spanloom-{other}" for other in MAY_IMPORT}, (
        "declared, never imported"
    )


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_optional_dependencies_have_a_folder_of_their_own(part: str) -> None:
    """What an extra brings is imported in the folder named like it, so the rest works without."""
    providers = packages_distributions()
    for extra, distributions in optional(part).items():
        for path in sources(part):
            needed = {distribution(name, providers) for name in imported(path)}
            assert extra in path.parts or not needed & distributions, path


def distribution(name: str, providers: Mapping[str, list[str]]) -> str:
    """Which distribution an import comes from, as a pyproject.toml calls it."""
    shared = {
        "google.protobuf": "protobuf",
        "google.rpc": "googleapis-common-protos",
        "opentelemetry.sdk": "opentelemetry-sdk",
        "opentelemetry.proto": "opentelemetry-proto",
        "opentelemetry.exporter": "opentelemetry-exporter-otlp-proto-common",
        "opentelemetry.instrumentation.utils": "opentelemetry-instrumentation",
        "opentelemetry.instrumentation.dependencies": "opentelemetry-instrumentation",
        "opentelemetry.instrumentation.bootstrap_gen": "opentelemetry-instrumentation",
        "opentelemetry.instrumentation": "opentelemetry-instrumentation-" + name.rpartition(".")[2],
        "opentelemetry": "opentelemetry-api",
        "grpc": "grpcio",
    }
    for prefix, found in shared.items():
        if name == prefix or name.startswith(prefix + "."):
            return found
    return providers.get(name, [name])[0].lower().replace("_", "-").replace(".", "-")


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """(place, lines of its body without docstring) of each function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body:
                lines = (body[-1].end_lineno or 0) - body[0].lineno + 1
                yield f"{path.relative_to(ROOT)}:{node.name}", lines


ALL_SOURCES: Final = [path for part in MAY_IMPORT for path in sources(part)]


def test_files_are_short() -> None:
    """Files: median ≤ 150 lines, 90 % ≤ 400, none > 600."""
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in ALL_SOURCES}
    long = {path: length for path, length in lengths.items() if length > 400}
    assert median(lengths.values()) <= 150
    assert quantiles(lengths.values(), n=10)[-1] <= 400, long
    assert max(lengths.values()) <= 600, long


def test_functions_are_short() -> None:
    """Functions: median ≤ 8 lines, 90 % ≤ 30, none > 60 without a reason."""
    lengths = dict(found for path in ALL_SOURCES for found in functions(path))
    long = {place: length for place, length in lengths.items() if length > 30}
    assert median(lengths.values()) <= 8
    assert quantiles(lengths.values(), n=10)[-1] <= 30, long
    assert {place for place, length in lengths.items() if length > 60} <= LONGER_ON_PURPOSE.keys()
    assert LONGER_ON_PURPOSE.keys() <= lengths.keys(), "a reason for what is no more"
