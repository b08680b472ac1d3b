"""From rows back to OTLP: each span as the bytes of a Span message.

What has its default value is not written, as proto3 has it, so equal spans become equal bytes
whichever way they came.
"""

import numpy as np
import numpy.typing as npt
from numba import types

from spanloom_storage.kernels.compiled import BYTES, INT64S, UINT8S, array_of, compiled, inlined
from spanloom_storage.kernels.memory import copy, swapped
from spanloom_storage.kernels.rows import (
    ATTRIBUTE,
    BOOL,
    DOUBLE,
    EVENT,
    INT,
    LINK,
    OTHER,
    SPAN,
    STRING,
    TEXT,
    Rows,
)
from spanloom_storage.kernels.wire import put_fixed64, put_varint, varint_size


def encode(
    rows: Rows, chosen: npt.NDArray[np.int64] | None = None
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """(the Span messages of the chosen rows one after the other, where each begins and the last ends)."""
    if chosen is None:
        chosen = np.arange(len(rows.spans) - 1)
    ends = measure_spans(rows, chosen)
    target = np.empty(ends[-1], np.uint8)
    write_spans(rows, chosen, ends, target)
    return target, ends


def measure_spans(rows: Rows, chosen: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where each Span message begins, one after the other, and the last ends."""
    ends = np.zeros(len(chosen) + 1, np.int64)
    _measure(chosen, ends, *rows[4:10], rows.keys)
    return ends


def write_spans(
    rows: Rows,
    chosen: npt.NDArray[np.int64],
    begins: npt.NDArray[np.int64],
    target: npt.NDArray[np.uint8],
) -> None:
    """Write each Span message to where it begins."""
    _write(chosen, begins, target, *rows[:10], rows.keys)


@inlined
def _text_size(size):
    """A length-delimited field with a tag of one byte, left out where it is empty."""
    if size == 0:
        return np.int64(0)
    return 1 + varint_size(np.uint64(size)) + size


@inlined
def _count_size(value):
    """A number with a tag of one byte, left out where it is 0."""
    if value == 0:
        return np.int64(0)
    return np.int64(1 + varint_size(np.uint64(value)))


@inlined
def _value_size(attribute):
    """An AnyValue of one scalar."""
    kind = attribute.key & 7
    if kind == STRING:
        return 1 + varint_size(np.uint64(attribute.size)) + np.int64(attribute.size)
    if kind == BOOL:
        return np.int64(2)
    if kind == INT:
        return np.int64(1 + varint_size(np.uint64(attribute.value)))
    return np.int64(9)


@inlined
def _pair_size(attribute, keys):
    """A KeyValue, without its own tag and length."""
    if attribute.key & 7 == OTHER:
        return np.int64(attribute.size)
    size = _value_size(attribute)
    return _text_size(keys[attribute.key >> 3].size) + 1 + varint_size(np.uint64(size)) + size


@inlined
def pairs_size(attributes, begin, end, keys):
    """Fields that hold KeyValues."""
    total = np.int64(0)
    for place in range(begin, end):
        size = _pair_size(attributes[place], keys)
        total += 1 + varint_size(np.uint64(size)) + size
    return total


@inlined
def _event_size(events, place, attributes, keys):
    event = events[place]
    return (
        (9 if event.time_ns else 0)
        + _text_size(np.int64(event.name_size))
        + _count_size(event.dropped_attributes)
        + event.rest_size
        + pairs_size(attributes, event.attributes, events[place + 1].attributes, keys)
    )


@inlined
def _link_size(links, place, attributes, keys):
    link = links[place]
    return (
        (18 if link.trace_high | link.trace_low else 0)
        + (10 if link.span_id else 0)
        + _text_size(np.int64(link.trace_state_size))
        + _count_size(link.dropped_attributes)
        + (5 if link.flags else 0)
        + link.rest_size
        + pairs_size(attributes, link.attributes, links[place + 1].attributes, keys)
    )


@inlined
def _status_size(span):
    """A Status, without its own tag and length."""
    code = np.int64(0)
    if span.status_code:
        code = np.int64(1 + varint_size(np.uint64(np.int64(span.status_code))))
    return code + _text_size(np.int64(span.message_size))


@inlined
def _put_text(data, tag, at, size, target, to):
    if size == 0:
        return to
    target[to] = tag
    to = put_varint(target, to + 1, np.uint64(size))
    return copy(data, at, size, target, to)


@inlined
def _put_count(tag, value, target, to):
    if value == 0:
        return to
    target[to] = tag
    return put_varint(target, to + 1, np.uint64(value))


@inlined
def _put_time(tag, value, target, to):
    if value == 0:
        return to
    target[to] = tag
    return put_fixed64(target, to + 1, value)


@inlined
def _put_id(tag, value, target, to):
    if value == 0:
        return to
    target[to] = tag
    target[to + 1] = 8
    return put_fixed64(target, to + 2, swapped(value))


@inlined
def _put_trace_id(high, low, target, to):
    if high | low == 0:
        return to
    target[to] = 10  # trace_id = 1, in spans and in links
    target[to + 1] = 16
    to = put_fixed64(target, to + 2, swapped(high))
    return put_fixed64(target, to, swapped(low))


@inlined
def _put_fixed32(value, target, to):
    for position in range(4):
        target[to + position] = np.uint8((value >> np.uint32(8 * position)) & np.uint32(0xFF))
    return to + 4


@inlined
def put_pairs(data, tag, attributes, begin, end, keys, target, to):
    """Write fields that hold KeyValues; where they ended."""
    for place in range(begin, end):
        attribute = attributes[place]
        target[to] = tag
        to = put_varint(target, to + 1, np.uint64(_pair_size(attribute, keys)))
        kind = attribute.key & 7
        if kind == OTHER:
            to = copy(data, attribute.value, np.int64(attribute.size), target, to)
            continue
        key = keys[attribute.key >> 3]
        to = _put_text(data, 10, key.at, key.size, target, to)  # key = 1
        target[to] = 18  # value = 2
        to = put_varint(target, to + 1, np.uint64(_value_size(attribute)))
        if kind == STRING:  # an empty one too: else the value would have no type
            target[to] = 10
            to = put_varint(target, to + 1, np.uint64(attribute.size))
            to = copy(data, attribute.value, np.int64(attribute.size), target, to)
        elif kind == BOOL:
            target[to] = 16
            target[to + 1] = np.uint8(attribute.value)
            to += 2
        elif kind == INT:
            target[to] = 24
            to = put_varint(target, to + 1, np.uint64(attribute.value))
        elif kind == DOUBLE:
            target[to] = 33
            to = put_fixed64(target, to + 1, np.uint64(attribute.value))
    return to


@compiled(types.void(array_of(ATTRIBUTE), array_of(TEXT), INT64S, INT64S))
def measure_pairs(attributes, keys, begins, ends):
    """Where each row's attributes, from begins[r] to begins[r + 1], will end as a Span message."""
    for row in range(begins.size - 1):
        ends[row + 1] = ends[row] + pairs_size(attributes, begins[row], begins[row + 1], keys)


@compiled(types.void(BYTES, array_of(ATTRIBUTE), array_of(TEXT), INT64S, INT64S, UINT8S))
def write_pairs(data, attributes, keys, begins, ends, target):
    """Each row's attributes as a Span message of nothing else."""
    for row in range(begins.size - 1):
        put_pairs(data, 74, attributes, begins[row], begins[row + 1], keys, target, ends[row])


_PARTS = (
    BYTES, BYTES, BYTES, BYTES, array_of(SPAN), array_of(ATTRIBUTE), array_of(EVENT), array_of(ATTRIBUTE),
    array_of(LINK), array_of(ATTRIBUTE), array_of(TEXT),
)  # fmt: skip


@compiled(types.void(INT64S, INT64S, *_PARTS[4:]))
def _measure(
    chosen, ends, spans, attributes, events, event_attributes, links, link_attributes, keys,
):  # fmt: skip
    """Where each message will end."""
    for place in range(chosen.size):
        row = chosen[place]
        span = spans[row]
        size = np.int64(18 if span.trace_high | span.trace_low else 0)
        size += (10 if span.span_id else 0) + (10 if span.parent_id else 0)
        size += (9 if span.start_ns else 0) + (9 if span.end_ns else 0)
        size += _text_size(np.int64(span.name_size)) + _text_size(np.int64(span.trace_state_size))
        if span.kind:
            size += 1 + varint_size(np.uint64(np.int64(span.kind)))
        size += _count_size(span.dropped_attributes) + _count_size(span.dropped_events)
        size += _count_size(span.dropped_links) + (6 if span.flags else 0) + span.rest_size
        size += _text_size(_status_size(span))
        size += pairs_size(attributes, span.attributes, spans[row + 1].attributes, keys)
        for event in range(span.events, spans[row + 1].events):
            inner = np.int64(_event_size(events, event, event_attributes, keys))
            size += 1 + varint_size(np.uint64(inner)) + inner
        for link in range(span.links, spans[row + 1].links):
            inner = np.int64(_link_size(links, link, link_attributes, keys))
            size += 1 + varint_size(np.uint64(inner)) + inner
        ends[place + 1] = ends[place] + size


@compiled(types.void(INT64S, INT64S, UINT8S, *_PARTS))
def _write(
    chosen, begins, target, data, rest, event_rest, link_rest, spans, attributes, events, event_attributes,
    links, link_attributes, keys,
):  # fmt: skip
    """Every message at its place, fields in the order that OTLP's encoders have."""
    for place in range(chosen.size):
        row = chosen[place]
        span = spans[row]
        to = _put_trace_id(span.trace_high, span.trace_low, target, begins[place])
        to = _put_id(18, span.span_id, target, to)
        to = _put_text(data, 26, span.trace_state_at, np.int64(span.trace_state_size), target, to)
        to = _put_id(34, span.parent_id, target, to)
        to = _put_text(data, 42, span.name_at, np.int64(span.name_size), target, to)
        if span.kind:
            target[to] = 48
            to = put_varint(target, to + 1, np.uint64(np.int64(span.kind)))
        to = _put_time(57, span.start_ns, target, to)
        to = _put_time(65, span.end_ns, target, to)
        to = put_pairs(data, 74, attributes, span.attributes, spans[row + 1].attributes, keys, target, to)
        to = _put_count(80, span.dropped_attributes, target, to)
        for number in range(span.events, spans[row + 1].events):
            event = events[number]
            target[to] = 90
            size = _event_size(events, number, event_attributes, keys)
            to = put_varint(target, to + 1, np.uint64(size))
            to = _put_time(9, event.time_ns, target, to)
            to = _put_text(data, 18, event.name_at, np.int64(event.name_size), target, to)
            end = events[number + 1].attributes
            to = put_pairs(data, 26, event_attributes, event.attributes, end, keys, target, to)
            to = _put_count(32, event.dropped_attributes, target, to)
            to = copy(event_rest, event.rest_at, np.int64(event.rest_size), target, to)
        to = _put_count(96, span.dropped_events, target, to)
        for number in range(span.links, spans[row + 1].links):
            link = links[number]
            target[to] = 106
            size = _link_size(links, number, link_attributes, keys)
            to = put_varint(target, to + 1, np.uint64(size))
            to = _put_trace_id(link.trace_high, link.trace_low, target, to)
            to = _put_id(18, link.span_id, target, to)
            to = _put_text(data, 26, link.trace_state_at, np.int64(link.trace_state_size), target, to)
            end = links[number + 1].attributes
            to = put_pairs(data, 34, link_attributes, link.attributes, end, keys, target, to)
            to = _put_count(40, link.dropped_attributes, target, to)
            if link.flags:
                target[to] = 53
                to = _put_fixed32(link.flags, target, to + 1)
            to = copy(link_rest, link.rest_at, np.int64(link.rest_size), target, to)
        to = _put_count(112, span.dropped_links, target, to)
        size = _status_size(span)
        if size:
            target[to] = 122
            to = put_varint(target, to + 1, np.uint64(size))
            to = _put_text(data, 18, span.message_at, np.int64(span.message_size), target, to)
            if span.status_code:
                target[to] = 24
                to = put_varint(target, to + 1, np.uint64(np.int64(span.status_code)))
        if span.flags:
            target[to] = 133
            target[to + 1] = 1
            to = _put_fixed32(span.flags, target, to + 2)
        copy(rest, span.rest_at, np.int64(span.rest_size), target, to)
