"""The suite itself: each test says which section of the specification it holds us to."""

import ast
from pathlib import Path

import pytest

FILES = sorted(path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_test_names_its_section(path: Path) -> None:
    """Whoever doubts a test finds where it is written."""
    tests = [
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    assert tests
    without = [node.name for node in tests if "\n\nSpecified in " not in (ast.get_docstring(node) or "")]
    assert not without
