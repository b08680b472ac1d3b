"""What the agent counts; docs/metrics.md says what each is good for."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

MAX_SERVICES: Final = 1_000
"""Services with counters of their own; names come from the network, and metrics live for ever."""
OTHER: Final = "(other)"


@dataclass(slots=True)
class Service:
    """What is known of one service's spans: plain numbers, for they change with every datagram."""

    received: int = 0
    lost: int = 0
    dropped: int = 0
    """How many the service's processes gave up on before sending."""
    earlier: int = 0
    """How many they had sent or given up on before this agent heard of them."""


class Services(Collector):
    """The services that have sent datagrams with a header."""

    def __init__(self) -> None:
        self._services: dict[str, Service] = {}

    def named(self, name: str) -> Service:
        """The figures of a service, or those of all others once there are many."""
        service = self._services.get(name)
        if service is None:
            if len(self._services) >= MAX_SERVICES:
                name = OTHER
            service = self._services.setdefault(name, Service())
        return service

    def __iter__(self) -> Iterator[tuple[str, Service]]:
        return iter(list(self._services.items()))

    def collect(self) -> Iterable[Metric]:
        """The figures as they stand when somebody asks."""
        received = CounterMetricFamily(
            "spanloom_agent_spans_received", "Spans in datagrams with a header", labels=["service"]
        )
        lost = GaugeMetricFamily(
            "spanloom_agent_spans_lost",
            "Spans that were sent and did not arrive: gaps in the senders' sequence",
            labels=["service"],
        )
        dropped = CounterMetricFamily(
            "spanloom_agent_spans_dropped_by_senders",
            "Spans that applications gave up on before sending",
            labels=["service"],
        )
        earlier = CounterMetricFamily(
            "spanloom_agent_spans_earlier",
            "Spans that senders had sent or given up on before this agent first heard of them",
            labels=["service"],
        )
        for name, service in self:
            received.add_metric([name], service.received)
            lost.add_metric([name], service.lost)
            dropped.add_metric([name], service.dropped)
            earlier.add_metric([name], service.earlier)
        return received, lost, dropped, earlier


class KernelDrops(Collector):
    """What the kernel had no room for, by port; it is asked when somebody asks us."""

    def __init__(self) -> None:
        self.read: Callable[[], dict[str, int]] = dict
        """Datagrams dropped by each port that is listened on."""

    def collect(self) -> Iterable[Metric]:
        """The figures as they stand when somebody asks."""
        dropped = CounterMetricFamily(
            "spanloom_agent_datagrams_dropped_by_kernel",
            "Datagrams that found the receive buffer full",
            labels=["port"],
        )
        for port, count in self.read().items():
            dropped.add_metric([port], count)
        return (dropped,)


class Counts:
    """One set of counters, for one agent."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.services = Services()
        self.kernel_drops = KernelDrops()
        registry.register(self.services)
        registry.register(self.kernel_drops)

        def counter(name: str, says: str, *labels: str) -> Counter:
            return Counter(f"spanloom_agent_{name}", says, labels, registry=registry)

        def gauge(name: str, says: str, *labels: str) -> Gauge:
            return Gauge(f"spanloom_agent_{name}", says, labels, registry=registry)

        self.receive_buffer_bytes = gauge(
            "receive_buffer_bytes", "The receive buffer that the kernel allows", "port"
        )
        self.datagrams = counter(
            "datagrams", "Datagrams that arrived, by what became of them", "door", "outcome"
        )
        self.datagrams_malformed = counter(
            "datagrams_malformed", "Datagrams that are no message, by reason", "door", "reason"
        )
        self.spans_refused = counter(
            "spans_refused",
            "Spans that can never be stored, in datagrams that were taken, by reason",
            "door",
            "reason",
        )
        self.sampling = counter(
            "sampling_answers",
            "Sampling strategies that clients asked for, by where the answer came from",
            "source",
        )
        self.requests = counter("requests", "Requests to each collector by outcome", "collector", "outcome")
        self.datagrams_dropped = counter(
            "datagrams_dropped", "Datagrams that were taken and could not be delivered, by reason", "reason"
        )
        self.spans_dropped = counter(
            "spans_dropped", "Spans in those datagrams, as far as headers tell", "reason"
        )
        self.spool_bytes = gauge(
            "spool_bytes", "What waits to be sent to a collector, by where it is", "where"
        )
        self.spool_writes_failed = counter(
            "spool_writes_failed", "Batches that the disk would not take; they are tried again"
        )
        self.spool_damaged = counter(
            "spool_damaged", "Places in the disk's files where reading had to stop or pass something over"
        )

    def malformed(self, door: str, reason: str) -> None:
        """Count a datagram that is no message."""
        self.datagrams.labels(door, "malformed").inc()
        self.datagrams_malformed.labels(door, reason).inc()

    def drop(self, reason: str, datagram_count: int, span_count: int) -> None:
        """Count what was taken and is gone."""
        self.datagrams_dropped.labels(reason).inc(datagram_count)
        self.spans_dropped.labels(reason).inc(span_count)
