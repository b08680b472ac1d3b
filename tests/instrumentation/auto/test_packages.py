"""Instrumentation packages as they are published, on our provider: the trees that a person sees."""

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.instrumentation.auto.started import APPS, Server, ran, started
from tests.instrumentation.auto.trees import trees
from tests.instrumentation.doubles import AgentDouble, spans

SHOPPER = "shopper INTERNAL shop\n"

FASTAPI = """\
  shopper CLIENT GET
    shop SERVER GET /orders/{number}
      shop CLIENT connect
        shop CLIENT PRAGMA
      shop CLIENT SELECT
      shop CLIENT SELECT
      shop INTERNAL GET /orders/{number} http send
      shop INTERNAL GET /orders/{number} http send
"""

FLASK = """\
  shopper CLIENT GET
    shop SERVER GET /orders/<int:number>
      shop CLIENT SELECT
"""

SENDER = "sender INTERNAL send\n"

CELERY = """\
  sender PRODUCER apply_async/tasks.pay
    shop CONSUMER run/tasks.pay
      shop CLIENT SELECT
"""


@pytest.mark.parametrize(
    ("command", "request_tree"),
    [(["uvicorn", "asgi:app"], FASTAPI), (["gunicorn", "--workers", "2", "wsgi:app"], FLASK)],
    ids=["fastapi, sqlalchemy", "flask, sqlite3"],
)
def test_request_is_seen_from_client_to_database(
    command: list[str], request_tree: str, agent: AgentDouble, servers: list[Server]
) -> None:
    """Httpx and requests in one process, a web framework and a database in another: one tree."""
    servers.append(server := Server(command, agent, APPS))
    server.wait()
    agent.received()
    url = server.url.replace("/work", "/orders/7")
    run = ran(["--service", "shopper", APPS / "shopper.py", url], agent)
    assert run.returncode == 0, run.stderr
    server.end()
    assert trees(agent.received()) == SHOPPER + 2 * request_tree


def test_logs_tell_their_trace(agent: AgentDouble, servers: list[Server]) -> None:
    """From a line of a log one gets to its trace."""
    servers.append(server := Server(["uvicorn", "asgi:app"], agent, APPS))
    server.wait()
    agent.received()
    log = {"OTEL_PYTHON_LOG_CORRELATION": "true"}
    run = ran(["--service", "shopper", APPS / "shopper.py", server.url], agent, env=log)
    (root,) = (span for span in spans(agent.received()) if span.name == "shop")
    (line,) = (line for line in run.stderr.splitlines() if line.endswith("done"))
    told = dict(re.findall(r"([\w.]+)=([^\s\]]+)", line))
    assert told["trace_id"] == root.trace_id.hex()
    assert told["span_id"] == root.span_id.hex()
    assert told["resource.service.name"] == "shopper"
    assert told["trace_sampled"] == "True"


def test_task_is_seen_from_sender_to_worker(agent: AgentDouble, tmp_path: Path) -> None:
    """A queue between them, a worker's forked child that does it: one tree; nothing is lost at its end."""
    env = {"QUEUE_FOLDER": str(tmp_path)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": APPS}
    worker = started(["celery", "-A", "tasks", "worker", "--concurrency", "2"], agent, env=env, **quiet)
    try:
        sender = tmp_path / "sender.py"
        sender.write_text(
            "import tasks\nfrom opentelemetry import trace\n"
            "with trace.get_tracer('sender').start_as_current_span('send'):\n"
            "    for number in range(4): tasks.pay.delay(number)\n"
        )
        run = ran(["--service", "sender", sender], agent, env={**env, "PYTHONPATH": str(APPS)})
        assert run.returncode == 0, run.stderr
        deadline = time.monotonic() + 40
        while len(list(tmp_path.glob("paid-*"))) < 4:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=30) == 0
    finally:
        worker.kill()
        worker.wait()
    assert trees(agent.received()) == SENDER + 4 * CELERY
