"""OpenTracing's API over OpenTelemetry's: `opentracing.set_global_tracer(Tracer())`."""

from spanloom_instrumentation.opentracing.tracer import Tracer

__all__ = ["Tracer"]
