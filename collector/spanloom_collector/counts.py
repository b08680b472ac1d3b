"""What the collector counts; docs/metrics.md says what each is good for."""

import os

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.multiprocess import MultiProcessCollector


class Counts:
    """One set of counters, for one collector, which may be several processes."""

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

    def told(self) -> CollectorRegistry:
        """What /metrics tells: the counters of this process, or those of all workers together."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return self.registry
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # it registers itself
        return together
