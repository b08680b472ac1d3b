"""Real web servers with several workers, started without code: each span arrives once, whoever ends them."""

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_model.datagram import Datagram
from tests.instrumentation.auto.started import APPS, Server
from tests.instrumentation.doubles import AgentDouble, attributes, spans

GUNICORN: Final = ["gunicorn", "--workers", "3"]
SERVERS: Final[dict[str, list[str]]] = {
    "gunicorn": [*GUNICORN, "wsgi:app"],
    "gunicorn-threads": [*GUNICORN, "--threads", "4", "wsgi:app"],
    "gunicorn-preload": [*GUNICORN, "--preload", "wsgi:app"],
    "gunicorn-gevent": [*GUNICORN, "--worker-class", "gevent", "wsgi:app"],
    "gunicorn-asgi": [*GUNICORN, "--worker-class", "asgi", "asgi:app"],
    "gunicorn-uvicorn": [*GUNICORN, "--worker-class", "uvicorn.workers.UvicornWorker", "asgi:app"],
    "uvicorn": ["uvicorn", "asgi:app"],
    "uvicorn-workers": ["uvicorn", "--workers", "3", "asgi:app"],
    "uvicorn-reload": ["uvicorn", "--reload", "asgi:app"],
}
REQUESTS: Final = 60


def by_process(datagrams: Sequence[Datagram]) -> dict[Any, set[Any]]:
    """The ids that each process gave itself."""
    found = defaultdict(set)
    for one in datagrams:
        told = attributes(ExportTraceServiceRequest.FromString(one.payload).resource_spans[0].resource)
        found[told["process.pid"]].add((told["service.instance.id"], one.sender))
    return found


def check(server: Server, datagrams: Sequence[Datagram]) -> None:
    """Exactly what was made has come, from those who made it."""
    made = [span for answer in server.made for span in answer["spans"]]
    came = Counter(span.span_id.hex() for span in spans(datagrams))
    assert len(came) == came.total(), "a span came twice"
    assert set(made) <= set(came), "a span is lost"
    named = Counter(span.name for span in spans(datagrams))
    assert named["work"] == named["GET /work"] == len(server.made)
    assert {one.service for one in datagrams} == {"shop"}
    processes = by_process(datagrams)
    assert set(processes) == {answer["pid"] for answer in server.made}
    assert all(len(names) == 1 for names in processes.values())
    assert len({names.pop() for names in processes.values()}) == len(processes)
    trace_ids = {span.trace_id for span in spans(datagrams)}
    assert len(trace_ids) == len(server.made)


@pytest.mark.parametrize("name", SERVERS)
def test_stopped_server_has_sent_each_span_once(
    name: str, agent: AgentDouble, servers: list[Server], tmp_path: Path
) -> None:
    """A deployment stops the server right after its last answer; nothing is lost, nothing is there twice."""
    for app in APPS.glob("*.py"):
        (tmp_path / app.name).write_text(app.read_text())
    servers.append(server := Server(SERVERS[name], agent, tmp_path))
    server.wait()
    server.ask(REQUESTS)
    if name == "uvicorn-reload":
        (tmp_path / "asgi.py").write_text((tmp_path / "asgi.py").read_text() + "\n")
        deadline = time.monotonic() + 30
        while len({answer["pid"] for answer in server.made}) < 2:
            assert time.monotonic() < deadline
            server.wait()
    said = server.end()
    check(server, agent.received(quiet_s=0.5))
    assert "Traceback" not in said
