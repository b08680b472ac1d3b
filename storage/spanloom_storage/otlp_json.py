"""OTLP's JSON form, to and from the binary form that everything else reads.

It is protobuf's JSON mapping with three exceptions: ids are hex where bytes would be base64, enums
are numbers, and unknown fields are ignored (opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
"""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanloom_model.wire import MalformedError, TooManySpansError

_IDS: Final = ("traceId", "trace_id", "spanId", "span_id", "parentSpanId", "parent_span_id")
_ERRORS: Final = (ParseError, ValueError, TypeError, AttributeError, KeyError, RecursionError)
"""What reading raises on JSON that says something else."""

M = TypeVar("M", bound=Message)


def to_protobuf(body: bytes) -> bytes:
    """A request in JSON as bytes of protobuf; raises MalformedError where it is no such request."""
    try:
        request = json.loads(body)
        _change_ids(request, _base64_of_hex)
        return _parsed(request, ExportTraceServiceRequest()).SerializeToString()
    except _ERRORS as exc:
        raise _no_request(exc) from exc


def readable_to_protobuf(body: bytes, *, most_spans: int) -> tuple[bytes, int]:
    """The same, but that a span which cannot be read costs only itself; and how many these are.

    Raises TooManySpansError before it looks at any of more spans.
    """
    try:
        request = json.loads(body)
        lists = [_without_spans(scope_spans) for scope_spans in _scope_spans(request)]
    except _ERRORS as exc:
        raise _no_request(exc) from exc
    if sum(map(len, lists)) > most_spans:
        raise TooManySpansError(most_spans)
    try:
        message = _parsed(request, ExportTraceServiceRequest())
        scopes = [scope for resource in message.resource_spans for scope in resource.scope_spans]
        malformed = sum(
            _add(told, scope) for scope, spans in zip(scopes, lists, strict=True) for told in spans
        )
    except _ERRORS as exc:
        raise _no_request(exc) from exc
    return message.SerializeToString(), malformed


def from_protobuf(request: bytes) -> bytes:
    """A request in protobuf as JSON."""
    message = ExportTraceServiceRequest.FromString(request)
    told = MessageToDict(message, use_integers_for_enums=True)
    _change_ids(told, _hex_of_base64)
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _no_request(exc: Exception) -> MalformedError:
    return MalformedError(f"not an OTLP trace request in JSON: {exc}")


def _parsed(told: Any, message: M) -> M:
    return ParseDict(told, message, ignore_unknown_fields=True)


def _without_spans(scope_spans: Any) -> list[Any]:
    """Take them out."""
    spans = scope_spans.pop("spans", None) or []
    if not isinstance(spans, list):
        raise TypeError("spans is no list")
    return spans


def _add(told: Any, scope_spans: Any) -> bool:
    """Whether a span could not be read and added."""
    try:
        for holder in (told, *(told.get("links") or ())):
            _change_holder(holder, _base64_of_hex)
        scope_spans.spans.append(_parsed(told, Span()))
    except _ERRORS:
        return True
    return False


def _change_ids(request: Any, change: Callable[[str], str]) -> None:
    for scope_spans in _scope_spans(request):
        for span in scope_spans.get("spans") or ():
            for holder in (span, *(span.get("links") or ())):
                _change_holder(holder, change)


def _change_holder(holder: Any, change: Callable[[str], str]) -> None:
    """Spans and links; names are those of JSON or of the protocol's own files, both are allowed."""
    for name in _IDS:
        if holder.get(name) is not None:
            try:
                holder[name] = change(holder[name])
            except (ValueError, TypeError):
                raise ValueError(f"{name} is hex, not {str(holder[name])[:40]!r}") from None


def _scope_spans(request: Any) -> Iterator[Any]:
    if not isinstance(request, dict):
        raise TypeError("it is no object with resourceSpans")
    for resource_spans in request.get("resourceSpans") or request.get("resource_spans") or ():
        yield from resource_spans.get("scopeSpans") or resource_spans.get("scope_spans") or ()


def _base64_of_hex(value: str) -> str:
    return base64.b64encode(bytes.fromhex(value)).decode()


def _hex_of_base64(value: str) -> str:
    return base64.b64decode(value).hex()
