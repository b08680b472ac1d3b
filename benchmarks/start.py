"""How long `spanloom run` takes to come up and to end, beside what a person should have to wait.

python -m benchmarks.start [ROUNDS]
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMAND = Path(sys.executable).parent / "spanloom"
LIMITS_S = {"start": 3.0, "end": 5.0}
ANY_PORT = {
    f"SPANLOOM_{name}_LISTEN": "127.0.0.1:0"
    for name in (
        "AGENT_UDP",
        "AGENT_JAEGER_COMPACT",
        "AGENT_JAEGER_BINARY",
        "AGENT_HTTP",
        "COLLECTOR_GRPC",
        "COLLECTOR_HTTP",
        "QUERY",
    )
}


def start_and_end(data: str) -> dict[str, float]:
    """Seconds until the summary is printed, and from Ctrl-C to the end of the process."""
    began = time.monotonic()
    process = subprocess.Popen(  # noqa: S603  # our own command
        [COMMAND, "run", "--demo", "--data", data],
        env={**os.environ, **ANY_PORT, "SPANLOOM_AGENT_SPOOL_DIR": f"{data}/agent-spool"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None  # noqa: S101  # it was asked for
    while "Ctrl-C" not in process.stderr.readline():
        if process.poll() is not None:
            sys.exit("spanloom did not start")
    started = time.monotonic()
    time.sleep(5)  # the shop opens
    interrupted = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate()
    return {"start": started - began, "end": time.monotonic() - interrupted}


def main() -> None:
    """Print a table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as data:
        start_and_end(data)  # the first one compiles what is not compiled yet
        found = [start_and_end(data) for _ in range(rounds)]
    for name, limit_s in LIMITS_S.items():
        seconds = statistics.median(one[name] for one in found)
        print(f"{name:6} median {seconds:5.2f} s   {seconds / limit_s:4.2f} x the limit of {limit_s:g} s")


if __name__ == "__main__":
    main()
