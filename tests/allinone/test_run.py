"""`spanloom run` as a person meets it in a terminal."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import spanloom_instrumentation
from tests.processes import COMMAND, Running, Spanloom


def export_spans(running: Running, count: int) -> None:
    """Spans from a program of its own, through the UDP path."""
    program = f"""
import spanloom_instrumentation
from opentelemetry import trace
spanloom_instrumentation.configure(service="cli-test", agent="{running.ports.udp}")
for n in range({count}):
    trace.get_tracer("t").start_span(f"span {{n}}").end()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


def test_summary_says_where_everything_is(running: Running, spanloom: Spanloom) -> None:
    """The first screen tells the page's address, what listens where, where the data lies, what to try."""
    ports = running.ports
    for told in (running.url, ports.udp, ports.grpc, ports.http, ports.agent, str(spanloom.data)):
        assert told in running.said
    for told in (ports.jaeger_grpc, ports.jaeger_http, ports.zipkin):
        assert told in running.said
    assert "spanloom trace --service my-service app.py" in running.said
    assert "\033" not in running.said, "colours are for terminals"
    for address in (ports.pages, ports.agent, ports.http, ports.jaeger_http, ports.zipkin):
        assert httpx.get(f"http://{address}/health").json() == {"status": "ok"}
        assert "# TYPE spanloom_" in httpx.get(f"http://{address}/metrics").text


def test_doors_may_stay_shut(spanloom: Spanloom) -> None:
    """Who has no Jaeger and no Zipkin opens no ports for them."""
    names = ("jaeger-grpc", "jaeger-http", "zipkin")
    flags = [part for name in names for part in (f"--collector-{name}-listen", "")]
    running = spanloom.start("collector", *flags)
    assert ("OTLP" in running.said, "Jaeger" in running.said, "Zipkin" in running.said) == (
        True,
        False,
        False,
    )
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{running.ports.zipkin}/health")
    assert running.stop() == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_end_is_clean_quick_and_silent_and_the_next_start_shows_the_old_traces(
    spanloom: Spanloom, number: signal.Signals
) -> None:
    """Ctrl-C ends everything; nothing is lost by it, also not what came a moment before."""
    first = spanloom.start("run")
    export_spans(first, 25)
    code, said = first.stop(number)
    assert (code, said) == (0, "")
    second = spanloom.start("run")
    assert len(second.wait_for_traces(25, service="cli-test")) == 25


def test_killed_spanloom_has_lost_nothing_that_it_acknowledged(spanloom: Spanloom) -> None:
    """`kill -9` of the whole after an acknowledged export: every span is there after the next start."""
    first = spanloom.start("run")
    body = {
        "resourceSpans": [
            {
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": f"{n:032x}",
                                "spanId": f"{n:016x}",
                                "name": "kept",
                                "startTimeUnixNano": "1",
                            }
                            for n in range(1, 101)
                        ]
                    }
                ]
            }
        ]
    }
    answer = httpx.post(f"http://{first.ports.http}/v1/traces", json=body)
    first.process.kill()
    assert answer.status_code == 200
    first.process.wait()
    second = spanloom.start("run")
    assert len(second.wait_for_traces(100, operation="kept")) == 100


def test_port_in_use_is_one_sentence(running: Running, spanloom: Spanloom, tmp_path: Path) -> None:
    """A second Spanloom says which port is taken, without a traceback."""
    code, said = spanloom.fail("run", "--data", str(tmp_path / "other"))
    assert code == 1
    assert re.fullmatch(r"spanloom: (TCP|UDP) 127\.0\.0\.1:\d+ is in use by another program\n", said)
    assert running.process.poll() is None


@pytest.mark.parametrize("part", ["udp", "grpc", "http", "agent", "pages"])
def test_every_port_in_use_is_told(spanloom: Spanloom, part: str) -> None:
    """Whichever port another program has, the sentence names it."""
    where: str = getattr(spanloom.ports, part)
    kind = socket.SOCK_DGRAM if part == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", int(where.rpartition(":")[2])))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        code, said = spanloom.fail("run")
    assert (code, said.count("\n")) == (1, 1)
    assert f"{where} is in use by another program" in said


def test_data_directory_in_use_is_one_sentence(running: Running, spanloom: Spanloom) -> None:
    """A second Spanloom on the same data says which process has it."""
    code, said = spanloom.fail("collector", "--collector-http-listen", "127.0.0.1:0")
    assert code == 1
    assert said == (
        f"spanloom: the data directory {spanloom.data} is in use by another Spanloom"
        f" (process {running.process.pid})\n"
    )


