"""`configure`: the one line that a service writes."""

import os
from collections.abc import Mapping
from typing import Final

from opentelemetry import trace
from opentelemetry.sdk.resources import OTELResourceDetector, ProcessResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider

from spanloom_instrumentation.queue import SpanQueue
from spanloom_instrumentation.udp import UdpSpanExporter
from spanloom_model import datagram

DEFAULT_AGENT: Final = f"127.0.0.1:{datagram.PORT}"


def configure(
    *, service: str, agent: str | None = None, resource_attributes: Mapping[str, str] | None = None
) -> TracerProvider:
    """Send this process's spans to the agent on its host, from a thread in the background.

    Makes OpenTelemetry's global tracer provider and returns it; its `shutdown` (also called when
    the interpreter exits) sends what is still queued. *agent* is `host:port`, by default what
    SPANLOOM_AGENT says, else 127.0.0.1:6835. Spans are dropped and counted rather than waited for,
    and nothing that the network does is raised here or later.
    """
    exporter = UdpSpanExporter(agent or os.environ.get("SPANLOOM_AGENT") or DEFAULT_AGENT)
    provider = TracerProvider(resource=_resource(service, resource_attributes or {}))
    provider.add_span_processor(SpanQueue(exporter))
    trace.set_tracer_provider(provider)
    return provider


def _resource(service: str, attributes: Mapping[str, str]) -> Resource:
    """What is said in the call goes before OTEL_RESOURCE_ATTRIBUTES, and that before what is detected."""
    host = Resource({"host.name": os.uname().nodename})
    detected = host.merge(ProcessResourceDetector().detect()).merge(OTELResourceDetector().detect())
    return Resource.create().merge(detected).merge(Resource({**attributes, "service.name": service}))
