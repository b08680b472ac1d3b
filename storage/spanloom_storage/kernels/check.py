"""Is this a well-formed OTLP message? Every field, every nested message, every string.

Stricter than protobuf's own parsers in one thing: groups (wire types 3 and 4), which proto3 does
not have, are refused even as unknown fields. What passes here, those parsers read.

On the way it counts the messages, judges the ids of spans, as OTLP has them, and notices whether anything
may be beyond the limits of what a span may say.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from numba import types
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanloom_storage.kernels.compiled import BYTES, INT64S, compiled, inlined
from spanloom_storage.kernels.memory import load

MAX_DEPTH: Final = 100
"""Levels of messages within messages: what protobuf's parsers allow."""

OK: Final = 0
TRUNCATED: Final = 1
BAD_TAG: Final = 2
BAD_UTF8: Final = 3
TOO_DEEP: Final = 4

MEANING: Final = {
    TRUNCATED: "a field runs past the end of its message",
    BAD_TAG: "no field begins here",
    BAD_UTF8: "a string is not UTF-8",
    TOO_DEEP: f"messages are nested deeper than {MAX_DEPTH} levels",
}

_FIELD_NUMBERS: Final = 32
"""Fields from this number on are unknown to OTLP's trace messages."""
_PLAIN: Final = 0
_STRING: Final = 1
_MESSAGE: Final = 2
"""A field holding message number m is written _MESSAGE + m."""


def messages_of(root: Descriptor) -> list[Descriptor]:
    """The root and all messages below it, numbered by their place."""
    messages = [root]
    for message in messages:
        inner = (field.message_type for field in message.fields if field.message_type is not None)
        messages += [one for one in dict.fromkeys(inner) if one not in messages]
    return messages


def field_table(messages: list[Descriptor]) -> npt.NDArray[np.int16]:
    """What each length-delimited field holds, by number of the message and of the field."""
    table = np.full((len(messages), _FIELD_NUMBERS), _PLAIN, np.int16)
    for row, message in zip(table, messages, strict=True):
        for field in message.fields:
            if field.type == FieldDescriptor.TYPE_STRING:
                row[field.number] = _STRING
            elif field.message_type is not None:
                row[field.number] = _MESSAGE + messages.index(field.message_type)
    return table


MESSAGES: Final = messages_of(ExportTraceServiceRequest.DESCRIPTOR)
REQUEST_FIELDS: Final = field_table(MESSAGES)
_SPAN: Final = MESSAGES.index(Span.DESCRIPTOR)
_PAIR: Final = MESSAGES.index(KeyValue.DESCRIPTOR)
_SPAN_EVENT: Final = MESSAGES.index(Span.Event.DESCRIPTOR)
_SPAN_LINK: Final = MESSAGES.index(Span.Link.DESCRIPTOR)
_RESOURCE: Final = MESSAGES.index(Resource.DESCRIPTOR)
_SCOPE: Final = MESSAGES.index(InstrumentationScope.DESCRIPTOR)
_ANY_VALUE: Final = MESSAGES.index(AnyValue.DESCRIPTOR)

_BAD_TRACE_ID: Final = len(MESSAGES)
_BAD_SPAN_ID: Final = _BAD_TRACE_ID + 1
_BAD_PARENT_ID: Final = _BAD_TRACE_ID + 2
"""In the tally, behind the numbers of messages: spans that can never be stored, by reason."""
_BEYOND: Final = _BAD_TRACE_ID + 3
"""And how often something may have been beyond the limits."""

_ROW_BYTES: Final = {_SPAN: 160, _PAIR: 16, _SPAN_EVENT: 48, _SPAN_LINK: 64}
"""Roughly what these take once they are rows."""
_MOST_ROW_BYTES: Final = 8
"""So many a byte of the message; the smallest spans that mean anything take six."""
_SPARE_ROW_BYTES: Final = 2**16
UNLIMITED: Final = 2**62


class Checked(NamedTuple):
    """What the walk has found out about a well-formed message."""

    span_count: int
    """Those with good ids only."""
    bad_trace_ids: int
    bad_span_ids: int
    bad_parent_ids: int
    beyond_limits: bool
    """Whether a text, bytes or attributes may be more than was allowed; if not, none is."""


