"""Zipkin's spans as its API writes them: JSON and protobuf of version 2."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

import msgspec

from spanloom_dialects.zipkin import messages
from spanloom_dialects.zipkin.span import Endpoint, Span

_KINDS: Final = {name: number for number, name in messages.KINDS.items()}
_LINE_ENDS: Final = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))
"""Two characters that end a line in old JavaScript: Zipkin escapes them."""


def to_json(spans: Iterable[Span]) -> bytes:
    """A list of spans; a trace is one."""
    data = msgspec.json.encode(list(spans))
    for written, escaped in _LINE_ENDS:
        data = data.replace(written, escaped)
    return data


def to_proto(spans: Iterable[Span]) -> bytes:
    """A `ListOfSpans`."""
    return bytes(
        messages.ListOfSpans(spans=[_span(span).SerializeToString() for span in spans]).SerializeToString()
    )


def _span(span: Span) -> Any:
    return messages.Span(
        trace_id=bytes.fromhex(str(span.trace_id)),
        parent_id=bytes.fromhex(span.parent_id or ""),
        id=bytes.fromhex(str(span.id)),
        kind=_KINDS.get(span.kind or "", 0),
        name=(span.name or "").encode(),
        timestamp=span.timestamp or 0,
        duration=span.duration or 0,
        local_endpoint=_endpoint(span.local_endpoint) if span.local_endpoint else None,
        remote_endpoint=_endpoint(span.remote_endpoint) if span.remote_endpoint else None,
        annotations=[
            messages.Annotation(timestamp=max(one.timestamp, 0), value=one.value.encode())
            for one in span.annotations or ()
        ],
        tags=[
            messages.Tag(key=key.encode(), value=value.encode()) for key, value in (span.tags or {}).items()
        ],
        debug=span.debug or False,
        shared=span.shared or False,
    )


def _endpoint(endpoint: Endpoint) -> Any:
    return messages.Endpoint(
        service_name=(endpoint.service_name or "").encode(),
        ipv4=IPv4Address(endpoint.ipv4).packed if endpoint.ipv4 else b"",
        ipv6=IPv6Address(endpoint.ipv6).packed if endpoint.ipv6 else b"",
        port=endpoint.port or 0,
    )
