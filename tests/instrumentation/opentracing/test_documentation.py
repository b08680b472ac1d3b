"""The page on OpenTracing does what it says."""

import re
from pathlib import Path
from typing import Final

from tests.instrumentation.doubles import AgentDouble, attributes, run_program, spans

PAGE: Final = (Path(__file__).parents[3] / "docs" / "opentracing.md").read_text()


def test_example_runs(agent: AgentDouble) -> None:
    """Whoever copies it has a service whose spans arrive."""
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    run = run_program(example, agent)
    assert run.stdout == "['baggage', 'traceparent', 'tracestate', 'uber-trace-id', 'uberctx-customer']\n"
    assert run.stderr == ""
    (span,) = spans(agent.received())
    assert (span.name, span.kind) == ("charge card", span.SPAN_KIND_CLIENT)
    assert attributes(span) == {"order.id": "17"}
    assert [event.name for event in span.events] == ["payment declined"]
