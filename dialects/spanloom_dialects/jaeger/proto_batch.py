"""Batches of Jaeger spans in protobuf, as gRPC carries them (port 14250)."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from google.protobuf.message import DecodeError

from spanloom_dialects import otlp
from spanloom_dialects.errors import DialectError
from spanloom_dialects.jaeger import messages
from spanloom_dialects.jaeger.spans import (
    PROCESS_ID,
    WARNINGS,
    JaegerSpan,
    Reference,
    encode,
    log,
    process,
)
from spanloom_dialects.jaeger.tags import Tag, bool_tag, string_tag
from spanloom_dialects.translated import ANY_NUMBER, Group, Piece, Refused, Translated, translated

_MOST_NS: Final = 2**63 * 1000
_MALFORMED: Final = Refused("a malformed span")
_LONG_ID: Final = Refused("an id of too many bytes")
_BAD_TIME: Final = Refused("a time out of range")


def from_request(body: bytes, *, most_spans: int = ANY_NUMBER) -> Translated:
    """Translate a `PostSpansRequest`, what CollectorService.PostSpans takes.

    Raises DialectError where it is none.
    """
    return from_batch(_parsed(messages.PostSpansRequest, body).batch, most_spans=most_spans)


def from_bare_batch(body: bytes) -> Translated:
    """Translate a `Batch` alone. Raises DialectError where it is none."""
    return from_batch(_parsed(messages.Batch, body))


def from_batch(batch: Any, *, most_spans: int = ANY_NUMBER) -> Translated:
    """Translate a parsed `Batch`."""
    return translated(_groups(batch), most_spans)


def _parsed(of: Any, body: bytes) -> Any:
    try:
        return of.FromString(body)
    except DecodeError as exc:
        raise DialectError(f"malformed protobuf: {exc}") from exc


def _groups(batch: Any) -> Iterator[Group]:
    """The spans, and before them the batch's process unless they have their own."""
    shared = _process(batch.process)
    for data in batch.spans:
        try:
            span = messages.Span.FromString(data)
        except DecodeError:
            yield shared, [_MALFORMED]
            continue
        yield _process(span.process) if span.HasField("process") else shared, [_span(span)]


def _process(message: Any) -> bytes:
    return process(message.service_name, _tags(message.tags))


def _span(span: Any) -> Piece | Refused:
    if len(span.trace_id) > 16 or len(span.span_id) > 8:
        return _LONG_ID
    references = []
    for reference in span.references:
        if len(reference.trace_id) > 16 or len(reference.span_id) > 8:
            return _LONG_ID
        references.append(
            Reference(
                reference.ref_type, reference.trace_id.rjust(16, b"\0"), reference.span_id.rjust(8, b"\0")
            )
        )
    start_ns, duration_ns = _ns(span.start_time), _ns(span.duration)
    if not (_is_kept(start_ns) and _is_kept(duration_ns)):
        return _BAD_TIME
    logs = []
    for message in span.logs:
        time_ns = _ns(message.timestamp)
        if not _is_kept(time_ns):
            return _BAD_TIME
        logs.append(log(time_ns, _tags(message.fields)))
    return encode(
        JaegerSpan(
            span.trace_id.rjust(16, b"\0"),
            span.span_id.rjust(8, b"\0"),
            b"",
            span.operation_name,
            references,
            span.flags,
            start_ns,
            duration_ns,
            _tags(span.tags),
            logs,
            _more(span),
        )
    )


def _ns(moment: Any) -> int:
    """A Timestamp or a Duration in nanoseconds."""
    seconds: int = moment.seconds
    nanos: int = moment.nanos
    return seconds * 10**9 + nanos


def _is_kept(time_ns: int) -> bool:
    """Whether it is within a signed 64-bit number of microseconds."""
    return -_MOST_NS <= time_ns < _MOST_NS


def _more(span: Any) -> list[bytes]:
    more = []
    if span.process_id:
        more.append(otlp.string_pair(PROCESS_ID, span.process_id))
    if span.warnings:
        more.append(otlp.pair(WARNINGS, otlp.strings(span.warnings)))
    return more


def _tags(pairs: Iterable[Any]) -> list[Tag]:
    return [_tag(pair.v_type, pair) for pair in pairs]


def _tag(kind: int, pair: Any) -> Tag:
    """The tag; of a type that there is not, its value says so."""
    key: bytes = pair.key
    if kind == messages.STRING:
        return string_tag(key, pair.v_str)
    if kind == messages.INT64:
        return otlp.pair(key, otlp.integer(pair.v_int64))
    if kind == messages.BOOL:
        return bool_tag(key, pair.v_bool)
    if kind == messages.FLOAT64:
        return otlp.pair(key, otlp.double(pair.v_float64))
    if kind == messages.BINARY:
        return otlp.pair(key, otlp.binary(pair.v_binary))
    return otlp.string_pair(key, b"<a value of type %d>" % kind)
