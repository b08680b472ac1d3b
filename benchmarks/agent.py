"""What a datagram costs an agent, beside what the kernel takes for handing it over at all.

python -m benchmarks.agent [--rates 10000,50000,100000] [--seconds 5] [--bytes 900] [--json FILE]

All CPU of the agent's process counts: receiving, counting, putting together, sending to a collector,
which here takes everything and keeps nothing; at the last rate also writing to the disk while the collector
is away. The reference is a process that receives what it is sent at the same rate and does nothing with it,
one datagram a call. Loss is told by cause, as the agent counts it.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from benchmarks import measure
from tests.processes import Ports, Spanloom

RECEIVE: Final = """
import socket, sys
udp = socket.socket(fileno=int(sys.argv[1]))
room = bytearray(65536)
while True:
    udp.recv_into(room)
"""
BUFFER_BYTES: Final = 8 * 2**20


def sent(port: int, arguments: argparse.Namespace, rate: int) -> int:
    """Send for a while; how many datagrams."""
    command = [sys.executable, "-m", "benchmarks.datagrams", str(port), "--rate", str(rate)]
    command += ["--seconds", str(arguments.seconds), "--bytes", str(arguments.bytes)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603  # ours


def bare(arguments: argparse.Namespace, rate: int) -> float:
    """µs of CPU for each datagram that is received and forgotten."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        receiver = subprocess.Popen(  # noqa: S603  # ours
            [sys.executable, "-c", RECEIVE, str(udp.fileno())], pass_fds=[udp.fileno()]
        )
        try:
            time.sleep(0.3)
            before = measure.cpu_s(receiver.pid)
            count = sent(udp.getsockname()[1], arguments, rate)
            return (measure.cpu_s(receiver.pid) - before) / count * 1e6
        finally:
            receiver.kill()
            receiver.wait()


def figures(ports: Ports) -> dict[str, float]:
    """The agent's figures, those with labels added up."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(httpx.get(f"http://{ports.agent}/metrics").text):
        for sample in family.samples:
            name = sample.name.removeprefix("spanloom_agent_")
            found[name] = found.get(name, 0) + sample.value
    return found


def measured(
    spanloom: Spanloom, process: int, arguments: argparse.Namespace, rate: int, collector: str
) -> dict[str, object]:
    """One rate: what it cost, and what was lost where."""
    ports = spanloom.ports
    before, cpu_before = figures(ports), measure.cpu_s(process)
    count = sent(int(ports.udp.rpartition(":")[2]), arguments, rate)
    time.sleep(1)  # the last request is on its way
    cost = measure.cpu_s(process) - cpu_before
    after = figures(ports)

    def grown(name: str) -> int:
        return int(after.get(name, 0) - before.get(name, 0))

    reference = bare(arguments, rate)
    return {
        "collector": collector,
        "datagrams/s": round(count / arguments.seconds),
        "µs CPU/datagram": cost / count * 1e6,
        "bare recv µs": reference,
        "× of it": cost / count * 1e6 / reference,
        "datagrams/CPU s": round(count / cost),
        "lost in the kernel": grown("datagrams_dropped_by_kernel_total"),
        "by the agent": grown("datagrams_dropped_total"),
        "unaccounted": count - grown("datagrams_total") - grown("datagrams_dropped_by_kernel_total"),
        "spooled MB": (after["spool_bytes"] - before["spool_bytes"]) / 2**20,
        "RSS MB": rss_mb(process),
        "peak MB": measure.peak_mb(process),
    }


def rss_mb(process: int) -> float:
    """What a process has in memory now."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    """A row for each rate."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rates", default="10000,50000,100000")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--bytes", type=int, default=900)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        spanloom = Spanloom(Path(directory) / "data")
        sink = subprocess.Popen(  # noqa: S603  # ours
            [sys.executable, "-m", "benchmarks.sink", spanloom.ports.http.rpartition(":")[2]]
        )
        try:
            process = spanloom.start("agent").process.pid
            rates = [int(rate) for rate in arguments.rates.split(",")]
            rows = [measured(spanloom, process, arguments, rate, "takes all") for rate in rates]
            sink.kill()
            rows.append(measured(spanloom, process, arguments, rates[-1], "is away"))
        finally:
            spanloom.kill_all()
            sink.kill()
            sink.wait()
    measure.report(rows, to=arguments.json)


if __name__ == "__main__":
    main()
