"""Spans into as few datagrams as hold them, by their encoded size."""

from collections.abc import Iterator
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from spanloom_model.envelope import OVERHEAD_BYTES, seal

_LEAST_SPAN_BYTES: Final = 250
"""Ids, times and a short name."""
_SHORTEST_CUT_BYTES: Final = 64
"""Values are cut down to this; when that is not enough, they are dropped."""


def pack(request: ExportTraceServiceRequest, room_bytes: int) -> Iterator[tuple[bytes, int]]:
    """Messages of at most *room_bytes*, each with how many spans it holds.

    A span that alone would be larger has its longest values cut, and if need be events, links and
    attributes dropped, as its own `dropped_…_count` fields say then. A span whose resource and scope
    alone leave no room for it is left out.
    """
    rows: list[tuple[bytes, bytes, bytes]] = []
    size = 0
    for resource, scope, span in _rows(request):
        envelope = len(resource) + len(scope) + 3 * OVERHEAD_BYTES
        if room_bytes - envelope < _LEAST_SPAN_BYTES:
            continue
        data = span.SerializeToString()
        if envelope + len(data) > room_bytes:
            data = shrunk(span, room_bytes - envelope)
        if rows and size + envelope + len(data) > room_bytes:
            yield seal(rows), len(rows)
            rows, size = [], 0
        shared = bool(rows) and rows[-1][:2] == (resource, scope)
        size += len(data) + OVERHEAD_BYTES + (0 if shared else envelope)
        rows.append((resource, scope, data))
    if rows:
        yield seal(rows), len(rows)


def shrunk(span: Span, room_bytes: int) -> bytes:
    """The span in at most *room_bytes*, as much of it as possible."""
    span = Span.FromString(span.SerializeToString())
    while (excess := span.ByteSize() - room_bytes) > 0 and _cut_longest_value(span, excess):
        pass
    if span.ByteSize() > room_bytes:
        span.dropped_events_count += len(span.events)
        span.dropped_links_count += len(span.links)
        del span.events[:], span.links[:]
    while span.ByteSize() > room_bytes and span.attributes:
        half = len(span.attributes) // 2
        span.dropped_attributes_count += len(span.attributes) - half
        del span.attributes[half:]
    if span.ByteSize() > room_bytes:
        span.name = span.name[: room_bytes // 8]
        span.status.message = span.status.message[: room_bytes // 8]
        span.trace_state = ""
    return span.SerializeToString()


def _rows(request: ExportTraceServiceRequest) -> Iterator[tuple[bytes, bytes, Span]]:
    for resource_spans in request.resource_spans:
        resource = ResourceSpans(resource=resource_spans.resource, schema_url=resource_spans.schema_url)
        for scope_spans in resource_spans.scope_spans:
            scope = ScopeSpans(scope=scope_spans.scope, schema_url=scope_spans.schema_url)
            around = resource.SerializeToString(), scope.SerializeToString()
            for span in scope_spans.spans:
                yield *around, span


def _cut_longest_value(span: Span, excess_bytes: int) -> bool:
    """Cut the longest string of the span or its events; whether there was one worth cutting."""
    holders: list[Span | Span.Event] = [span, *span.events]
    candidates = [(pair, holder) for holder in holders for pair in holder.attributes]
    if not candidates:
        return False
    longest, holder = max(candidates, key=lambda candidate: _length(candidate[0]))
    length = _length(longest)
    if length <= _SHORTEST_CUT_BYTES:
        return False
    kept = max(length - excess_bytes - OVERHEAD_BYTES, _SHORTEST_CUT_BYTES)
    longest.value.string_value = longest.value.string_value.encode()[:kept].decode(errors="ignore")
    holder.dropped_attributes_count += 1
    return True


def _length(pair: KeyValue) -> int:
    return len(pair.value.string_value.encode())
