"""A span that is larger than a datagram, made to fit: as much of it as possible arrives."""

from typing import Final

from opentelemetry.trace import DEFAULT_TRACE_STATE, Status
from opentelemetry.util.types import AnyValue

from spanloom_instrumentation.encoding.spans import encode
from spanloom_instrumentation.encoding.values import utf8
from spanloom_instrumentation.heritage import Heritage
from spanloom_instrumentation.more import More, SpanEvent
from spanloom_instrumentation.span import Span

_COUNT_BYTES: Final = 6
_SHORTEST_CUT_BYTES: Final = 64
"""Values are cut down to this; when that is not enough, other things go."""


def shrunk(span: Span, room_bytes: int) -> bytes:
    """The span, encoded, in at most *room_bytes*.

    First its longest values are cut, as few as possible as little as possible; then events go, in
    the order of `More.forget_event`, then links, then attributes, then the rest. Its own
    `dropped_…_count` fields say how many of each were cut or went.
    """
    whole = span
    span, more = _copy(whole)
    excess = len(encode(span)) - room_bytes
    if excess > 0:
        _cut_values(span, more, excess)
    while len(data := encode(span)) > room_bytes and len(more.events) > 2:
        for _ in range(len(more.events) // 2):
            more.forget_event()
    if len(data) > room_bytes:
        _drop_lists(more)
    while len(data := encode(span)) > room_bytes and span.told:
        _drop_half(span, more, whole)
    if len(data) > room_bytes:
        _cut_rest(span, more, room_bytes // 8)
    return encode(span)


def structure_bytes(span: Span) -> int:
    """How large it is without all that was said of it: ids, times, name, kind, status, and what went."""
    span, more = _copy(span)
    span.told, more.events, more.links = {}, [], []
    return len(encode(span)) + 3 * _COUNT_BYTES


def _copy(span: Span) -> tuple[Span, More]:
    """A span to be changed: processors may still read the original."""
    copy = Span(
        span.of,
        span.heritage,
        span.span_id,
        span.parent_is,
        span.name,
        span.kind,
        span.start_time,
        None,
        span.records_exceptions,
        span.sets_status,
    )
    copy.end_time = span.end_time
    copy.told = dict(span.told)
    more = copy.more = More()
    if span.more:
        more.events = [
            SpanEvent(event.name, event.timestamp, dict(event.attributes), event.dropped_attributes)
            for event in span.more.events
        ]
        more.links = list(span.more.links)
        more.status = span.more.status
        more.dropped_attributes = span.more.dropped_attributes
        more.dropped_events = span.more.dropped_events
        more.dropped_links = span.more.dropped_links
    return copy, more


def _cut_values(span: Span, more: More, excess_bytes: int) -> None:
    # Saying how many were cut takes bytes too.
    excess_bytes += _COUNT_BYTES * (1 + len(more.events))
    holders = (span.told, *(event.attributes for event in more.events))
    lengths = [_bytes(value) for holder in holders for value in holder.values()]
    lengths += [_bytes(event.name) for event in more.events]
    most_bytes = _longest_kept(lengths, excess_bytes)
    more.dropped_attributes += _cut(span.told, most_bytes)
    for event in more.events:
        event.name = _start(event.name, most_bytes)
        event.dropped_attributes += _cut(event.attributes, most_bytes)


def _longest_kept(lengths: list[int], excess_bytes: int) -> int:
    """The greatest length to which all longer ones are cut so that enough is saved."""
    saved = 0
    lengths = sorted((length for length in lengths if length > _SHORTEST_CUT_BYTES), reverse=True)
    for place, length in enumerate(lengths):
        following = lengths[place + 1] if place + 1 < len(lengths) else _SHORTEST_CUT_BYTES
        step = (length - following) * (place + 1)
        if saved + step >= excess_bytes:
            return length - -(-(excess_bytes - saved) // (place + 1))
        saved += step
    return _SHORTEST_CUT_BYTES


def _cut(holder: dict[str, AnyValue], most_bytes: int) -> int:
    """Cut strings and bytes; returns how many were too long."""
    cut = 0
    for key, value in holder.items():
        if _bytes(value) > most_bytes:
            cut += 1
            holder[key] = (
                _start(value, most_bytes)
                if isinstance(value, str)
                else value[:most_bytes]
                if isinstance(value, bytes)
                else value
            )
    return cut


def _start(text: str, most_bytes: int) -> str:
    data = utf8(text)
    return text if len(data) <= most_bytes else data[:most_bytes].decode(errors="ignore")


def _bytes(value: AnyValue) -> int:
    if isinstance(value, str):
        return len(utf8(value))
    return len(value) if isinstance(value, bytes) else 0


def _drop_lists(more: More) -> None:
    more.dropped_events += len(more.events)
    more.dropped_links += len(more.links)
    more.events, more.links = [], []


def _drop_half(span: Span, more: More, whole: Span) -> None:
    span.told = dict(list(span.told.items())[: len(span.told) // 2])
    # One that was cut before it went counts once.
    cut = sum(value is not whole.told[key] for key, value in span.told.items())
    more.dropped_attributes = whole.dropped_attributes + len(whole.told) - len(span.told) + cut


def _cut_rest(span: Span, more: More, most_characters: int) -> None:
    heritage = span.heritage
    span.name = span.name[:most_characters]
    span.heritage = Heritage(
        heritage.trace_id,
        sampled=heritage.sampled,
        random=heritage.flags.random_trace_id,
        trace_state=DEFAULT_TRACE_STATE,
    )
    if more.status and more.status.description:
        more.status = Status(more.status.status_code, more.status.description[:most_characters])
