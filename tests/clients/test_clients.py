"""Real clients of other makers, in environments of their own, against `spanloom run`."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.processes import Running, Spanloom

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What sends, and by which door."""

    program: str
    chosen: str
    """The exporter or the encoding."""
    port: str
    environment: str = ""
    """The folder below .venv-clients; our own where it is empty, Node.js for programs in its language."""
    tells_kinds: bool = True

    @property
    def name(self) -> str:
        """A service, and what a report calls it."""
        what = f"{Path(self.program).stem} {self.chosen}{' js' * self.is_js}"
        return what.replace("_", "-").replace(" ", "-").lower()

    @property
    def is_js(self) -> bool:
        """Whether it runs in Node.js."""
        return self.program.endswith(".js")

    def command(self) -> list[str]:
        """The interpreter and the program."""
        if self.is_js:
            return [str(ROOT / "scripts" / "npm"), "run", "--silent", Path(self.program).stem, "--"]
        if not self.environment:
            return [sys.executable, str(HERE / self.program)]
        python = ROOT / ".venv-clients" / self.environment / "bin" / "python"
        return [str(python), str(HERE / self.program)]


OTEL: Final = "opentelemetry_client.py"
OTEL_JS: Final = "opentelemetry_client.js"
CLIENTS: Final = [
    Client(program=OTEL, chosen="otlp-grpc", port="grpc"),
    Client(program=OTEL, chosen="otlp-grpc gzip", port="grpc"),
    *(Client(program=OTEL, chosen=f"otlp-http {name}", port="http") for name in ("none", "gzip", "deflate")),
    Client(program=OTEL, chosen="otlp-json", port="http", environment="zipkin"),
    Client(program=OTEL, chosen="jaeger-thrift", port="jaeger_http", environment="jaeger"),
    Client(program=OTEL, chosen="jaeger-udp", port="compact", environment="jaeger"),
    Client(program="opentracing_client.py", chosen="compact", port="compact", environment="jaeger"),
    Client(program=OTEL, chosen="jaeger-grpc", port="jaeger_grpc", environment="jaeger"),
    # Version 1 would tell kinds by annotations, which this exporter does not write.
    Client(program=OTEL, chosen="zipkin-json v1", port="zipkin", environment="zipkin", tells_kinds=False),
    Client(program=OTEL, chosen="zipkin-json v2", port="zipkin", environment="zipkin"),
    Client(program=OTEL, chosen="zipkin-proto", port="zipkin", environment="zipkin"),
    *(
        Client(program="py_zipkin_client.py", chosen=encoding, port="zipkin", environment="zipkin")
        for encoding in ("V1_JSON", "V2_JSON", "V2_PROTO3")
    ),
    Client(program=OTEL_JS, chosen="otlp-json", port="http"),
    Client(program=OTEL_JS, chosen="otlp-proto", port="http"),
    Client(program=OTEL_JS, chosen="otlp-grpc", port="grpc"),
    Client(program=OTEL_JS, chosen="zipkin", port="zipkin"),
    Client(program=OTEL_JS, chosen="jaeger", port="jaeger_http"),
    Client(program="zipkin_client.js", chosen="JSON_V1", port="zipkin"),
    Client(program="zipkin_client.js", chosen="JSON_V2", port="zipkin"),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One Spanloom for all clients; each is a service of its own."""
    spanloom = Spanloom(tmp_path_factory.mktemp("store"))
    yield spanloom.start("run")
    spanloom.kill_all()


def spans_of(running: Running, service: str) -> dict[str, dict[str, Any]]:
    """The spans of the one trace of a service, by name."""
    (summary,) = running.wait_for_traces(service=service)
    trace = httpx.get(f"{running.url}/api/v1/traces/{summary['trace_id']}/tree").json()
    return {span["name"]: span for span in trace["spans"]}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_spans_of_a_client_are_found(running: Running, client: Client) -> None:
    """The client is content, and what it has said is there: the tree, the texts, the error."""
    where = getattr(running.ports, client.port)
    program = subprocess.run(
        [*client.command(), client.chosen, where, client.name],
        env={**os.environ, "NPM_IN": "tests/clients/js"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert program.returncode == 0, program.stdout + program.stderr
    spans = spans_of(running, client.name)
    parent, child = spans["get /cart"], spans["select"]
    assert child["parent_id"] == parent["span_id"]
    told = ("server", "client") if client.tells_kinds else ("unspecified", "unspecified")
    assert (parent["kind"], child["kind"]) == told
    attributes = {pair["key"]: pair["value"] for pair in parent["attributes"]}
    assert attributes["http.route"] == "/cart"
    assert float(attributes["items"]) == 3, "Zipkin has text only, some clients in JavaScript only doubles"
    assert attributes["greeting"] == "grüße"
    assert any("cache miss" in event["name"] for event in parent["events"])
    assert child["status"] == "error"
    assert "no connection" in str(child)
