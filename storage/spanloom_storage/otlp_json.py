"""OTLP's JSON form, to and from the binary form that everything else reads.

It is protobuf's JSON mapping with three exceptions: ids are hex where bytes would be base64, enums
are numbers, and unknown fields are ignored (opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
"""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_model.wire import MalformedError

_IDS: Final = ("traceId", "trace_id", "spanId", "span_id", "parentSpanId", "parent_span_id")


def to_protobuf(body: bytes) -> bytes:
    """A request in JSON as bytes of protobuf; raises MalformedError where it is no such request."""
    try:
        request = json.loads(body)
        _change_ids(request, _base64_of_hex)
        message = ParseDict(request, ExportTraceServiceRequest(), ignore_unknown_fields=True)
    except (ParseError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as exc:
        raise MalformedError(f"not an OTLP trace request in JSON: {exc}") from exc
    return message.SerializeToString()


def from_protobuf(request: bytes) -> bytes:
    """A request in protobuf as JSON."""
    message = ExportTraceServiceRequest.FromString(request)
    told = MessageToDict(message, use_integers_for_enums=True)
    _change_ids(told, _hex_of_base64)
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _change_ids(request: Any, change: Callable[[str], str]) -> None:
    if not isinstance(request, dict):
        raise TypeError("it is no object with resourceSpans")
    for holder in _id_holders(request):
        for name in _IDS:
            if holder.get(name) is not None:
                try:
                    holder[name] = change(holder[name])
                except (ValueError, TypeError):
                    raise ValueError(f"{name} is hex, not {str(holder[name])[:40]!r}") from None


def _id_holders(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Spans and links; by their names in JSON or in the protocol's own files, both are allowed."""
    for resource_spans in request.get("resourceSpans") or request.get("resource_spans") or ():
        for scope_spans in resource_spans.get("scopeSpans") or resource_spans.get("scope_spans") or ():
            for span in scope_spans.get("spans") or ():
                yield span
                yield from span.get("links") or ()


def _base64_of_hex(value: str) -> str:
    return base64.b64encode(bytes.fromhex(value)).decode()


def _hex_of_base64(value: str) -> str:
    return base64.b64decode(value).hex()
