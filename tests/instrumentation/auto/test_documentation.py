"""docs/zero-code.md says what is true."""

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from tests.instrumentation.auto.started import environment, ran
from tests.instrumentation.doubles import AgentDouble, spans

ROOT: Final = Path(__file__).parents[3]
TEXT: Final = (ROOT / "docs" / "zero-code.md").read_text()
COMMANDS: Final = [
    line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()
]
PROGRAM: Final = """#!/usr/bin/env python
import os, sys
from opentelemetry import trace
trace.get_tracer("shop").start_span(os.path.basename(sys.argv[0])).end()
"""


@pytest.mark.parametrize("command", [one for one in COMMANDS if "--list" not in one])
def test_command_traces(command: str, agent: AgentDouble, tmp_path: Path) -> None:
    """What a person copies from the page runs and is traced under the name that it gives."""
    for name in ("app.py", "gunicorn", "uvicorn", "celery"):
        (tmp_path / name).write_text(PROGRAM)
        (tmp_path / name).chmod(0o755)
    words = shlex.split(command)
    path = f"{tmp_path}:{environment(agent)['PATH']}"
    env = {"PATH": path, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_SAMPLER_ARG": "1"}
    if "--sampler-arg" in words:
        words[words.index("--sampler-arg") + 1] = "1"  # or one in ten would be traced
    run = ran(words, agent, traced=False, env=env, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    (sent,) = agent.received()
    assert sent.service == (words[words.index("--service") + 1] if "--service" in words else "shop")
    (span,) = spans([sent])
    assert span.name in words or span.name == "app.py"


def test_list_tells_what_is_traced(agent: AgentDouble) -> None:
    """One look shows what is traced, what is not and why, and what to install."""
    (command,) = (one for one in COMMANDS if "--list" in one)
    env = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "celery"}
    run = ran(shlex.split(command), agent, traced=False, env=env)
    assert re.search(r"^  flask +by opentelemetry-instrumentation-flask \d", run.stdout, re.MULTILINE)
    assert re.search(r"^  celery +disabled$", run.stdout, re.MULTILINE)
    assert re.search(r"^  grpcio +pip install opentelemetry-instrumentation-grpc$", run.stdout, re.MULTILINE)
    assert "starlette" not in run.stdout, "fastapi's package traces it"


def test_versions_are_those_that_are_tested() -> None:
    """The table is that of the tests' own environment."""
    locked = dict(
        re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements/test.txt").read_text(), re.MULTILINE)
    )
    told = re.findall(r"`([a-z0-9-]+)` (?:\| )?(\d\S+)", TEXT)
    assert len(told) >= 16
    assert {name: locked.get(name) for name, _ in told} == dict(told)
