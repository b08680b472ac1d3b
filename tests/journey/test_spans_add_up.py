"""The agent is stopped, ended, killed under load: made = earlier + received + lost + dropped, to the span."""

import json
import signal
import subprocess
import sys
import time

import pytest

from benchmarks.soak.account import Account, account, settled
from tests.processes import Running, Spanloom

SMALL_BUFFER = "--agent-receive-buffer-bytes=65536"
"""What is sent to an agent that does not read is lost soon."""


def made_meanwhile(spanloom: Spanloom) -> "subprocess.Popen[str]":
    """Threads and an event loop that make thousands of spans a second."""
    command = [sys.executable, "-m", "benchmarks.soak.program", spanloom.ports.udp]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def until_more_received(spanloom: Spanloom) -> None:
    """The agent takes spans."""
    deadline = time.monotonic() + 20
    before = account(spanloom.ports).received
    while account(spanloom.ports).received < before + 1000:
        assert time.monotonic() < deadline, "no span has come"
        time.sleep(0.05)


def all_accounted_for(program: "subprocess.Popen[str]", spanloom: Spanloom) -> Account:
    """What the agent knows once the program has ended; fails where that is not what it has made."""
    program.terminate()
    said, _ = program.communicate(timeout=60)
    made = json.loads(said)
    assert made["sent"] + made["dropped"] == made["made"]
    known = settled(spanloom.ports, made["made"])
    assert known.all == made["made"], (known, made)
    return known


def test_agent_that_is_stopped_counts_what_it_missed(spanloom: Spanloom) -> None:
    """A host that is out of breath for a second says afterwards how many spans that has cost."""
    agent = spanloom.start("agent", SMALL_BUFFER)
    program = made_meanwhile(spanloom)
    until_more_received(spanloom)
    agent.process.send_signal(signal.SIGSTOP)
    time.sleep(1)
    agent.process.send_signal(signal.SIGCONT)
    until_more_received(spanloom)
    known = all_accounted_for(program, spanloom)
    assert known.lost > 0
    assert known.earlier == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_next_agent_knows_what_came_before_it(spanloom: Spanloom, how: signal.Signals) -> None:
    """However an agent ends, the next one tells how many spans were sent before it was there."""
    agent: Running = spanloom.start("agent")
    program = made_meanwhile(spanloom)
    until_more_received(spanloom)
    before = account(spanloom.ports)
    agent.process.send_signal(how)
    agent.process.wait()
    spanloom.start("agent")
    until_more_received(spanloom)
    known = all_accounted_for(program, spanloom)
    assert known.earlier >= before.all > 0
    assert known.received > 0
