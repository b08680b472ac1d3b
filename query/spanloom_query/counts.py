"""What the query service counts; docs/metrics.md says what each is good for."""

from prometheus_client import CollectorRegistry, Gauge, Histogram

from spanloom_storage.api import StorageStatus


class Counts:
    """One set of counters, for one query service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.request_seconds = Histogram(
            "spanloom_query_request_seconds",
            "Requests to the API and the pages by route and status, and how long they took",
            ["route", "status"],
            registry=self.registry,
        )
        self.stored_spans = Gauge(
            "spanloom_query_stored_spans",
            "Spans in storage, but for those of the last minutes",
            registry=self.registry,
        )
        self.stored_bytes = Gauge(
            "spanloom_query_stored_bytes", "What storage takes on the disk", registry=self.registry
        )
        self.stored_files = Gauge(
            "spanloom_query_stored_files", "Files of storage by kind", ["kind"], registry=self.registry
        )
        self.damaged_files = Gauge(
            "spanloom_query_damaged_files",
            "Files of storage that are damaged and were set aside; their names are in /health and the log",
            registry=self.registry,
        )

    def tell(self, status: StorageStatus) -> None:
        """Note what storage says of itself."""
        self.stored_spans.set(status.span_count)
        self.stored_bytes.set(status.size_bytes)
        self.damaged_files.set(len(status.damaged))
        for kind, count in status.file_counts.items():
            self.stored_files.labels(kind).set(count)
