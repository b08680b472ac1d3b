"""The spans that a test makes, whichever library's provider the process has."""

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace import TracerProvider as SdkProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from spanloom_instrumentation import TracerProvider


class Made:
    """Looks at ended spans."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def all(self) -> tuple[ReadableSpan, ...]:
        """In the order in which they ended."""
        return self._exporter.get_finished_spans()

    def only(self) -> ReadableSpan:
        """The only one."""
        (found,) = self.all()
        return found

    def parents(self) -> dict[str, str | None]:
        """Name of each span → that of its parent, where it has one that has ended."""
        names = {span.context.span_id: span.name for span in self.all() if span.context}
        return {
            span.name: names.get(span.parent.span_id, "?") if span.parent else None for span in self.all()
        }


@pytest.fixture(params=[TracerProvider, SdkProvider], ids=["spanloom", "sdk"])
def made(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    """All spans of the test, with our provider and with the SDK's."""
    exporter = InMemorySpanExporter()
    provider = request.param(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    # OpenTelemetry lets a process set its provider once; a test has one of its own.
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield Made(exporter)
    provider.shutdown()
