"""What the collector counts; docs/metrics.md says what each is good for."""

from prometheus_client import CollectorRegistry, Counter


class Counts:
    """One set of counters, for one collector."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "spanloom_collector_requests",
            "Requests by door and by what became of them",
            ["door", "outcome"],
            registry=self.registry,
        )
        self.spans_stored = Counter(
            "spanloom_collector_spans_stored",
            "Spans written to storage and acknowledged",
            ["door"],
            registry=self.registry,
        )
        self.spans_rejected = Counter(
            "spanloom_collector_spans_rejected",
            "Spans refused for good, by reason",
            ["door", "reason"],
            registry=self.registry,
        )
        self.request_bytes = Counter(
            "spanloom_collector_request_bytes",
            "Bytes of requests, after decompression",
            ["door"],
            registry=self.registry,
        )
