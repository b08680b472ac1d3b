"""Spans over the standard exporters, into our own collector's doors."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from spanloom_allinone.serving import serving
from spanloom_collector.collector import running_collector
from spanloom_collector.settings import CollectorSettings
from tests.collector.inside import SHUT, Store
from tests.instrumentation.auto.started import APPS, Server, ran
from tests.instrumentation.doubles import AgentDouble, names

PROGRAM: Final = """
from opentelemetry import trace
with trace.get_tracer("shop").start_as_current_span("made"):
    pass
"""


@dataclass
class Doors:
    """A collector that listens for OTLP both ways."""

    store: Store
    grpc: str
    http: str

    def variables(self, protocol: str) -> dict[str, str]:
        """What operations set."""
        told = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
        address = self.grpc if protocol == "grpc" else self.http
        return told | {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{address}"}


@asynccontextmanager
async def doors() -> AsyncIterator[Doors]:
    """In this process, on ports of their own."""
    store = Store()
    settings = {**SHUT, "grpc_listen": "127.0.0.1:0", "http_listen": "127.0.0.1:0"}
    async with (
        running_collector(CollectorSettings(**settings), store) as collector,
        serving(collector.http_doors["http_listen"].app, "127.0.0.1:0") as http,
    ):
        yield Doors(store, collector.grpc_addresses["grpc_listen"], http)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program that makes one span."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


@pytest.mark.parametrize("protocol", ["", "http/protobuf", "grpc"])
async def test_otlp_goes_to_a_collector(protocol: str, agent: AgentDouble, program: Path) -> None:
    """By OpenTelemetry's variables alone; HTTP is the default, and the exporter itself is not traced."""
    async with doors() as collector:
        run = await asyncio.to_thread(ran, [program], agent, env=collector.variables(protocol))
        assert run.stderr == ""
        (span,) = collector.store.stored
    assert (span.name, span.service) == ("made", "shop")
    assert agent.received() == []


async def test_several_at_once(agent: AgentDouble, program: Path) -> None:
    """A team that moves from one backend to another sends to both, and looks at the terminal besides."""
    async with doors() as collector:
        env = collector.variables("grpc")
        command: list[str | Path] = ["--exporter", "otlp,spanloom,console", program]
        run = await asyncio.to_thread(ran, command, agent, env=env)
        assert [span.name for span in collector.store.stored] == ["made"]
    assert names(agent.received()) == ["made"]
    assert run.stdout.count('"name": "made"') == 1


async def test_configure_says_where(agent: AgentDouble, program: Path) -> None:
    """A program that names its exporter needs no variable for it."""
    program.write_text(
        "import spanloom_instrumentation\nspanloom_instrumentation.configure(exporter='otlp')\n" + PROGRAM
    )
    async with doors() as collector:
        env = collector.variables("http/protobuf") | {"OTEL_TRACES_EXPORTER": "console"}
        run = await asyncio.to_thread(ran, ["python", program], agent, traced=False, env=env)
        assert [span.name for span in collector.store.stored] == ["made"]
    assert (run.stdout, run.stderr) == ("", "")


@pytest.mark.parametrize(
    ("protocol", "options"),
    [
        ("grpc", []),
        ("http/protobuf", []),
        # Not over gRPC, whose library aborts now and then in workers that are forked after its first use.
        ("http/protobuf", ["--preload"]),
    ],
    ids=["grpc", "http", "http, preload which traces"],
)
async def test_workers_export(
    protocol: str, options: list[str], agent: AgentDouble, servers: list[Server], tmp_path: Path
) -> None:
    """Under a server that forks each worker exports by itself; at the end nothing is lost or there twice."""
    text = (APPS / "wsgi.py").read_text()
    before = (
        "trace.get_tracer('shop').start_span('before').end()\ntrace.get_tracer_provider().force_flush()\n"
    )
    (tmp_path / "wsgi.py").write_text(text + before if options else text)
    command = ["gunicorn", "--workers", "2", *options, "wsgi:app"]
    async with doors() as collector:
        servers.append(server := Server(command, agent, tmp_path, **collector.variables(protocol)))
        await asyncio.to_thread(server.wait)
        await asyncio.to_thread(server.ask, 30)
        said = await asyncio.to_thread(server.end)
        stored = Counter(span.span_id for span in collector.store.stored)
        found = Counter(span.name for span in collector.store.stored)
    assert len(stored) == stored.total()
    expected = {"work": len(server.made), "GET /work": len(server.made)}
    assert found == (expected | {"before": 1} if options else expected), said


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "pip install opentelemetry-exporter-otlp-json-http"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "carrier/pigeon"}, "one of http/protobuf, grpc, http/json, not"),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "There is no 'zipkin'"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "10"}, "An exporter cannot be made, and its spans are dropped"),
    ],
    ids=["not installed", "no such protocol", "no such exporter", "queue smaller than a batch"],
)
def test_mistake_is_told_and_costs_nothing_else(
    variables: dict[str, str], says: str, agent: AgentDouble, program: Path
) -> None:
    """The program runs, the other exporters work, and one line says what to do."""
    env = {"OTEL_TRACES_EXPORTER": "otlp,spanloom", **variables}
    run = ran([program], agent, env=env)
    assert run.returncode == 0
    assert says in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert names(agent.received()) == (["made"] if "otlp,spanloom" in env.values() else [])


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_program_does_not_wait_for_a_collector_that_is_away(
    protocol: str, agent: AgentDouble, program: Path
) -> None:
    """The exporter would try again for half a minute; the program ends, and its other exporters have sent."""
    env = {
        "OTEL_TRACES_EXPORTER": "otlp,spanloom",
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "300",
    }
    assert ran([program], agent, env=env, timeout=20).returncode == 0
    assert names(agent.received()) == ["made"]
