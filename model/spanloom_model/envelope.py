"""OTLP's envelope as bytes: spans under their scope under their resource.

The three parts of a row are protobuf messages without the part below them: ResourceSpans without
`scope_spans`, ScopeSpans without `spans`, and Span (opentelemetry/proto/trace/v1/trace.proto).
"""

from collections.abc import Iterable
from typing import Final

from spanloom_model.wire import field

RESOURCE_SPANS: Final = 1
"""The field of ExportTraceServiceRequest that all its bytes are made of."""
_SCOPE_SPANS: Final = 2
_SPANS: Final = 2

OVERHEAD_BYTES: Final = 12
"""More than the tag and the length of one field ever take."""


def seal(rows: Iterable[tuple[bytes, bytes, bytes]]) -> bytes:
    """(resource, scope, span) rows as one ExportTraceServiceRequest, each resource and scope once."""
    grouped: dict[bytes, dict[bytes, list[bytes]]] = {}
    for resource, scope, span in rows:
        grouped.setdefault(resource, {}).setdefault(scope, []).append(field(_SPANS, span))
    return b"".join(
        field(
            RESOURCE_SPANS,
            resource
            + b"".join(field(_SCOPE_SPANS, scope + b"".join(spans)) for scope, spans in scopes.items()),
        )
        for resource, scopes in grouped.items()
    )
