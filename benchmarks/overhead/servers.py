"""The service under measurement, each time in a fresh process, and everything that it talks to."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.processes import Ports, Spanloom, free_port

START_S: Final = 20.0

SETTINGS: Final = {
    "OTEL_SERVICE_NAME": "orders",
    "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",  # today's names; both tracers get the same attributes
    "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
    "OTEL_BSP_SCHEDULE_DELAY": "200",  # ours; by the SDK's, 5 s, much would be sent after it was measured
}


@dataclass(frozen=True, slots=True)
class Setting:
    """How a service is traced."""

    tracer: str
    """One of `service.TRACERS`, or untraced."""
    one_in: int = 0
    """Of so many traces one is sampled; 0 where nobody samples."""

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.tracer} 1/{self.one_in}" if self.one_in else self.tracer


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where: the service alone, all others beside it."""

    service: frozenset[int]
    others: frozenset[int]

    @classmethod
    def here(cls) -> "Cores":
        """Two cores, where there are two."""
        cores = sorted(os.sched_getaffinity(0))
        return cls(frozenset(cores[:1]), frozenset(cores[1:] or cores))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the service finds what it needs."""

    stock: str
    agent: Ports
    collector: str

    def environment(self, setting: Setting) -> Mapping[str, str]:
        """What the service is told."""
        return {
            **SETTINGS,
            "OTEL_TRACES_SAMPLER_ARG": str(1 / setting.one_in if setting.one_in else 0),
            "SPANLOOM_AGENT": self.agent.udp,
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{self.collector}/v1/traces",
        }


@contextlib.contextmanager
def surroundings(directory: Path) -> Iterator[Surroundings]:
    """A service that knows the stock, a real agent, and a collector that keeps nothing."""
    spanloom = Spanloom(directory / "data")
    stock_port, collector_port = free_port(), int(spanloom.ports.http.rpartition(":")[2])
    with (
        process(["-m", "benchmarks.overhead.stock", str(stock_port)], stock_port),
        process(["-m", "benchmarks.sink", str(collector_port)], collector_port),
    ):
        try:
            spanloom.start("agent")
            yield Surroundings(
                f"http://127.0.0.1:{stock_port}", spanloom.ports, f"http://{spanloom.ports.http}"
            )
        finally:
            spanloom.kill_all()


@contextlib.contextmanager
def service(setting: Setting, around: Surroundings, cores: Cores) -> Iterator[tuple[int, int]]:
    """(process id, port) of a service traced like this, on its core."""
    port = free_port()
    command = ["-m", "benchmarks.overhead.service", setting.tracer, str(port), around.stock]
    with process(command, port, environment=around.environment(setting)) as pid:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores.service)
        yield pid, port


@contextlib.contextmanager
def process(
    command: Sequence[str], port: int, *, environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """A Python program of ours, from when it listens until the end of the block."""
    running = subprocess.Popen(  # noqa: S603  # ours
        [sys.executable, *command], env={**os.environ, **(environment or {})}
    )
    try:
        deadline = time.monotonic() + START_S
        while not _listens(port):
            if running.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{' '.join(command)} does not start")
            time.sleep(0.02)
        yield running.pid
    finally:
        running.terminate()
        running.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def cpu_ns(process_id: int) -> int:
    """CPU time of all threads of a process that still run, to the nanosecond."""
    threads = Path(f"/proc/{process_id}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads)
