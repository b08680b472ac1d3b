"""docs/dialects.md names what a person meets in attributes and answers."""

import re
from pathlib import Path
from typing import Final

import pytest

import spanloom_dialects
from spanloom_dialects.jaeger import spans
from spanloom_dialects.zipkin import names

DOCS: Final = (Path(__file__).parents[2] / "docs" / "dialects.md").read_text()
OURS: Final = {
    spans.FLAGS, spans.START_US, spans.DURATION_US, spans.TIMESTAMP_US, spans.PROCESS_ID, spans.WARNINGS,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(one.decode() for one in OURS))
def test_jaegers_attributes_are_documented(name: str) -> None:
    """Whoever meets an attribute that nobody set can look it up."""
    assert f"`{name}`" in DOCS


@pytest.mark.parametrize(
    "name", sorted(one for one in vars(names).values() if str(one).startswith(("zipkin.", "otel.zipkin.")))
)
def test_zipkins_attributes_are_documented(name: str) -> None:
    """The same of Zipkin's."""
    assert f"`{name}`" in DOCS


def test_reasons_are_documented() -> None:
    """Whoever counts refused spans can look up why."""
    root = Path(spanloom_dialects.__file__).parent
    sources = "".join(path.read_text() for path in root.rglob("*.py"))
    reasons = set(re.findall(r'(?:Refused|InvalidSpanError)\(\s*"([^"$]+)"', sources))
    reasons |= set(re.findall(r'_(?:TRACE|SPAN|PARENT)_ID: Final = "([^"]+)"', sources))
    assert len(reasons) > 10
    assert not {reason for reason in reasons if f"`{reason}`" not in DOCS}
