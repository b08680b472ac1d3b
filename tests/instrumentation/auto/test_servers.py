"""Real web servers with several workers, started without code: each span arrives once, whoever ends them."""

import signal
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_model.datagram import Datagram
from tests.instrumentation.auto.started import APPS, started
from tests.instrumentation.doubles import AgentDouble, attributes, spans
from tests.processes import free_port

GUNICORN: Final = ["gunicorn", "--workers", "3"]
ASYNC: Final = ["-W", "ignore::DeprecationWarning"]
SERVERS: Final[dict[str, list[str]]] = {
    "gunicorn": [*GUNICORN, "wsgi:app"],
    "gunicorn-threads": [*GUNICORN, "--threads", "4", "wsgi:app"],
    "gunicorn-preload": [*GUNICORN, "--preload", "wsgi:app"],
    "gunicorn-asgi": [*GUNICORN, "--worker-class", "asgi", "asgi:app"],
    "gunicorn-uvicorn": [*GUNICORN, "--worker-class", "uvicorn.workers.UvicornWorker", "asgi:app"],
    "uvicorn": ["uvicorn", "asgi:app"],
    "uvicorn-workers": ["uvicorn", "--workers", "3", "asgi:app"],
    "uvicorn-reload": ["uvicorn", "--reload", "asgi:app"],
}
REQUESTS: Final = 60


class Server:
    """One server, until it is told to end."""

    def __init__(self, command: Sequence[str], agent: AgentDouble, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/work"
        where = ["--bind", f"127.0.0.1:{port}"] if command[0] == "gunicorn" else ["--port", str(port)]
        self.process = started([command[0], *where, *command[1:]], agent, cwd=folder, stderr=subprocess.PIPE)
        self.made: list[dict[str, Any]] = []

    def ask(self, count: int) -> None:
        """Send requests, several at once, and keep what they say was made for them."""
        with ThreadPoolExecutor(6) as pool:
            self.made += pool.map(lambda _: httpx.get(self.url, timeout=20).json(), range(count))

    def wait(self) -> None:
        """Until it answers."""
        deadline = time.monotonic() + 40
        while True:
            assert self.process.poll() is None, self.process.communicate()
            try:
                self.ask(1)
            except httpx.TransportError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            else:
                return

    def end(self, number: signal.Signals = signal.SIGTERM) -> str:
        """What it said until its end."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=30)
        return said


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    """Whatever still runs at the end is killed."""
    found: list[Server] = []
    yield found
    for server in found:
        if server.process.poll() is None:
            server.process.kill()
            server.process.communicate()


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
