"""`python -m benchmarks.overhead` works: services, load, agent, figures, page, plot."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET


def test_page_and_plot_are_written(tmp_path: Path) -> None:
    """Who doubts what the documentation says can measure it again."""
    command = [sys.executable, "-m", "benchmarks.overhead", "--quick", "--docs", str(tmp_path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    assert re.search(r"^[1-9][\d,]* spans received, [\d,]+ spans lost, 0 spans dropped$", said, re.MULTILINE)
    page = (tmp_path / "overhead.md").read_text()
    for tracer in ("Spanloom", "opentelemetry-sdk"):
        assert re.search(rf"^\| {tracer} \| 1/1 (\| [+−][\d.]+ ± [\d.]+ ){{6}}\|$", page, re.MULTILINE)
    ET.fromstring((tmp_path / "images" / "overhead.svg").read_text())  # noqa: S314  # our own
