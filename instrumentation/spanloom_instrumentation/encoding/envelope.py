"""Resource and scope as OTLP has them: written once, repeated in each datagram."""

from collections.abc import Mapping

from opentelemetry.util.types import AnyValue

from spanloom_instrumentation.encoding.values import pairs, text
from spanloom_model.wire import field


def resource_bytes(attributes: Mapping[str, AnyValue], schema_url: str) -> bytes:
    """ResourceSpans without anything in it: the resource, 1, and its schema, 3."""
    return field(1, pairs(1, attributes)) + (text(3, schema_url) if schema_url else b"")


def scope_bytes(name: str, version: str, schema_url: str, attributes: Mapping[str, AnyValue]) -> bytes:
    """ScopeSpans without spans: the scope, 1, and its schema, 3."""
    scope = (text(1, name) if name else b"") + (text(2, version) if version else b"") + pairs(3, attributes)
    return field(1, scope) + (text(3, schema_url) if schema_url else b"")
