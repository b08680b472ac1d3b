"""Programs as `spanloom trace` starts them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx

from tests.instrumentation.doubles import AgentDouble
from tests.processes import free_port

APPS: Final = Path(__file__).parent / "apps"
TRACE: Final = [sys.executable, "-m", "spanloom_instrumentation"]


def environment(agent: AgentDouble, **more: str) -> dict[str, str]:
    """That of a person whose virtual environment is active."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "SPANLOOM_AGENT": agent.address, "OTEL_SERVICE_NAME": "shop", **more}


def started(
    command: Sequence[str | Path], agent: AgentDouble, *, env: dict[str, str] | None = None, **settings: Any
) -> subprocess.Popen[str]:
    """A traced program that runs on."""
    return subprocess.Popen(
        [*TRACE, *command],
        env=environment(agent, **(env or {})),
        text=True,
        **{"stdout": subprocess.PIPE, **settings},
    )


def ran(
    command: Sequence[str | Path], agent: AgentDouble, *, traced: bool = True, **settings: Any
) -> subprocess.CompletedProcess[str]:
    """A program that has ended."""
    env = environment(agent, **settings.pop("env", {}))
    return subprocess.run(
        [*(TRACE if traced else ()), *command],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        **{"timeout": 60, **settings},
    )


class Server:
    """One server, until it is told to end."""

    def __init__(self, command: Sequence[str], agent: AgentDouble, folder: Path, **variables: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/work"
        where = ["--bind", f"127.0.0.1:{port}"] if command[0] == "gunicorn" else ["--port", str(port)]
        self.process = started(
            [command[0], *where, *command[1:]], agent, env=variables, cwd=folder, stderr=subprocess.PIPE
        )
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
