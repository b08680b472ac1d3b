"""The page about overhead is what was measured."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.overhead.changes import Estimate, change_percent


def test_change_is_that_within_each_round() -> None:
    """A machine that was slow for one round does not make the traced service look slow."""
    untraced = [{"cpu": 1.0}, {"cpu": 2.0}, {"cpu": 4.0}]
    traced = [{"cpu": 1.1}, {"cpu": 2.2}, {"cpu": 4.4}]
    change = change_percent(traced, untraced, "cpu")
    assert change.mean == pytest.approx(10)
    assert change.error == pytest.approx(0, abs=1e-9)


def test_error_is_students() -> None:
    """With few rounds little is sure: with three, 4.3 standard errors to each side."""
    change = Estimate.of([1.0, 2.0, 3.0])
    assert change.mean == 2
    assert change.error == pytest.approx(4.30 / 3**0.5)


def test_page_and_plot_are_written(tmp_path: Path) -> None:
    """The whole thing works: services, load, agent, figures, page, plot."""
    command = [sys.executable, "-m", "benchmarks.overhead", "--quick", "--docs", str(tmp_path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    assert re.search(r"^[1-9][\d,]* spans received, [\d,]+ spans lost, 0 spans dropped$", said, re.MULTILINE)
    page = (tmp_path / "overhead.md").read_text()
    for tracer in ("Spanloom", "opentelemetry-sdk"):
        assert re.search(rf"^\| {tracer} \| 1/1 (\| [+−][\d.]+ ± [\d.]+ ){{6}}\|$", page, re.MULTILINE)
    ET.fromstring((tmp_path / "images" / "overhead.svg").read_text())  # noqa: S314  # our own
