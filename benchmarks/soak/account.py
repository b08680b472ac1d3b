"""What an agent knows of a service's spans."""

import time
from dataclasses import dataclass
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.processes import Ports

SERVICE: Final = "soak"
METRICS: Final = {
    "spans_earlier_total": "earlier",
    "spans_received_total": "received",
    "spans_lost": "lost",
    "spans_dropped_by_senders_total": "dropped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """In spans; together they are what the service has made, once the agent has its last datagram."""

    earlier: int = 0
    """Sent or given up on before this agent first heard of the process: an agent before it knew, or none."""
    received: int = 0
    lost: int = 0
    """Sent to this agent, but not received."""
    dropped: int = 0
    """Given up on by the service."""

    @property
    def all(self) -> int:
        """What this agent can account for."""
        return self.earlier + self.received + self.lost + self.dropped


def account(ports: Ports) -> Account:
    """As the agent tells it now."""
    found: dict[str, int] = {}
    for family in text_string_to_metric_families(httpx.get(f"http://{ports.agent}/metrics").text):
        for sample in family.samples:
            name = METRICS.get(sample.name.removeprefix("spanloom_agent_"))
            if name and sample.labels["service"] == SERVICE:
                found[name] = int(sample.value)
    return Account(**found)


def settled(ports: Ports, made: int, *, within_s: float = 10.0) -> Account:
    """The account once it says that so many were made; or as it is when the time is over."""
    deadline_s = time.monotonic() + within_s
    while (found := account(ports)).all != made and time.monotonic() < deadline_s:
        time.sleep(0.05)
    return found
