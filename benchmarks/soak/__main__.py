"""An application at full load whose agent is stopped, ended, killed: latency stays, the counters add up.

python -m benchmarks.soak [--rounds 2] [--spans-a-second 12000] [--json FILE]

A round takes half a minute: the agent runs, is stopped (SIGSTOP) and goes on, is ended (SIGTERM) and
started again, is killed (SIGKILL) and started again. Operations of the application are told apart by what
the agent did when they began. At last what the application has made is compared with what the last agent
knows: not a span may be missing.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks import measure
from benchmarks.soak.account import Account, account, settled
from tests.processes import Running, Spanloom

RUNS, STOPPED, GONE, STARTS = "runs", "is stopped", "is gone", "starts"
FOR_S: Final = 4.0


@dataclass
class Soak:
    """One agent after the other, and what each knew at last."""

    spanloom: Spanloom
    began: list[tuple[float, str]] = field(default_factory=list)
    """(when, what the agent does from then on)."""
    accounts: list[tuple[str, Account]] = field(default_factory=list)

    def phase(self, name: str) -> None:
        """From now on it is like this, for a while."""
        self.began.append((time.monotonic(), name))
        if name != STARTS:
            time.sleep(FOR_S)

    def start(self) -> Running:
        """The next agent."""
        self.phase(STARTS)
        running = self.spanloom.start("agent")
        self.phase(RUNS)
        return running

    def end(self, agent: Running, how: signal.Signals) -> None:
        """The end of an agent."""
        self.accounts.append((f"until {how.name}", account(self.spanloom.ports)))
        agent.process.send_signal(how)
        agent.process.wait()
        self.phase(GONE)

    def round(self, agent: Running) -> Running:
        """All that can happen to an agent; returns the one that runs then."""
        agent.process.send_signal(signal.SIGSTOP)
        self.phase(STOPPED)
        agent.process.send_signal(signal.SIGCONT)
        self.phase(RUNS)
        for how in (signal.SIGTERM, signal.SIGKILL):
            self.end(agent, how)
            agent = self.start()
        return agent


def latencies(times: Path, began: Sequence[tuple[float, str]]) -> Iterator[dict[str, object]]:
    """Of operations and spans, by what the agent did when they began."""
    numbers = array("d")
    numbers.frombytes(times.read_bytes())
    whole: defaultdict[str, list[float]] = defaultdict(list)
    alone: defaultdict[str, list[float]] = defaultdict(list)
    changes = list(reversed(began))
    for began_s, whole_s, alone_s in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True):
        name = next((name for since_s, name in changes if began_s >= since_s), STARTS)
        whole[name].append(whole_s * 1e6)
        alone[name].append(alone_s * 1e6)
    for name in (RUNS, STOPPED, GONE, STARTS):
        row: dict[str, object] = {"the agent": name, "operations": len(whole[name])}
        for what, found in (("operation", sorted(whole[name])), ("span", sorted(alone[name]))):
            for part in (0.5, 0.99, 0.999):
                row[f"{what} p{part * 100:g} µs"] = measure.quantile(found, part)
        yield row


def main() -> None:
    """Soak, and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--spans-a-second", type=float, default=12_000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        times = Path(directory) / "times"
        soak = Soak(Spanloom(Path(directory) / "data"))
        ports = soak.spanloom.ports
        try:
            agent = soak.spanloom.start("agent")
            command = [sys.executable, "-m", "benchmarks.soak.program", ports.udp, "--times", str(times)]
            command += ["--spans-a-second", str(options.spans_a_second)]
            command += ["--seconds", str(FOR_S + options.rounds * 7 * FOR_S)]
            program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  # ours
            soak.phase(RUNS)
            for _ in range(options.rounds):
                agent = soak.round(agent)
            made = json.loads(program.communicate()[0])
            soak.accounts.append(("at last", settled(ports, made["made"])))
        finally:
            soak.spanloom.kill_all()
        rows = list(latencies(times, soak.began))
    measure.report(rows, to=options.json)
    for name, known in soak.accounts:
        print(f"agent, {name:14} {known}")
    print(f"application: {made}")
    print(f"unaccounted for: {made['made'] - soak.accounts[-1][1].all}")


if __name__ == "__main__":
    main()
