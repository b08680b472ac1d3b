"""Foreign spans to test with; shipped, for tests of others."""

from spanloom_dialects.testing.jaeger import jaeger_spans
from spanloom_dialects.testing.zipkin import zipkin_spans

__all__ = ["jaeger_spans", "zipkin_spans"]
