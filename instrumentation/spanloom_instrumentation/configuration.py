"""`configure`: the one line that a service writes."""

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.util.types import AnyValue

from spanloom_instrumentation import environment, queue
from spanloom_instrumentation.datagrams import UdpSender
from spanloom_instrumentation.provider import TracerProvider
from spanloom_instrumentation.queue import SpanQueue
from spanloom_instrumentation.resource import Resource, from_environment
from spanloom_instrumentation.sampling.sampler import Sampler
from spanloom_model import datagram

DEFAULT_AGENT: Final = f"127.0.0.1:{datagram.PORT}"


def configure(  # noqa: PLR0913  # by name, and each with a default
    *,
    service: str | None = None,
    agent: str | None = None,
    resource_attributes: Mapping[str, AnyValue] | None = None,
    sampler: Sampler | Any | None = None,
    propagators: str | Iterable[str | Any] | None = None,
    annotation_bytes: int | None = None,
    exporter: str | None = None,
) -> TracerProvider:
    """Send this process's spans to the agent on its host, from a thread in the background.

    Makes OpenTelemetry's global tracer provider and returns it; its `shutdown` (also called when
    the interpreter exits) sends what is still queued. *agent* is `host:port`, by default what
    SPANLOOM_AGENT says, else 127.0.0.1:6835; *sampler* one of `spanloom_instrumentation.sampling`,
    or of `opentelemetry-sdk`; *propagators* names or objects, in the order in which they read
    headers. *annotation_bytes* bounds what one span may say (SPANLOOM_ANNOTATION_BYTES). *exporter*
    names where else spans go, or go besides, as in `otlp,spanloom` (OTEL_TRACES_EXPORTER). What is not
    said here is read from OpenTelemetry's environment variables. Spans are dropped and counted rather
    than waited for, and nothing that the network does is raised here or later.
    """
    provider = make_provider(
        service=service,
        agent=agent,
        resource_attributes=resource_attributes,
        sampler=sampler,
        annotation_bytes=annotation_bytes,
        exporter=exporter,
    )
    trace.set_tracer_provider(provider)
    wanted = environment.propagators(os.environ) if propagators is None else propagators
    if wanted is not None:
        from spanloom_instrumentation.propagation.named import install  # noqa: PLC0415  # few need it

        install(wanted)
    return provider


def make_provider(  # noqa: PLR0913  # as `configure`
    *,
    service: str | None = None,
    agent: str | None = None,
    resource_attributes: Mapping[str, AnyValue] | None = None,
    sampler: Sampler | Any | None = None,
    annotation_bytes: int | None = None,
    exporter: str | None = None,
) -> TracerProvider:
    """What `configure` installs, without installing it."""
    environ = os.environ
    said = {**from_environment(environ), **(resource_attributes or {})}
    if service is not None:
        said["service.name"] = service
    resource = Resource.of_this_process(said, detectors=environment.detectors(environ))
    provider = TracerProvider(
        resource=resource,
        sampler=sampler or environment.sampler(environ, service=resource.service),
        limits=environment.limits(environ, annotation_bytes),
        ids=environment.ids(environ),
        disabled=environment.disabled(environ),
    )
    for name in environment.exporters(environ, exporter):
        if name == "spanloom":
            provider.add_span_processor(_queue(agent, environ))
        elif make := environment.sdk_exporter(name, environ):
            from spanloom_instrumentation.sdk.exporting import Exporting  # noqa: PLC0415  # only for these

            provider.add_span_processor(Exporting(make))
    return provider


def _queue(agent: str | None, environ: Mapping[str, str]) -> SpanQueue:
    queued, batch, interval_s = environment.batching(
        environ,
        queued=queue.MAX_QUEUED_SPANS,
        batch=queue.BATCH_SPANS,
        interval_s=queue.SEND_INTERVAL_S,
    )
    sender = UdpSender(agent or environ.get("SPANLOOM_AGENT") or DEFAULT_AGENT)
    return SpanQueue(sender, max_queued_spans=queued, batch_spans=batch, send_interval_s=interval_s)
