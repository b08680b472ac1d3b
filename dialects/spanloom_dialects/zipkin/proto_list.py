"""Lists of Zipkin spans in protobuf, version 2: zipkin-api's zipkin.proto."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

from google.protobuf.message import DecodeError

from spanloom_dialects.errors import DialectError
from spanloom_dialects.translated import ANY_NUMBER, Group, Refused, Translated, translated
from spanloom_dialects.zipkin import messages
from spanloom_dialects.zipkin.encoding import encode
from spanloom_dialects.zipkin.ids import InvalidSpanError
from spanloom_dialects.zipkin.span import Annotation, Endpoint, Span

_MALFORMED: Final = Refused("a malformed span", "Malformed reading Span from proto3")


def from_proto(body: bytes, *, most_spans: int = ANY_NUMBER) -> Translated:
    """Translate a `ListOfSpans`. Raises DialectError where it is none."""
    try:
        spans = messages.ListOfSpans.FromString(body).spans
    except DecodeError as exc:
        raise DialectError("Malformed reading List<Span> from proto3") from exc
    return translated(_groups(spans), most_spans)


def _groups(spans: Any) -> Iterator[Group]:
    for data in spans:
        try:
            yield encode(_span(messages.Span.FromString(data)))
        except DecodeError:
            yield b"", [_MALFORMED]
        except InvalidSpanError as exc:
            yield b"", [exc.refused]


def _span(span: Any) -> Span:
    return Span(
        trace_id=span.trace_id.hex(),
        parent_id=span.parent_id.hex() or None,
        id=span.id.hex(),
        kind=messages.KINDS.get(span.kind),
        name=_text(span.name),
        timestamp=span.timestamp,
        duration=span.duration,
        local_endpoint=_endpoint(span.local_endpoint) if span.HasField("local_endpoint") else None,
        remote_endpoint=_endpoint(span.remote_endpoint) if span.HasField("remote_endpoint") else None,
        annotations=[Annotation(one.timestamp, _text(one.value)) for one in span.annotations],
        tags={_text(tag.key): _text(tag.value) for tag in span.tags},
        debug=span.debug,
        shared=span.shared,
    )


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _endpoint(endpoint: Any) -> Endpoint:
    """The endpoint; an address of another length is none."""
    ipv4, ipv6 = endpoint.ipv4, endpoint.ipv6
    return Endpoint(
        service_name=_text(endpoint.service_name),
        ipv4=str(IPv4Address(ipv4)) if len(ipv4) == 4 else None,
        ipv6=str(IPv6Address(ipv6)) if len(ipv6) == 16 else None,
        port=endpoint.port,
    )
