"""The page on propagation does what it says."""

import re
from pathlib import Path
from typing import Final

from spanloom_instrumentation.propagation.headers import LONGEST
from spanloom_instrumentation.propagation.jaeger import MOST_CHARACTERS, MOST_ITEMS
from spanloom_instrumentation.propagation.named import composed
from tests.instrumentation.doubles import AgentDouble, run_program
from tests.instrumentation.propagation.services import Service

PAGE: Final = (Path(__file__).parents[3] / "docs" / "propagation.md").read_text()


def test_example_runs(agent: AgentDouble) -> None:
    """Whoever copies it has a service that writes these headers."""
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    say = "from opentelemetry import propagate\nprint(sorted(propagate.get_global_textmap().fields))"
    run = run_program(f"{example}\n{say}", agent)
    assert run.stdout == "['b3', 'baggage', 'traceparent', 'tracestate']\n"
    assert run.stderr == ""


def test_headers_are_listed() -> None:
    """The table has the true headers of each name."""
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE, re.MULTILINE)
    assert [name for name, _ in rows] == ["tracecontext", "baggage", "b3", "b3multi", "jaeger", "none"]
    for name, headers in rows:
        assert composed(name).fields == set(re.findall(r"`([\w-]+)`", headers))


def test_limits_are_told() -> None:
    """The page tells the true ones."""
    assert f"beyond {LONGEST:,} characters" in PAGE
    assert f"after {MOST_ITEMS} items or {MOST_CHARACTERS:,} characters" in PAGE


def test_debug_marks_are_written_as_told() -> None:
    """What a proxy would have to look for is what is sent."""
    sent = Service("b3,b3multi,jaeger").asked({"b3": "d"})
    assert sent["b3"].endswith("-d")
    assert (sent["x-b3-flags"], sent["uber-trace-id"][-2:]) == ("1", ":3")
