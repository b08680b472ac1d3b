"""Agent and collector are killed and stopped under load: no span is missing from both store and counters."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from spanloom_model import address, datagram
from spanloom_model.datagram import Datagram
from spanloom_model.envelope import seal
from spanloom_model.wire import field
from tests.processes import Running, Spanloom

TRACES = 20
LOST = "spanloom_agent_spans_lost"
DROPPED = "spanloom_agent_spans_dropped_total"


def span(number: int, size: int) -> bytes:
    """One OTLP span of about that size, in one of TRACES traces."""
    trace_id = (1 + number % TRACES).to_bytes(16, "big")
    ids = field(1, trace_id) + field(2, (1 + number).to_bytes(8, "big"))
    start = b"\x39" + (1_700_000_000_000_000_000 + number).to_bytes(8, "little")  # field 7, fixed64
    return ids + field(5, b"of many".ljust(size)) + start


class Sender:
    """A service that sends a span in each datagram."""

    def __init__(self, to: str, size: int) -> None:
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._to = address.split(to)
        self._size = size
        self.sent = 0

    def send(self) -> None:
        """Send the next span."""
        payload = seal([(b"", b"", span(self.sent, self._size))])
        self._udp.sendto(
            datagram.encode(
                Datagram(sender=7, service="shop", sequence=self.sent, span_count=1, payload=payload)
            ),
            self._to,
        )
        self.sent += 1

    @contextmanager
    def load(self, rate: float) -> Iterator[None]:
        """Send so many spans a second meanwhile; the last comes when all others have been taken."""
        ended = threading.Event()

        def run() -> None:
            while not ended.wait(0.01):
                for _ in range(round(rate / 100)):
                    self.send()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            time.sleep(0.5)
            self.send()
            self._udp.close()


def figures(agent: Running) -> dict[str, float]:
    """The agent's figures, those with labels added up."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(httpx.get(f"http://{agent.ports.agent}/metrics").text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0) + sample.value
    return found


def wait_until_delivered(agent: Running) -> dict[str, float]:
    """The agent's figures, once nothing waits in it."""
    deadline = time.monotonic() + 30
    while (found := figures(agent))["spanloom_agent_spool_bytes"]:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def stored(query: Running) -> list[int]:
    """The numbers of the spans that are in the store, as often as they are there."""
    found = []
    for number in range(1, TRACES + 1):
        answer = httpx.get(f"{query.url}/api/v1/traces/{number:032x}/tree", timeout=30)
        if answer.status_code == 200:
            found += [int(row["span_id"], 16) - 1 for row in answer.json()["spans"]]
    return found


def test_killed_collectors_lose_nothing(spanloom: Spanloom) -> None:
    """A collector that dies again and again under load: every span that an agent took is stored."""
    collector = spanloom.start("collector")
    agent = spanloom.start("agent")
    query = spanloom.start("query")
    sender = Sender(agent.ports.udp, 100)
    with sender.load(2000):
        for _ in range(2):
            time.sleep(1)
            collector.process.kill()
            collector.process.communicate()
            time.sleep(1)
            collector = spanloom.start("collector")
    found = wait_until_delivered(agent)
    assert (found.get(LOST), found.get(DROPPED, 0)) == (0, 0)
    assert set(stored(query)) == set(range(sender.sent))


def test_losses_equal_what_the_counters_say(spanloom: Spanloom) -> None:
    """A small buffer, a small disk, and a collector that is away for long: what is gone is counted."""
    agent = spanloom.start(
        "agent", "--agent-receive-buffer-bytes", "65536", "--agent-spool-bytes", str(2**20)
    )
    sender = Sender(agent.ports.udp, 1000)
    with sender.load(2000):
        time.sleep(1.5)  # the spool overflows
        agent.process.send_signal(signal.SIGSTOP)
        time.sleep(0.5)  # the receive buffer overflows
        agent.process.send_signal(signal.SIGCONT)
        collector = spanloom.start("collector")
        time.sleep(0.5)
        collector.process.kill()
        collector.process.communicate()
        time.sleep(0.5)
        spanloom.start("collector")
    query = spanloom.start("query")
    found = wait_until_delivered(agent)
    assert found[LOST] > 0
    assert found[LOST] == found["spanloom_agent_datagrams_dropped_by_kernel_total"]
    assert found[DROPPED] > 0
    assert len(set(stored(query))) == sender.sent - found[LOST] - found[DROPPED]


def test_killed_agent_leaves_its_spool_to_the_next(spanloom: Spanloom) -> None:
    """What an agent had put on the disk when it was killed is in the store once both are there again."""
    agent = spanloom.start("agent")
    sender = Sender(agent.ports.udp, 100)
    with sender.load(2000):
        time.sleep(1)
    time.sleep(0.5)
    waiting = wait_until_on_disk(agent)
    agent.process.kill()
    agent.process.communicate()
    spanloom.start("collector")
    query = spanloom.start("query")
    again = spanloom.start("agent")
    wait_until_delivered(again)
    assert waiting["spanloom_agent_spans_received_total"] == sender.sent
    assert sorted(stored(query)) == list(range(sender.sent))


def wait_until_on_disk(agent: Running) -> dict[str, float]:
    """The agent's figures, once nothing waits in its memory."""
    deadline = time.monotonic() + 10
    while True:
        text = httpx.get(f"http://{agent.ports.agent}/metrics").text
        if 'spanloom_agent_spool_bytes{where="memory"} 0.0' in text:
            return figures(agent)
        assert time.monotonic() < deadline, text
        time.sleep(0.1)


def test_lowest_priority_by_choice(spanloom: Spanloom) -> None:
    """Whoever wants the agent to have only what others leave says so, and that holds for all its threads."""
    agent = spanloom.start("agent", "--agent-nice", "19")
    threads = [int(path.name) for path in Path(f"/proc/{agent.process.pid}/task").iterdir()]
    assert {os.getpriority(os.PRIO_PROCESS, thread) for thread in threads} == {19}
