"""What the query service counts; docs/metrics.md says what each is good for."""

from prometheus_client import CollectorRegistry, Histogram


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
