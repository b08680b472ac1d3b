"""Programs as `spanloom trace` starts them."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.instrumentation.doubles import AgentDouble

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
        stdout=subprocess.PIPE,
        text=True,
        **settings,
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
        timeout=60,
        check=False,
        **settings,
    )
