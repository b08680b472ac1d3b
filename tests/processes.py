"""Spanloom as users run it: the installed command, in processes of its own, on free ports."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

COMMAND = str(Path(sys.executable).parent / "spanloom")
START_S = 30.0


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that nobody has now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Ports:
    """Where the parts of one Spanloom listen."""

    udp: str = field(default_factory=lambda: f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}")
    compact: str = field(default_factory=lambda: f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}")
    binary: str = field(default_factory=lambda: f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}")
    agent: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    grpc: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    http: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    jaeger_grpc: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    jaeger_http: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    zipkin: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    pages: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")

    def environment(self) -> dict[str, str]:
        """The settings that say so."""
        return {
            "SPANLOOM_AGENT_UDP_LISTEN": self.udp,
            "SPANLOOM_AGENT_JAEGER_COMPACT_LISTEN": self.compact,
            "SPANLOOM_AGENT_JAEGER_BINARY_LISTEN": self.binary,
            "SPANLOOM_AGENT_HTTP_LISTEN": self.agent,
            "SPANLOOM_AGENT_COLLECTOR": f"http://{self.http}",
            "SPANLOOM_COLLECTOR_GRPC_LISTEN": self.grpc,
            "SPANLOOM_COLLECTOR_HTTP_LISTEN": self.http,
            "SPANLOOM_COLLECTOR_JAEGER_GRPC_LISTEN": self.jaeger_grpc,
            "SPANLOOM_COLLECTOR_JAEGER_HTTP_LISTEN": self.jaeger_http,
            "SPANLOOM_COLLECTOR_ZIPKIN_LISTEN": self.zipkin,
            "SPANLOOM_QUERY_LISTEN": self.pages,
            "SPANLOOM_DEMO_AGENT": self.udp,
            "SPANLOOM_DEMO_PORT": str(free_port()),
        }


@dataclass
class Running:
    """One process, once it has said that it runs."""

    process: subprocess.Popen[str]
    ports: Ports
    said: str

    @property
    def url(self) -> str:
        """The pages and the API."""
        return f"http://{self.ports.pages}"

    def stop(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """End it as Ctrl-C does; (exit code, what it said since it ran)."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=20)
        return self.process.returncode, said.strip()

    def wait_for_traces(self, count: int = 1, **parameters: str | int) -> list[dict[str, object]]:
        """The traces that the API finds, once there are so many; fails after twenty seconds."""
        deadline = time.monotonic() + 20
        while True:
            answer = httpx.get(f"{self.url}/api/v1/traces", params={"limit": 1000, **parameters})
            found: list[dict[str, object]] = answer.json()["traces"]
            if len(found) >= count:
                return found
            assert time.monotonic() < deadline, f"only {len(found)} of {count} traces came"
            time.sleep(0.05)


class Spanloom:
    """Starts commands on one data directory and one set of ports."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.ports = Ports()
        self._processes: list[subprocess.Popen[str]] = []

    def start(self, command: str, *flags: str) -> Running:
        """Start a command and return when it has printed its summary."""
        process = self._popen(command, *flags)
        said = ""
        deadline = time.monotonic() + START_S
        assert process.stderr is not None
        while "Ctrl-C" not in said:
            line = process.stderr.readline()
            assert line, f"`spanloom {command}` ended: {said}"
            assert time.monotonic() < deadline, f"`spanloom {command}` does not come up: {said}"
            said += line
        return Running(process, self.ports, said)

    def fail(self, command: str, *flags: str) -> tuple[int, str]:
        """Run a command that is to fail; (exit code, what it said)."""
        process = self._popen(command, *flags)
        _, said = process.communicate(timeout=START_S)
        return process.returncode, said

    def kill_all(self) -> None:
        """End whatever still runs."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
            elif process.stderr is not None:
                process.stderr.close()

    def _popen(self, command: str, *flags: str) -> subprocess.Popen[str]:
        spool = {} if command == "run" else {"SPANLOOM_AGENT_SPOOL_DIR": f"{self.data}-agent-spool"}
        process = subprocess.Popen(
            [COMMAND, command, *flags],
            env={
                **os.environ,
                **self.ports.environment(),
                "SPANLOOM_DATA": str(self.data),
                **spool,
            },
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        return process
