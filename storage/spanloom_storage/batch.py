"""The span batch: one Arrow schema from the collector's door to a scan.

The columns are what is searched today; `span`, `scope` and `resource` keep the OTLP messages as
they came, so that whatever a client sent, unknown fields included, comes back (docs/adr/002).
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import pyarrow as pa

type_of_word = pa.dictionary(pa.int32(), pa.string())
type_of_message = pa.dictionary(pa.int32(), pa.binary())

SCHEMA: Final = pa.schema(
    [
        pa.field("trace_id", pa.binary(16), nullable=False),
        pa.field("span_id", pa.binary(8), nullable=False),
        pa.field("parent_id", pa.binary(8)),
        pa.field("service", type_of_word, nullable=False),
        pa.field("name", type_of_word, nullable=False),
        pa.field("kind", pa.int32(), nullable=False),
        pa.field("status_code", pa.int32(), nullable=False),
        pa.field("start_ns", pa.uint64(), nullable=False),
        pa.field("duration_ns", pa.int64(), nullable=False),
        # ResourceSpans without its scope_spans, ScopeSpans without its spans, and Span.
        pa.field("resource", type_of_message, nullable=False),
        pa.field("scope", type_of_message, nullable=False),
        pa.field("span", pa.binary(), nullable=False),
    ]
)

OUTLINE: Final = pa.schema(
    [
        SCHEMA.field(name)
        for name in (
            "trace_id",
            "span_id",
            "parent_id",
            "service",
            "name",
            "status_code",
            "start_ns",
            "duration_ns",
        )
    ]
)
"""What is told of a trace in one line comes from these columns."""

SpanBatch: TypeAlias = pa.Table
"""An Arrow table of SCHEMA."""


@dataclass(frozen=True, slots=True)
class SpanRequest:
    """Spans on their way into storage: OTLP that `otlp.checked` has passed, byte for byte."""

    data: bytes
    """An ExportTraceServiceRequest. Two of them one behind the other are one."""
    span_count: int


UNKNOWN_SERVICE: Final = "unknown_service"
"""The service of spans whose resource has no `service.name`, as OpenTelemetry's SDKs call it."""


def empty_batch() -> SpanBatch:
    """A batch of no spans."""
    return SCHEMA.empty_table()