def check(
    data: npt.NDArray[np.uint8], most_bytes: int = UNLIMITED, most_attributes: int = UNLIMITED
) -> Checked | str:
    """Count the spans of an ExportTraceServiceRequest, or say why these bytes are none.

    A text or bytes beyond *most_bytes* is noticed, as are *most_attributes* of a span, with those of its
    events and links, or of a resource or scope.
    """
    tally = np.zeros(len(MESSAGES) + 4, np.int64)
    wrong, at = _walk(data, REQUEST_FIELDS, tally, most_bytes, most_attributes)
    if wrong:
        return f"{MEANING[wrong]} (byte {at})"
    row_bytes = sum(int(tally[message]) * size for message, size in _ROW_BYTES.items())
    if row_bytes > _MOST_ROW_BYTES * data.size + _SPARE_ROW_BYTES:
        # Their rows would take many times the request's memory.
        return f"{tally[_SPAN]} spans with what belongs to them in {data.size} bytes, too few to say anything"
    trace, span, parent, beyond = (int(count) for count in tally[len(MESSAGES) :])
    good = int(tally[_SPAN]) - trace - span - parent
    return Checked(good, trace, span, parent, beyond_limits=beyond > 0)


@inlined
def _varint(data, at, end, most):
    """(value, where it ends), or where = -1 when it does not end in time, within *most* bytes."""
    if at < end and data[at] < 0x80:  # nearly always
        return np.uint64(data[at]), at + 1
    value = np.uint64(0)
    for position in range(most):
        if at >= end:
            break
        byte = np.uint64(data[at])
        at += 1
        value |= (byte & np.uint64(0x7F)) << np.uint64(7 * position)
        if byte < np.uint64(0x80):
            return value, at
    return value, -1


@inlined
def _is_ascii(data, at, end):
    """Whether no byte is above 127, eight at a time."""
    high = np.uint64(0)
    while at + 8 <= end:
        high |= load(data, at)
        at += 8
    while at < end:
        high |= np.uint64(data[at])
        at += 1
    return high & np.uint64(0x8080808080808080) == 0


@inlined
def _is_plain_pair(data, at, end, most_bytes):
    """Whether this is an attribute as nearly all are: ASCII, short, one scalar. False says nothing."""
    if end - at < 6 or end - at > most_bytes or data[at] != 10 or data[at + 1] >= 0x80:  # key = 1
        return False
    value = at + 2 + np.int64(data[at + 1])
    if value + 4 > end or data[value] != 18 or not _is_ascii(data, at + 2, value):  # value = 2
        return False
    size, value = _short(data, value + 1)
    if size != end - value or size < 2:
        return False
    tag = data[value]
    if tag == 10:  # string_value = 1
        size, value = _short(data, value + 1)
        return size == end - value and size >= 0 and _is_ascii(data, value, end)
    if tag == 16 or tag == 24:  # bool_value = 2, int_value = 3
        _, value = _varint(data, value + 1, end, 10)
        return value == end
    return tag == 33 and end - value == 9  # double_value = 4


@inlined
def _short(data, at):
    """(a size of one or two bytes, where it ends), or -1 for it; two bytes must be there."""
    first = np.int64(data[at])
    if first < 0x80:
        return first, at + 1
    second = np.int64(data[at + 1])
    if second < 0x80:
        return (first & 0x7F) | (second << 7), at + 2
    return np.int64(-1), at


@inlined
def _skip_plain(data, at, end, tally, most_bytes):
    """Where the fields of a span stop to be as nearly all are; what has odd ids, events or links does."""
    while at + 10 <= end:
        tag = data[at]
        if tag == 74:  # attributes = 9
            size, begin = _short(data, at + 1)
            if size < 0 or begin + size > end or not _is_plain_pair(data, begin, begin + size, most_bytes):
                return at
            tally[_PAIR] += 1
            at = begin + size
        elif tag == 57 or tag == 65:  # start_time_unix_nano = 7, end_time_unix_nano = 8
            at += 9
        elif tag == 48:  # kind = 6
            if data[at + 1] >= 0x80:
                return at
            at += 2
        elif tag == 42:  # name = 5
            size, begin = _short(data, at + 1)
            if (
                size < 0
                or size > most_bytes
                or begin + size > end
                or not _is_ascii(data, begin, begin + size)
            ):
                return at
            at = begin + size
        elif tag == 133 and data[at + 1] == 1:  # flags = 16
            at += 6
        else:
            return at
    return at


@inlined
def _is_id(data, at, size, right):
    """Whether an id has the right size, 8 or 16, and is not all zero."""
    if size != right:
        return False
    some = load(data, at)
    if right == 16:
        some |= load(data, at + 8)
    return some != 0