def test_data_directory_that_cannot_be_written_is_one_sentence(spanloom: Spanloom, tmp_path: Path) -> None:
    """A wrong path is told at once."""
    (tmp_path / "file").touch()
    code, said = spanloom.fail("run", "--data", str(tmp_path / "file" / "data"))
    assert code == 1
    assert re.fullmatch(r"spanloom: the data directory \S+ cannot be written: Not a directory\n", said)


def test_agents_spool_is_in_the_data_directory(running: Running, spanloom: Spanloom) -> None:
    """Two Spanlooms with directories of their own share nothing on the disk."""
    assert (spanloom.data / "agent-spool").is_dir()
    assert running.process.poll() is None


def test_memory_storage_runs_without_a_directory(
    spanloom: Spanloom, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """For a quick look nothing needs to be left on the disk."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    running = spanloom.start("run", "--storage", "memory:")
    export_spans(running, 3)
    running.wait_for_traces(3)
    assert not spanloom.data.exists()
    assert not (tmp_path / "home/.local/share/spanloom").exists()


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--storage", "floppy:"], "no storage backend is called 'floppy'; there are: embedded, memory"),
        (["--agent-linger-s", "nan"], "--agent-linger-s: nan is less than 0, the least"),
        (["--demo-rate", "-1"], "--demo-rate: -1 is less than 0.1, the least"),
        (
            ["--collector-max-request-bytes", "9999999999"],
            "--collector-max-request-bytes: 9999999999 is more than 1073741824, the most",
        ),
        (
            ["--agent-collector", "localhost:4318"],
            "a collector's address is a URL, as in http://127.0.0.1:4318, not 'localhost:4318'",
        ),
        (["--agent-nice", "19"], "nice is for `spanloom agent`; `spanloom run` is more than an agent"),
        (["--agent-linger-s", "soon"], "--agent-linger-s: 'soon' is not of type float"),
        (["--query-listen", "everywhere"], "an address is host:port, as in 127.0.0.1:4318, not 'everywhere'"),
        (
            ["--config", "/nowhere/s.toml"],
            "the settings file /nowhere/s.toml cannot be read: No such file or directory",
        ),
    ],
)
def test_wrong_settings_are_one_sentence(spanloom: Spanloom, flags: list[str], sentence: str) -> None:
    """A typo in a setting is told with its name and its value."""
    assert spanloom.fail("run", *flags) == (1, f"spanloom: {sentence}\n")


def test_misspelt_variable_is_one_sentence(spanloom: Spanloom, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that does not exist is told, wherever it is written."""
    monkeypatch.setenv("SPANLOOM_QUERY_LISTN", "127.0.0.1:1")
    code, said = spanloom.fail("run")
    assert code == 1
    assert said == (
        "spanloom: the environment has SPANLOOM_QUERY_LISTN, which is no setting;"
        " did you mean SPANLOOM_QUERY_LISTEN?\n"
    )


def test_variables_of_applications_are_no_mistake(
    spanloom: Spanloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sets for a whole host what its services are to do can start Spanloom on it all the same."""
    sources = Path(spanloom_instrumentation.__path__[0]).rglob("*.py")
    names = {name for path in sources for name in re.findall(r"\bSPANLOOM_[A-Z_]+", path.read_text())}
    assert {"SPANLOOM_AGENT", "SPANLOOM_ANNOTATION_BYTES"} <= names
    for name in names:
        monkeypatch.setenv(name, "1")
    assert spanloom.fail("run", "--demo-rate", "-1") == (
        1,
        "spanloom: --demo-rate: -1 is less than 0.1, the least\n",
    )


@pytest.mark.parametrize("command", ["", "run", "agent", "collector", "query", "demo"])
def test_help_explains_each_command(command: str) -> None:
    """`--help` lists what there is, with defaults."""
    words = [COMMAND, *([command] if command else []), "--help"]
    said = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True).stdout
    if command:
        assert said.startswith(f"usage: spanloom {command} [")
        assert "--config FILE" in said
        assert "(default: " in said
    else:
        for name in ("run", "agent", "collector", "query", "demo"):
            assert re.search(rf"^  {name} +\S", said, re.MULTILINE)
