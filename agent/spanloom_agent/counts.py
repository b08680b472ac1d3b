"""What the agent counts; docs/metrics.md says what each is good for."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Counts:
    """One set of counters, for one agent."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.datagrams = Counter(
            "spanloom_agent_datagrams", "Datagrams by what became of them", ["outcome"], registry=registry
        )
        self.spans_received = Counter(
            "spanloom_agent_spans_received",
            "Spans in datagrams with a header",
            ["service"],
            registry=registry,
        )
        self.spans_lost = Gauge(
            "spanloom_agent_spans_lost",
            "Spans that were sent and did not arrive: gaps in the senders' sequence",
            ["service"],
            registry=registry,
        )
        self.spans_dropped_by_senders = Counter(
            "spanloom_agent_spans_dropped_by_senders",
            "Spans that applications gave up on before sending",
            ["service"],
            registry=registry,
        )
        self.requests = Counter(
            "spanloom_agent_requests", "Requests to the collector by outcome", ["outcome"], registry=registry
        )
        self.datagrams_dropped = Counter(
            "spanloom_agent_datagrams_dropped",
            "Datagrams that were taken and could not be delivered, by reason",
            ["reason"],
            registry=registry,
        )
        self.spool_bytes = Gauge(
            "spanloom_agent_spool_bytes", "What waits to be sent to the collector", registry=registry
        )
