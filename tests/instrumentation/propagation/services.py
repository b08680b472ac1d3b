"""Services that requests go through, each with propagators of its own."""

from collections.abc import Mapping
from typing import Any

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import SpanContext, get_current_span

from spanloom_instrumentation.propagation.named import composed
from spanloom_instrumentation.sampling.samplers import ALWAYS_OFF, ALWAYS_ON, ParentBased
from tests.instrumentation.doubles import Traced, traced

NEVER = ParentBased(ALWAYS_OFF)
ALWAYS = ParentBased(ALWAYS_ON)

TRACE = "463ac35c9f6413ad48485a3953bb6124"
SPAN = "a2fb4a1d1a96d312"


class Service:
    """Reads headers, makes a span and one below it, and writes headers."""

    def __init__(self, propagators: str, **settings: Any) -> None:
        self.here: Traced = traced(**settings)
        self.propagator = composed(propagators)

    def asked(self, headers: Mapping[str, Any]) -> dict[str, str]:
        """What it sends on."""
        tracer = self.here.provider.get_tracer("lib")
        sent: dict[str, str] = {}
        # The context is handed over and not made the current one, as many instrumentations do.
        with (
            tracer.start_as_current_span("serve", context=self.propagator.extract(headers)),
            tracer.start_as_current_span("call"),
        ):
            self.propagator.inject(sent)
        return sent

    def sent(self) -> list[str]:
        """The names of the spans that were kept."""
        return sorted(span.name for span in self.here.spans())


def read(propagator: TextMapPropagator, headers: Mapping[str, Any]) -> SpanContext:
    """The caller's span context, as it is read."""
    return get_current_span(propagator.extract(headers)).get_span_context()


def passed_on(propagators: str, headers: Mapping[str, Any]) -> dict[str, str]:
    """What a service hands on that makes no spans."""
    propagator = composed(propagators)
    sent: dict[str, str] = {}
    propagator.inject(sent, propagator.extract(headers, Context()))
    return sent
