"""docs/instrumentation.md is run as it stands there."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from tests.instrumentation.doubles import AgentDouble, attributes, run_program, spans

PAGE: Final = (Path(__file__).parents[2] / "docs" / "instrumentation.md").read_text()
BLOCKS: Final = re.findall(r"^```python ?(\S*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PROGRAMS: Final = {name: text for name, text in BLOCKS if name}
FRAGMENTS: Final = "\n\n".join(text for name, text in BLOCKS if not name)


@pytest.fixture
def server(agent: AgentDouble, tmp_path: Path) -> Iterator[str]:
    """The page's server, as it is started there."""
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "server.py", str(port)]
    environment = {**os.environ, "SPANLOOM_AGENT": agent.address}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def test_three_steps_make_one_trace(server: str, agent: AgentDouble, tmp_path: Path) -> None:
    """Who follows the page sees client and server in one trace, each span below its cause."""
    run = run_program(PROGRAMS["client.py"], agent, arguments=[f"{server}/stock/18"])
    assert run.stdout == "0\n"
    found: dict[tuple[str, int], OtlpSpan] = {}
    while len(found) < 4:
        found |= {(span.name, span.kind): span for span in spans([agent.next()])}
    order, get, served, looked_up = (
        found["order", 1],
        found["GET", 3],
        found["GET /stock/{article}", 2],
        found["look_up", 1],
    )
    assert len({span.trace_id for span in found.values()}) == 1
    assert [get.parent_span_id, served.parent_span_id, looked_up.parent_span_id] == [
        order.span_id,
        get.span_id,
        served.span_id,
    ]
    assert attributes(looked_up) == {"article.id": "18"}
    assert [event.name for event in looked_up.events] == ["article is unknown"]


def test_fragments_do_what_the_page_says(agent: AgentDouble) -> None:
    """Each piece of the page runs after those before it, with our provider."""
    start = "import spanloom_instrumentation\nspanloom_instrumentation.configure(service='guide')\n"
    assert run_program(start + FRAGMENTS, agent).stderr == ""
    sent = list(spans(agent.received()))
    by_id = {span.span_id: span for span in sent}
    above: dict[str, set[str | None]] = {}
    for span in sent:
        parent = by_id[span.parent_span_id].name if span.parent_span_id else None
        above.setdefault(span.name, set()).add(parent)
    assert above["work"] == {"in other threads", "process orders", None}
    assert above["process orders"] == {"send orders", None}
    assert above["decode"] == {"rows of a table"}
    assert above["charge"] == above["rows of a table"] == {None}
    (batch,) = (span for span in sent if span.links)
    assert {by_id[link.span_id].name for link in batch.links} == {"send orders"}
    assert len(batch.links) == 3
    (rows,) = (span for span in sent if span.name == "rows of a table")
    assert attributes(rows) == {"db.collection.name": "orders"}


@pytest.mark.parametrize("provider", ["none", "opentelemetry-sdk"])
def test_fragments_run_with_any_provider(provider: str, agent: AgentDouble) -> None:
    """Code that uses the helpers runs where tracing is off, or is another library's."""
    start = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
"""
    fragments = FRAGMENTS[: FRAGMENTS.index("from spanloom_instrumentation.testing")]
    run = run_program((start if provider != "none" else "") + fragments, agent)
    assert run.stderr == ""
    assert agent.received() == []


def test_all_code_of_the_page_is_run() -> None:
    """No block of another sort hides an example that nobody has tried."""
    assert set(re.findall(r"^```(\w+)", PAGE, re.MULTILINE)) == {"python", "sh"}
    assert set(PROGRAMS) == {"server.py", "client.py"}
