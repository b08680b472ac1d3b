"""What the collector counts; docs/metrics.md says what each is good for."""

import os
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.multiprocess import MultiProcessCollector

from spanloom_collector.pipeline.counts import PipelineCounts
from spanloom_storage.api import Upkeep

MAX_SERVICES: Final = 1000
OTHER: Final = "(other)"


class Counts:
    """One set of counters, for one collector, which may be several processes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._services: set[str] = set()
        counter = partial(Counter, namespace="spanloom", subsystem="collector", registry=self.registry)
        self.requests = counter(
            "requests", "Requests by door and by what became of them", ["door", "outcome"]
        )
        self.spans_stored = counter(
            "spans_stored",
            "Spans acknowledged: written to storage, or taken out by a stage of the pipeline",
            ["door"],
        )
        self.spans_rejected = counter(
            "spans_rejected", "Spans refused for good, by reason", ["door", "reason"]
        )
        self.attributes_cut = counter(
            "attributes_cut",
            "Attributes and names of stored spans that were cut or dropped, by reason",
            ["door", "reason"],
        )
        self.request_bytes = counter("request_bytes", "Bytes of requests, after decompression", ["door"])
        self.agent_headers_ignored = counter(
            "agent_headers_ignored", "Headers of agents that were ignored, by reason", ["header", "reason"]
        )
        self.spans_lost_before_agents = counter(
            "spans_lost_before_agents",
            "Spans that agents say were lost on the way to them or given up by applications",
            ["service"],
        )
        self.connections_refused = counter(
            "connections_refused",
            "Connections over HTTP that were ended before a request was whole, by reason",
            ["door", "reason"],
        )
        self.upkeep_spans = counter(
            "upkeep_spans", "Spans that storage has put in order in the background, by work", ["work"]
        )
        self.upkeep_written_bytes = counter(
            "upkeep_written_bytes", "Bytes that storage has written in the background, by work", ["work"]
        )
        self.upkeep_seconds = counter(
            "upkeep_seconds", "How long storage has worked in the background, by work", ["work"]
        )
        self.pipeline = PipelineCounts(self.registry)

    def lose_before_agent(self, service: str, span_count: int) -> None:
        """Count by service, and the services beyond the limit together: names come from the network."""
        if service not in self._services:
            if len(self._services) >= MAX_SERVICES:
                service = OTHER
            self._services.add(service)
        self.spans_lost_before_agents.labels(service).inc(span_count)

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