@inlined
def _is_utf8(data, at, end):
    """RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF."""
    if _is_ascii(data, at, end):
        return True
    while at < end:
        first = data[at]
        at += 1
        if first < 0x80:
            continue
        low, top = 0x80, 0xBF
        if 0xC2 <= first <= 0xDF:
            more = 1
        elif 0xE0 <= first <= 0xEF:
            more = 2
            if first == 0xE0:
                low = 0xA0
            elif first == 0xED:
                top = 0x9F
        elif 0xF0 <= first <= 0xF4:
            more = 3
            if first == 0xF0:
                low = 0x90
            elif first == 0xF4:
                top = 0x8F
        else:
            return False
        if at + more > end or data[at] < low or data[at] > top:
            return False
        for position in range(at + 1, at + more):
            if data[position] < 0x80 or data[position] > 0xBF:
                return False
        at += more
    return True


@compiled(types.UniTuple(types.int64, 2)(BYTES, types.int16[:, ::1], INT64S, types.int64, types.int64))
def _walk(data, fields, tally, most_bytes, most_attributes):
    """(OK, length) or (what is wrong, at which byte); walks with a stack, never recursively."""
    ends = np.empty(MAX_DEPTH, np.int64)
    messages = np.empty(MAX_DEPTH, np.int64)
    depth = 0
    end = np.int64(data.size)
    message = np.int64(0)
    good_trace = good_span = good_parent = False
    pairs_before = np.int64(0)
    at = np.int64(0)
    while True:
        while at == end:
            if message == _SPAN:
                if not good_trace:
                    tally[_BAD_TRACE_ID] += 1
                elif not good_span:
                    tally[_BAD_SPAN_ID] += 1
                elif not good_parent:
                    tally[_BAD_PARENT_ID] += 1
            if message == _SPAN or message == _RESOURCE or message == _SCOPE:  # none of these is in another
                tally[_BEYOND] += tally[_PAIR] - pairs_before > most_attributes
            if depth == 0:
                return OK, at
            depth -= 1
            end = ends[depth]
            message = messages[depth]
        if message == _SPAN:
            at = _skip_plain(data, at, end, tally, most_bytes)
            if at == end:
                continue
        begin = at
        tag, at = _varint(data, at, end, 5)
        if at < 0:
            return TRUNCATED, begin
        number = tag >> np.uint64(3)
        wire_type = tag & np.uint64(7)
        if number == 0 or number >= np.uint64(1 << 29):
            return BAD_TAG, begin
        if wire_type == 0:
            _, at = _varint(data, at, end, 10)
            if at < 0:
                return TRUNCATED, begin
            continue
        if wire_type == 1 or wire_type == 5:
            at += np.int64(8) if wire_type == 1 else np.int64(4)
            if at > end:
                return TRUNCATED, begin
            continue
        if wire_type != 2:
            return BAD_TAG, begin
        length, at = _varint(data, at, end, 5)
        if at < 0 or length > np.uint64(end - at):
            return TRUNCATED, begin
        size = np.int64(length)
        holds = _PLAIN
        if number < _FIELD_NUMBERS:
            holds = np.int64(fields[message, number])
        if holds == _PLAIN:
            if message == _SPAN:
                if number == 1:
                    good_trace = _is_id(data, at, size, 16)
                elif number == 2:
                    good_span = _is_id(data, at, size, 8)
                elif number == 4:  # empty or all zero means none
                    good_parent = size == 8 or size == 0
            elif message == _ANY_VALUE:
                tally[_BEYOND] += size > most_bytes
            at += size
        elif holds == _STRING:
            if not _is_utf8(data, at, at + size):
                return BAD_UTF8, begin
            tally[_BEYOND] += size > most_bytes
            at += size
        else:
            holds -= _MESSAGE
            tally[holds] += 1
            if holds == _PAIR and _is_plain_pair(data, at, at + size, most_bytes):
                at += size
                if depth + 3 > MAX_DEPTH:  # the pair and its value
                    return TOO_DEEP, begin
                continue
            ends[depth] = end
            messages[depth] = message
            depth += 1
            if depth == MAX_DEPTH:
                return TOO_DEEP, begin
            end = at + size
            message = holds
            if holds == _SPAN or holds == _RESOURCE or holds == _SCOPE:
                pairs_before = tally[_PAIR]
            if holds == _SPAN:
                good_trace = good_span = False
                good_parent = True
