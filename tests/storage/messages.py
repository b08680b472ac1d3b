"""Requests as protobuf's own library sees them, to hold columns against."""

from collections import Counter

from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanloom_storage.testing.messages import requests


def rows(request: ExportTraceServiceRequest) -> Counter[tuple[bytes, bytes, bytes]]:
    """Every span with all that is around it, however the message groups them."""
    found: Counter[tuple[bytes, bytes, bytes]] = Counter()
    for resource_spans in request.resource_spans:
        resource = type(resource_spans)()
        resource.CopyFrom(resource_spans)
        del resource.scope_spans[:]
        for scope_spans in resource_spans.scope_spans:
            scope = type(scope_spans)()
            scope.CopyFrom(scope_spans)
            del scope.spans[:]
            for one in scope_spans.spans:
                if not one.status.ByteSize():
                    one.ClearField("status")  # an empty status says as much as none
                messages = (resource, scope, one)
                found[tuple(m.SerializeToString(deterministic=True) for m in messages)] += 1  # type: ignore[index]  # three messages make three parts
    return found


def storable(one: Span) -> bool:
    """What OTLP demands of a span's ids."""
    parent_fits = len(one.parent_span_id) in {0, 8}
    return (
        len(one.trace_id) == 16
        and any(one.trace_id)
        and len(one.span_id) == 8
        and any(one.span_id)
        and parent_fits
    )


def only_storable(request: ExportTraceServiceRequest) -> ExportTraceServiceRequest:
    """The request without the spans that a collector must refuse."""
    kept = ExportTraceServiceRequest()
    kept.CopyFrom(request)
    for resource_spans in kept.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            good = [one for one in scope_spans.spans if storable(one)]
            del scope_spans.spans[:]
            scope_spans.spans.extend(good)
    return kept


@st.composite
def damaged_requests(draw: st.DrawFn) -> bytes:
    """A request of which some bytes were changed, deleted or inserted."""
    damaged = bytearray(draw(requests()).SerializeToString() or b"\x0a\x00")
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(damaged) - 1))
        match draw(st.sampled_from(["set", "delete", "insert"])):
            case "set":
                damaged[place] = draw(st.integers(0, 255))
            case "delete" if len(damaged) > 1:
                del damaged[place]
            case _:
                damaged.insert(place, draw(st.integers(0, 255)))
    return bytes(damaged)
