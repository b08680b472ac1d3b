"""From OTLP bytes that `check` has passed to rows, in one pass.

Nothing here looks at a length again, so nothing here may run on bytes that were not checked. Field
numbers are those of opentelemetry/proto/trace/v1/trace.proto. As protobuf has it, the last of a
repeated scalar counts. Whatever a row has no place for is kept as it came, in `rest`.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import types

from spanloom_storage.kernels import rows
from spanloom_storage.kernels.compiled import (
    BYTES,
    INT32S,
    INT64_PAIRS,
    INT64S,
    UINT8S,
    array_of,
    compiled,
    inlined,
)
from spanloom_storage.kernels.memory import copy, hashed, load, same, swapped
from spanloom_storage.kernels.rows import ATTRIBUTE, BOOL, DOUBLE, EVENT, INT, LINK, OTHER, SPAN, STRING, TEXT
from spanloom_storage.kernels.wire import field, fixed32, put_varint, varint

_SPANS: Final = 0
_ATTRIBUTES: Final = 1
_EVENTS: Final = 2
_EVENT_ATTRIBUTES: Final = 3
_LINKS: Final = 4
_LINK_ATTRIBUTES: Final = 5
_RESOURCES: Final = 6
_SCOPES: Final = 7
_COUNTS: Final = 8

_KEYS: Final = 0
_NAMES: Final = 1
_REST: Final = 2
_EVENT_REST: Final = 3
_LINK_REST: Final = 4
# 5 is free, since _RESOURCES and _SCOPES keep their places.

_NO_TRACE_ID: Final = 1
_NO_SPAN_ID: Final = 2
_ODD_PARENT_ID: Final = 4

_PREDICTED_KEYS: Final = 2**10


def decode(data: rows.Bytes, extents: npt.NDArray[np.int64] | None = None) -> rows.Rows:
    """The spans of the ExportTraceServiceRequests that lie in *data* at *extents* (begin, end)."""
    if extents is None:
        extents = np.array([[0, data.size]], np.int64)
    count = _count(data, extents)
    size = int((extents[:, 1] - extents[:, 0]).sum())
    pairs = count[_ATTRIBUTES] + count[_EVENT_ATTRIBUTES] + count[_LINK_ATTRIBUTES]
    found = rows.Rows(
        data=data,
        # Memory that is not touched costs nothing: these have room for the worst that can come.
        rest=np.empty(2 * size, np.uint8),
        event_rest=np.empty(size, np.uint8),
        link_rest=np.empty(size, np.uint8),
        spans=np.zeros(count[_SPANS] + 1, SPAN),
        attributes=np.empty(count[_ATTRIBUTES], ATTRIBUTE),
        events=np.zeros(count[_EVENTS] + 1, EVENT),
        event_attributes=np.empty(count[_EVENT_ATTRIBUTES], ATTRIBUTE),
        links=np.zeros(count[_LINKS] + 1, LINK),
        link_attributes=np.empty(count[_LINK_ATTRIBUTES], ATTRIBUTE),
        keys=np.empty(pairs, TEXT),
        names=np.empty(count[_SPANS], TEXT),
        resources=np.empty(size, np.uint8),
        resource_ends=np.zeros(count[_RESOURCES] + 1, np.int64),
        scopes=np.empty(size, np.uint8),
        scope_ends=np.zeros(count[_SCOPES] + 1, np.int64),
    )
    tables = [_table(count) for count in (pairs, count[_SPANS], count[_RESOURCES], count[_SCOPES])]
    used = _fill(extents, *tables, *tuple(found))
    resource_ends = found.resource_ends[: used[_RESOURCES] + 1].copy()
    scope_ends = found.scope_ends[: used[_SCOPES] + 1].copy()
    return found._replace(
        rest=found.rest[: used[_REST]].copy(),
        event_rest=found.event_rest[: used[_EVENT_REST]].copy(),
        link_rest=found.link_rest[: used[_LINK_REST]].copy(),
        keys=found.keys[: used[_KEYS]].copy(),
        names=found.names[: used[_NAMES]].copy(),
        resources=found.resources[: resource_ends[-1]].copy(),
        resource_ends=resource_ends,
        scopes=found.scopes[: scope_ends[-1]].copy(),
        scope_ends=scope_ends,
    )


def _table(most: int) -> npt.NDArray[np.int32]:
    """A hash table for so many texts. Zeros that are never looked at cost nothing."""
    return np.zeros(1 << int(2 * most + 15).bit_length(), np.int32)


def decode_owners(
    messages: rows.Bytes, ends: npt.NDArray[np.int64], *, pair_tag: int, owner_tag: int = 10
) -> rows.Owners:
    """The attributes in each message, by the tag that they have in it.

    Of ResourceSpans (pair_tag 10) and ScopeSpans (26) without what is in them it is a message further
    down, with owner_tag, that has the attributes. An owner_tag of 0 means the message itself.
    """
    count = int(_count_owners(messages, ends, owner_tag, pair_tag))
    begins = np.zeros(ends.size, np.int64)
    attributes, keys = np.empty(count, ATTRIBUTE), np.empty(count, TEXT)
    first, second = np.zeros(ends.size - 1, TEXT), np.zeros(ends.size - 1, TEXT)
    used = _fill_owners(
        messages, ends, owner_tag, pair_tag, _table(count), begins, attributes, keys, first, second
    )
    return rows.Owners(messages, begins, attributes, keys[:used].copy(), first, second)


@inlined
def _identity(data, begin, end):
    """Sixteen or eight bytes as numbers (high, low), or zeros where they are not so many."""
    if end - begin == 16:
        return swapped(load(data, begin)), swapped(load(data, begin + 8))
    if end - begin == 8:
        return np.uint64(0), swapped(load(data, begin))
    return np.uint64(0), np.uint64(0)


@inlined
def _is_id(data, begin, end, size):
    """Whether it has the right size and is not all zero."""
    high, low = _identity(data, begin, end)
    return end - begin == size and (high | low) != 0


@inlined
def _put_wrapped(data, begin, end, target, to):
    """A field of a status, in a status of its own; where it ended."""
    target[to] = 122  # status = 15
    to = put_varint(target, to + 1, np.uint64(end - begin))
    return copy(data, begin, end - begin, target, to)


@inlined
def _interned(table, texts, count, data, at, size):
    """(the text's number, how many there are now). A slot of the table holds a number plus one, or 0."""
    mask = table.size - 1
    slot = np.int64(hashed(data, at, size)) & mask
    while True:
        number = np.int64(table[slot]) - 1
        if number < 0:
            table[slot] = count + 1
            texts[count].at = at
            texts[count].size = size
            return count, count + 1
        if texts[number].size == size and same(data, texts[number].at, data, at, size):
            return number, count
        slot = (slot + 1) & mask


@inlined
def _message_number(table, messages, ends, count):
    """The same of the message that was copied last; taken off again where it is known."""
    at = ends[count]
    size = ends[count + 1] - at
    mask = table.size - 1
    slot = np.int64(hashed(messages, at, size)) & mask
    while True:
        number = np.int64(table[slot]) - 1
        if number < 0:
            table[slot] = count + 1
            return count, count + 1
        other = ends[number]
        if ends[number + 1] - other == size and same(messages, other, messages, at, size):
            return number, count
        slot = (slot + 1) & mask


@inlined
def _scalar(data, at, end):
    """(type, value, size) of an AnyValue; OTHER where it is more, or less, than one scalar."""
    if at == end:
        return OTHER, np.int64(0), np.int64(0)
    tag, begin, stop = field(data, at)
    if stop == end:
        if tag == 10:  # string_value = 1
            return STRING, begin, end - begin
        if tag == 16:  # bool_value = 2
            return BOOL, np.int64(varint(data, begin)[0] != 0), np.int64(0)
        if tag == 24:  # int_value = 3
            return INT, np.int64(varint(data, begin)[0]), np.int64(0)
        if tag == 33:  # double_value = 4
            return DOUBLE, np.int64(load(data, begin)), np.int64(0)
    return OTHER, np.int64(0), np.int64(0)


@inlined
def _pair(data, at, end):
    """(key's place, its size, type, value, size) of a KeyValue; OTHER where it is not just key and value."""
    # Nearly all are: key, then value, each with a size of one byte, the value of one scalar.
    if end - at >= 6 and data[at] == 10 and data[at + 1] < 0x80:
        key_size = np.int64(data[at + 1])
        value = at + 2 + key_size
        if (
            value + 4 <= end
            and data[value] == 18
            and data[value + 1] < 0x80
            and value + 2 + data[value + 1] == end
        ):
            tag = data[value + 2]
            if tag == 10 and data[value + 3] < 0x80 and value + 4 + data[value + 3] == end:
                return at + 2, key_size, np.int64(STRING), value + 4, end - value - 4
            if tag == 24:
                number, stop = varint(data, value + 3)
                if stop == end:
                    return at + 2, key_size, np.int64(INT), np.int64(number), np.int64(0)
    return _any_pair(data, at, end)


@inlined
def _any_pair(data, at, end):
    """The same, of whatever was sent."""
    key_at = value = size = np.int64(0)
    key_size = np.int64(0)
    kind = np.int64(OTHER)
    begin = at
    plain = True
    values = keys = 0
    while at < end:
        tag, inside, at = field(data, at)
        if tag == 10:  # key = 1
            key_at, key_size = inside, at - inside
            keys += 1
        elif tag == 18:  # value = 2
            kind, value, size = _scalar(data, inside, at)
            values += 1
        else:
            plain = False
    if not plain or values != 1 or keys > 1 or kind == OTHER:
        return key_at, key_size, np.int64(OTHER), begin, end - begin
    return key_at, key_size, kind, value, size


@inlined
def _put_pair(data, at, end, key_table, keys, key_count, attribute):
    """Fill an attribute's row from a KeyValue; how many keys there are now."""
    key_at, key_size, kind, value, size = _pair(data, at, end)
    key, key_count = _interned(key_table, keys, key_count, data, key_at, key_size)
    attribute.key = key * 8 + kind
    attribute.value = value
    attribute.size = size
    return key_count


@compiled(INT64S(BYTES, INT64_PAIRS))
def _count(data, extents):
    """How many rows there will be at most, of each kind."""
    count = np.zeros(_COUNTS, np.int64)
    for extent in range(extents.shape[0]):
        at = extents[extent, 0]
        while at < extents[extent, 1]:
            tag, resource_at, at = field(data, at)
            if tag != 10:  # resource_spans = 1
                continue
            count[_RESOURCES] += 1
            while resource_at < at:
                tag, scope_at, resource_at = field(data, resource_at)
                if tag != 18:  # scope_spans = 2
                    continue
                count[_SCOPES] += 1
                while scope_at < resource_at:
                    tag, span_at, scope_at = field(data, scope_at)
                    if tag != 18:  # spans = 2
                        continue
                    count[_SPANS] += 1
                    while span_at < scope_at:
                        tag, part_at, span_at = field(data, span_at)
                        if tag == 74:  # attributes = 9
                            count[_ATTRIBUTES] += 1
                        elif tag == 90:  # events = 11
                            count[_EVENTS] += 1
                            while part_at < span_at:
                                tag, _, part_at = field(data, part_at)
                                count[_EVENT_ATTRIBUTES] += tag == 26
                        elif tag == 106:  # links = 13
                            count[_LINKS] += 1
                            while part_at < span_at:
                                tag, _, part_at = field(data, part_at)
                                count[_LINK_ATTRIBUTES] += tag == 34
    return count


@compiled(
    INT64S(
        INT64_PAIRS, INT32S, INT32S, INT32S, INT32S, BYTES, UINT8S, UINT8S, UINT8S,
        array_of(SPAN), array_of(ATTRIBUTE), array_of(EVENT), array_of(ATTRIBUTE), array_of(LINK),
        array_of(ATTRIBUTE), array_of(TEXT), array_of(TEXT), UINT8S, INT64S, UINT8S, INT64S,
    )
)  # fmt: skip
def _fill(
    extents,
    key_table,
    name_table,
    resource_table,
    scope_table,
    data,
    rest,
    event_rest,
    link_rest,
    spans,
    attributes,
    events,
    event_attributes,
    links,
    link_attributes,
    keys,
    names,
    resources,
    resource_ends,
    scopes,
    scope_ends,
):
    following = np.full(_PREDICTED_KEYS, -1, np.int32)  # which key came behind which the last time
    key_count = name_count = resource_count = scope_count = np.int64(0)
    row = attribute = event = event_attribute = link = link_attribute = np.int64(0)
    rest_size = event_rest_size = link_rest_size = np.int64(0)
    for extent in range(extents.shape[0]):
        at = extents[extent, 0]
        while at < extents[extent, 1]:
            tag, resource_at, at = field(data, at)
            if tag != 10:  # resource_spans = 1
                continue
            resource_begin = resource_at
            size = resource_ends[resource_count]
            while resource_at < at:
                part = resource_at
                tag, _, resource_at = field(data, resource_at)
                if tag != 18:  # all but scope_spans = 2 describes the resource
                    size = copy(data, part, resource_at - part, resources, size)
            resource_ends[resource_count + 1] = size
            resource, resource_count = _message_number(
                resource_table, resources, resource_ends, resource_count
            )
            resource_at = resource_begin
            while resource_at < at:
                tag, scope_at, resource_at = field(data, resource_at)
                if tag != 18:
                    continue
                scope_begin = scope_at
                size = scope_ends[scope_count]
                while scope_at < resource_at:
                    part = scope_at
                    tag, _, scope_at = field(data, scope_at)
                    if tag != 18:  # all but spans = 2 describes the scope
                        size = copy(data, part, scope_at - part, scopes, size)
                scope_ends[scope_count + 1] = size
                scope, scope_count = _message_number(scope_table, scopes, scope_ends, scope_count)
                scope_at = scope_begin
                while scope_at < resource_at:
                    tag, span_at, scope_at = field(data, scope_at)
                    if tag != 18:
                        continue
                    span = spans[row]
                    span.attributes = attribute
                    span.events = event
                    span.links = link
                    span.resource = resource
                    span.scope = scope
                    span.rest_at = rest_size
                    span.bad = _NO_TRACE_ID | _NO_SPAN_ID
                    before = np.int64(0)
                    odd_parent = False
                    while span_at < scope_at:
                        part = span_at
                        first = data[span_at]
                        if (first == 57 or first == 65) and span_at + 9 <= scope_at:
                            # start_time_unix_nano = 7, end_time_unix_nano = 8
                            if first == 57:
                                span.start_ns = load(data, span_at + 1)
                            else:
                                span.end_ns = load(data, span_at + 1)
                            span_at += 9
                            continue
                        if first == 74 and data[span_at + 1] < 0x80:
                            tag, begin = np.uint64(74), span_at + 2
                            span_at = begin + np.int64(data[span_at + 1])
                        else:
                            tag, begin, span_at = field(data, span_at)
                        if tag == 74:  # attributes = 9
                            key_at, key_size, kind, value, value_size = _pair(data, begin, span_at)
                            key = np.int64(following[before])
                            if (
                                key < 0
                                or keys[key].size != key_size
                                or not same(data, keys[key].at, data, key_at, key_size)
                            ):
                                key, key_count = _interned(key_table, keys, key_count, data, key_at, key_size)
                                following[before] = key
                            before = (key + 1) % _PREDICTED_KEYS
                            attributes[attribute].key = key * 8 + kind
                            attributes[attribute].value = value
                            attributes[attribute].size = value_size
                            attribute += 1
                        elif tag == 10:  # trace_id = 1
                            span.trace_high, span.trace_low = _identity(data, begin, span_at)
                            good = _is_id(data, begin, span_at, 16)
                            span.bad = span.bad & ~_NO_TRACE_ID if good else span.bad | _NO_TRACE_ID
                        elif tag == 18:  # span_id = 2
                            _, span.span_id = _identity(data, begin, span_at)
                            good = _is_id(data, begin, span_at, 8)
                            span.bad = span.bad & ~_NO_SPAN_ID if good else span.bad | _NO_SPAN_ID
                        elif tag == 34:  # parent_span_id = 4
                            _, span.parent_id = _identity(data, begin, span_at)
                            good = span_at - begin == 8 or span_at == begin
                            span.bad = span.bad & ~_ODD_PARENT_ID if good else span.bad | _ODD_PARENT_ID
                            odd_parent |= span.parent_id == 0 and span_at > begin
                            if odd_parent:
                                rest_size = copy(data, part, span_at - part, rest, rest_size)
                        elif tag == 42:  # name = 5
                            span.name_at = begin
                            span.name_size = span_at - begin
                        elif tag == 48:  # kind = 6
                            span.kind = np.int32(varint(data, begin)[0])
                        elif tag == 133:  # flags = 16
                            span.flags = fixed32(data, begin)
                        elif tag == 122:  # status = 15
                            while begin < span_at:
                                inner = begin
                                tag, value_at, begin = field(data, begin)
                                if tag == 24:  # code = 3
                                    span.status_code = np.int32(varint(data, value_at)[0])
                                elif tag == 18:  # message = 2
                                    span.message_at = value_at
                                    span.message_size = begin - value_at
                                else:  # a field of the future, as a status of its own to merge
                                    rest_size = _put_wrapped(data, inner, begin, rest, rest_size)
                        elif tag == 26:  # trace_state = 3
                            span.trace_state_at = begin
                            span.trace_state_size = span_at - begin
                        elif tag == 80:  # dropped_attributes_count = 10
                            span.dropped_attributes = np.uint32(varint(data, begin)[0])
                        elif tag == 96:  # dropped_events_count = 12
                            span.dropped_events = np.uint32(varint(data, begin)[0])
                        elif tag == 112:  # dropped_links_count = 14
                            span.dropped_links = np.uint32(varint(data, begin)[0])
                        elif tag == 90:  # events = 11
                            one = events[event]
                            one.span = row
                            one.attributes = event_attribute
                            one.rest_at = event_rest_size
                            while begin < span_at:
                                inner = begin
                                tag, value_at, begin = field(data, begin)
                                if tag == 9:  # time_unix_nano = 1
                                    one.time_ns = load(data, value_at)
                                elif tag == 18:  # name = 2
                                    one.name_at = value_at
                                    one.name_size = begin - value_at
                                elif tag == 26:  # attributes = 3
                                    key_count = _put_pair(
                                        data,
                                        value_at,
                                        begin,
                                        key_table,
                                        keys,
                                        key_count,
                                        event_attributes[event_attribute],
                                    )
                                    event_attribute += 1
                                elif tag == 32:  # dropped_attributes_count = 4
                                    one.dropped_attributes = np.uint32(varint(data, value_at)[0])
                                else:
                                    event_rest_size = copy(
                                        data, inner, begin - inner, event_rest, event_rest_size
                                    )
                            one.rest_size = event_rest_size - one.rest_at
                            event += 1
                        elif tag == 106:  # links = 13
                            other = links[link]
                            other.span = row
                            other.attributes = link_attribute
                            other.rest_at = link_rest_size
                            odd_ids = False
                            while begin < span_at:
                                inner = begin
                                tag, value_at, begin = field(data, begin)
                                if (
                                    tag == 10 and not odd_ids and _is_id(data, value_at, begin, 16)
                                ):  # trace_id = 1
                                    other.trace_high, other.trace_low = _identity(data, value_at, begin)
                                elif (
                                    tag == 18 and not odd_ids and _is_id(data, value_at, begin, 8)
                                ):  # span_id = 2
                                    _, other.span_id = _identity(data, value_at, begin)
                                elif tag == 26:  # trace_state = 3
                                    other.trace_state_at = value_at
                                    other.trace_state_size = begin - value_at
                                elif tag == 34:  # attributes = 4
                                    key_count = _put_pair(
                                        data,
                                        value_at,
                                        begin,
                                        key_table,
                                        keys,
                                        key_count,
                                        link_attributes[link_attribute],
                                    )
                                    link_attribute += 1
                                elif tag == 40:  # dropped_attributes_count = 5
                                    other.dropped_attributes = np.uint32(varint(data, value_at)[0])
                                elif tag == 53:  # flags = 6
                                    other.flags = fixed32(data, value_at)
                                else:
                                    odd_ids |= tag == 10 or tag == 18
                                    link_rest_size = copy(
                                        data, inner, begin - inner, link_rest, link_rest_size
                                    )
                            other.rest_size = link_rest_size - other.rest_at
                            link += 1
                        else:
                            rest_size = copy(data, part, span_at - part, rest, rest_size)
                    span.rest_size = rest_size - span.rest_at
                    name, name_count = _interned(
                        name_table, names, name_count, data, span.name_at, np.int64(span.name_size)
                    )
                    span.name = name
                    row += 1
    spans[row].attributes = attribute
    spans[row].events = event
    spans[row].links = link
    events[event].attributes = event_attribute
    links[link].attributes = link_attribute
    return np.array(
        [key_count, name_count, rest_size, event_rest_size, link_rest_size, 0, resource_count, scope_count]
    )


@inlined
def _owner(messages, at, end, owner_tag):
    """(where the next owner in a message begins, where it ends); it begins at its end where there is none."""
    if owner_tag == 0:
        return at, end
    tag, begin, after = field(messages, at)
    if np.int64(tag) == owner_tag:
        return begin, after
    return after, after


@compiled(types.int64(BYTES, INT64S, types.int64, types.int64))
def _count_owners(messages, ends, owner_tag, pair_tag):
    count = 0
    for number in range(ends.size - 1):
        at = ends[number]
        while at < ends[number + 1]:
            begin, at = _owner(messages, at, ends[number + 1], owner_tag)
            while begin < at:
                tag, _, begin = field(messages, begin)
                count += np.int64(tag) == pair_tag
    return count


@compiled(
    types.int64(
        BYTES, INT64S, types.int64, types.int64, INT32S, INT64S,
        array_of(ATTRIBUTE), array_of(TEXT), array_of(TEXT), array_of(TEXT),
    )
)  # fmt: skip
def _fill_owners(messages, ends, owner_tag, pair_tag, key_table, begins, attributes, keys, first, second):
    """How many distinct keys; first and second: where a scope has its name and version."""
    key_count = attribute = np.int64(0)
    for number in range(ends.size - 1):
        begins[number] = attribute
        at = ends[number]
        while at < ends[number + 1]:
            begin, at = _owner(messages, at, ends[number + 1], owner_tag)
            while begin < at:
                tag, value_at, begin = field(messages, begin)
                if np.int64(tag) == pair_tag:
                    key_count = _put_pair(
                        messages, value_at, begin, key_table, keys, key_count, attributes[attribute]
                    )
                    attribute += 1
                elif tag == 10:  # a scope's name = 1
                    first[number].at = value_at
                    first[number].size = begin - value_at
                elif tag == 18:  # a scope's version = 2
                    second[number].at = value_at
                    second[number].size = begin - value_at
    begins[ends.size - 1] = attribute
    return key_count
