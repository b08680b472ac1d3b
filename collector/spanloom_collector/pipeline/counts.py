"""What the pipeline counts."""

from prometheus_client import CollectorRegistry, Counter


class PipelineCounts:
    """Counters of the stages."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.spans = Counter(
            "spanloom_collector_pipeline_spans",
            "Spans that came to the stages",
            registry=registry,
        )
        self.dropped = Counter(
            "spanloom_collector_pipeline_spans_dropped",
            "Spans that stages took out, by stage and reason",
            ["stage", "reason"],
            registry=registry,
        )
        self.seconds = Counter(
            "spanloom_collector_pipeline_seconds",
            "CPU time by stage; decode and encode are around them",
            ["stage"],
            registry=registry,
        )
