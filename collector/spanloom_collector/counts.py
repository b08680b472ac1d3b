"""What the collector counts; docs/metrics.md says what each is good for."""

import os

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.multiprocess import MultiProcessCollector

from spanloom_collector.pipeline.counts import PipelineCounts
from spanloom_storage.api import Upkeep


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
        self.upkeep_spans = Counter(
            "spanloom_collector_upkeep_spans",
            "Spans that storage has put in order in the background, by work",
            ["work"],
            registry=self.registry,
        )
        self.upkeep_written_bytes = Counter(
            "spanloom_collector_upkeep_written_bytes",
            "Bytes that storage has written in the background, by work",
            ["work"],
            registry=self.registry,
        )
        self.upkeep_seconds = Counter(
            "spanloom_collector_upkeep_seconds",
            "How long storage has worked in the background, by work",
            ["work"],
            registry=self.registry,
        )
        self.pipeline = PipelineCounts(self.registry)

    def hear(self, upkeep: Upkeep) -> None:
        """Count what storage does in the background."""
        self.upkeep_spans.labels(upkeep.work).inc(upkeep.span_count)
        self.upkeep_written_bytes.labels(upkeep.work).inc(upkeep.written_bytes)
        self.upkeep_seconds.labels(upkeep.work).inc(upkeep.seconds)

    def told(self) -> CollectorRegistry:
        """What /metrics tells: the counters of this process, or those of all workers together."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return self.registry
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # it registers itself
        return together
