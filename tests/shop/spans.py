"""What the shop's tests ask of spans, and faults on order."""

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from spanloom_shop.faults import Faults


class ForcedFaults(Faults):
    """Each fault in `to_come` happens once, as soon as a service asks for it; nothing else goes wrong."""

    def __init__(self) -> None:
        super().__init__(seed=0, service="test")
        self.to_come: list[str] = []

    def strike(self, fault: str, *, chance: float) -> bool:
        """Whether the test has ordered this fault."""
        if fault not in self.to_come:
            return False
        self.to_come.remove(fault)
        return True

    def between(self, least: float, most: float) -> float:
        """As little as there can be: a test does not wait."""
        return least


class Spans:
    """The spans that have ended so far."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def all(self) -> tuple[ReadableSpan, ...]:
        """Every span, in the order of their ends."""
        return self._exporter.get_finished_spans()

    def clear(self) -> None:
        """Forget what happened so far."""
        self._exporter.clear()

    def named(self, name: str) -> list[ReadableSpan]:
        """The spans of that name."""
        return [span for span in self.all() if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        """The only span of that name."""
        (span,) = self.named(name)
        return span

    def children(self, span: ReadableSpan) -> list[ReadableSpan]:
        """The spans whose parent is *span*."""
        return [
            child for child in self.all() if child.parent and child.parent.span_id == context_ids(span)[1]
        ]

    def ancestry(self, span: ReadableSpan) -> list[str]:
        """The names from *span* up to its root."""
        by_id = {context_ids(other)[1]: other for other in self.all()}
        names = [span.name]
        while span.parent:
            span = by_id[span.parent.span_id]
            names.append(span.name)
        return names


def context_ids(span: ReadableSpan) -> tuple[int, int]:
    """Trace id and span id."""
    context = span.get_span_context()
    assert context is not None
    return context.trace_id, context.span_id


def event_names(span: ReadableSpan) -> list[str]:
    """The names of the span's events, in order."""
    return [event.name for event in span.events]


def attributes(span: ReadableSpan) -> dict[str, object]:
    """The span's attributes, never None."""
    return dict(span.attributes or {})
