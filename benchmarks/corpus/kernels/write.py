"""Spans to OTLP: each by its operation's program, then in requests by instance and scope."""

import numpy as np

from benchmarks.corpus.kernels.chance import below, bits, exponential, fraction, mixed, normal, uniform
from benchmarks.corpus.kernels.compiled import compiled
from benchmarks.corpus.kernels.rows import Code, Count, Source
from benchmarks.corpus.kernels.text import put_decimal, put_hex
from spanloom_storage.kernels.compiled import inlined
from spanloom_storage.kernels.memory import copy
from spanloom_storage.kernels.wire import put_fixed64, put_varint, varint_size

LARGEST_SPAN = 6_000
"""More than any span takes; a request's room is counted in it."""
LARGEST_RESOURCE = 1_000
_OWN, _SHARED = 0, 1
_SPAN_ATTRIBUTE, _EVENT_ATTRIBUTE = np.uint8(0x4A), np.uint8(0x1A)


@inlined
def order_number(order):
    """What people see of an order: 32 bits, another for each."""
    return (np.uint64(order) * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)


@inlined
def _whole(span, instruction, chance, offsets):
    """The value of a number."""
    source, low, high = instruction.source, instruction.low, instruction.high
    if source == Source.RANDOM:
        return np.uint64(low + below(chance, _OWN, high - low))
    if source == Source.SHARED:
        return np.uint64(low + below(chance, _SHARED, high - low))
    if source == Source.SKEWED:
        return np.uint64(low + np.int64(uniform(chance, _SHARED) ** 3 * (high - low)))
    if source == Source.SIZE:
        return np.uint64(low * np.exp(0.9 * normal(chance, _OWN)))
    if source == Source.THREAD:
        return np.uint64(span.thread)
    if source == Source.USER:
        return np.uint64(span.user)
    if source == Source.ORDER:
        return order_number(span.order)
    if source == Source.CART:
        return mixed(np.uint64(span.user) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(7))
    if source == Source.HOME:
        return mixed(np.uint64(span.user) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(11)) >> np.uint64(32)
    if source == Source.HTTP_STATUS:
        place = below(chance, _SHARED, 100)
        if span.error:
            return np.uint64(500 if place < 55 else 503 if place < 85 else 504)
        return np.uint64(200 if place < 88 else 204 if place < 92 else 304 if place < 97 else 201)
    if source == Source.GRPC_STATUS:
        place = below(chance, _SHARED, 100)
        return np.uint64(0 if not span.error else 14 if place < 50 else 4 if place < 80 else 13)
    if source == Source.DEADLINE:
        return np.uint64(100 * (low + below(chance, _OWN, high - low)))
    if source == Source.OFFSET:
        offsets[span.operation] += 1
        return np.uint64(low + offsets[span.operation])
    if source == Source.PEER:
        return np.uint64(span.peer)
    return bits(chance, _OWN)


@inlined
def _real(span, instruction, chance):
    """The value of a double."""
    if instruction.source == Source.CART_VALUE:
        # The same in all of a trace, in cents.
        first, second = mixed(span.trace_low), mixed(span.trace_high)
        around = np.sqrt(-2.0 * np.log(1.0 - fraction(first))) * np.cos(6.283185307179586 * fraction(second))
        return np.round(100.0 * np.exp(4.0 + around)) / 100.0
    if instruction.source == Source.SECONDS:
        return exponential(chance, _OWN) * instruction.low * 1e-6
    return uniform(chance, _OWN)


@inlined
def _truth(span, instruction, chance):
    if instruction.source == Source.HIT:
        return span.event == 0
    return below(chance, _OWN, 1000) < instruction.low


@inlined
def _string(begin, count, span, tables, chance, offsets, words):
    """Pieces one after the other into *words*; its size."""
    at = 0
    for number in range(begin, begin + count):
        piece = tables.program[number]
        if piece.code == Code.TEXT:
            at = copy(tables.text, piece.place, piece.size, words, at)
            continue
        value = _whole(span, piece, chance, offsets)
        if piece.code == Code.DECIMAL:
            at = put_decimal(words, at, value, piece.size)
        elif piece.code == Code.HEX:
            at = put_hex(words, at, value, piece.size)
        elif piece.code == Code.CHOICE:
            chosen = piece.place + np.int64(value)
            at = copy(tables.text, tables.choices[chosen, 0], tables.choices[chosen, 1], words, at)
        else:
            for place in range(3, -1, -1):
                at = put_decimal(words, at, (value >> np.uint64(8 * place)) & np.uint64(255), 1)
                if place:
                    words[at] = np.uint8(46)
                    at += 1
    return at


@inlined
def _pair(out, at, tag, instruction, tables, value_size):
    """The head of an attribute whose AnyValue takes so many bytes."""
    inside = instruction.size + 1 + varint_size(np.uint64(value_size)) + value_size
    out[at] = tag
    at = put_varint(out, at + 1, np.uint64(inside))
    at = copy(tables.text, instruction.place, instruction.size, out, at)
    out[at] = np.uint8(0x12)
    return put_varint(out, at + 1, np.uint64(value_size))


@compiled
def _attributes(out, at, tag, begin, end, span, tables, chance, offsets, words):
    """Run a program; (where it ended, attributes)."""
    number, found = begin, 0
    while number < end:
        instruction = tables.program[number]
        code = instruction.code
        number += 1
        if code == Code.LITERAL:
            at = copy(tables.text, instruction.place, instruction.size, out, at)
            found += instruction.high
            continue
        if code == Code.UNLESS_CHANCE:
            if below(chance, _OWN, 1000) >= instruction.low:
                number += instruction.size
            continue
        if code == Code.UNLESS_ORDER:
            if span.order < 0:
                number += instruction.size
            continue
        found += 1
        if code == Code.STRING:
            count = instruction.high
            size = _string(number, count, span, tables, chance, offsets, words)
            number += count
            at = _pair(out, at, tag, instruction, tables, 1 + varint_size(np.uint64(size)) + size)
            out[at] = np.uint8(0x0A)
            at = put_varint(out, at + 1, np.uint64(size))
            at = copy(words, 0, size, out, at)
        elif code == Code.INT:
            value = _whole(span, instruction, chance, offsets)
            at = _pair(out, at, tag, instruction, tables, 1 + varint_size(value))
            out[at] = np.uint8(0x18)
            at = put_varint(out, at + 1, value)
        elif code == Code.REAL:
            words[:8].view(np.float64)[0] = _real(span, instruction, chance)
            at = _pair(out, at, tag, instruction, tables, 9)
            out[at] = np.uint8(0x21)
            at = copy(words, 0, 8, out, at + 1)
        else:
            at = _pair(out, at, tag, instruction, tables, 2)
            out[at] = np.uint8(0x10)
            out[at + 1] = np.uint8(1 if _truth(span, instruction, chance) else 0)
            at += 2
    return at, found


@compiled
def _event(out, at, event, span, tables, chance, offsets, words, side):
    """One event, at some time within its span."""
    time = span.start + np.int64(uniform(chance, _OWN) * (span.end - span.start))
    side[0] = np.uint8(0x09)
    size = put_fixed64(side, 1, np.uint64(time))
    name, program, end = tables.events[event, 0], tables.events[event, 2], tables.events[event, 3]
    size = copy(tables.text, name, tables.events[event, 1], side, size)
    size, _ = _attributes(side, size, _EVENT_ATTRIBUTE, program, end, span, tables, chance, offsets, words)
    out[at] = np.uint8(0x5A)
    at = put_varint(out, at + 1, np.uint64(size))
    return copy(side, 0, size, out, at)


@inlined
def _ids(out, at, span):
    """Trace id, span id, trace state and parent."""
    out[at], out[at + 1] = np.uint8(0x0A), np.uint8(16)
    at = put_fixed64(out, at + 2, span.trace_high)
    at = put_fixed64(out, at, span.trace_low)
    out[at], out[at + 1] = np.uint8(0x12), np.uint8(8)
    at = put_fixed64(out, at + 2, span.id)
    if span.state:
        out[at], out[at + 1] = np.uint8(0x1A), np.uint8(20)
        for number, letter in enumerate(b"ot=rv:"):
            out[at + 2 + number] = np.uint8(letter)
        at = put_hex(out, at + 8, span.trace_low, 14)
    if span.parent:
        out[at], out[at + 1] = np.uint8(0x22), np.uint8(8)
        at = put_fixed64(out, at + 2, span.parent)
    return at


@inlined
def _events(out, at, span, operation, tables, chance, counts, offsets, words, side):
    """What it tells, and the exception of an error that began here (of others every second)."""
    told = False
    if span.event and not span.error:
        at = _event(out, at, operation.event, span, tables, chance, offsets, words, side)
        told = True
    if span.error == 1 or (span.error == 2 and below(chance, _OWN, 2)):
        event = operation.failures + below(chance, _OWN, operation.failure_count)
        at = _event(out, at, event, span, tables, chance, offsets, words, side)
        told = True
    counts[Count.WITH_EVENTS] += told
    return at


@inlined
def _link(out, at, span):
    """Its one link."""
    out[at], out[at + 1] = np.uint8(0x6A), np.uint8(33)
    out[at + 2], out[at + 3] = np.uint8(0x0A), np.uint8(16)
    at = put_fixed64(out, at + 4, span.link_high)
    at = put_fixed64(out, at, span.link_low)
    out[at], out[at + 1] = np.uint8(0x12), np.uint8(8)
    at = put_fixed64(out, at + 2, span.link_id)
    out[at], out[at + 1] = np.uint8(0x35), np.uint8(1)  # flags: sampled, and it is known where it is
    out[at + 2], out[at + 3], out[at + 4] = np.uint8(3), np.uint8(0), np.uint8(0)
    return at + 5


@inlined
def _span(out, at, span, tables, chance, counts, offsets, words, side):
    """A span as a field of its ScopeSpans; where it ended."""
    chance[_OWN], chance[_SHARED] = span.seed, span.exchange
    operation = tables.operations[span.operation]
    begin = at
    at = _ids(out, at + 3, span)
    at = copy(tables.text, operation.head, operation.head_size, out, at)
    out[at] = np.uint8(0x39)
    at = put_fixed64(out, at + 1, np.uint64(span.start))
    out[at] = np.uint8(0x41)
    at = put_fixed64(out, at + 1, np.uint64(span.end))
    program, end = operation.program, operation.program_end
    at, attributes = _attributes(out, at, _SPAN_ATTRIBUTE, program, end, span, tables, chance, offsets, words)
    at = _events(out, at, span, operation, tables, chance, counts, offsets, words, side)
    if span.link_id:
        at = _link(out, at, span)
    if span.error:
        message = below(chance, _OWN, len(tables.messages))
        at = copy(tables.text, tables.messages[message, 0], tables.messages[message, 1], out, at)
    remote = span.parent and operation.role == 0
    out[at], out[at + 1], out[at + 2] = np.uint8(0x85), np.uint8(1), np.uint8(1)
    out[at + 3], out[at + 4], out[at + 5] = np.uint8(3 if remote else 1), np.uint8(0), np.uint8(0)
    at += 6
    size = at - begin - 3  # 128 to 16,383, so its length takes two bytes
    out[begin] = np.uint8(0x12)
    out[begin + 1] = np.uint8(size & 127) | np.uint8(128)
    out[begin + 2] = np.uint8(size >> 7)
    counts[Count.SPANS] += 1
    counts[Count.ATTRIBUTES] += attributes
    counts[Count.WITH_LINKS] += span.link_id != 0
    counts[Count.ERRORS] += span.error != 0
    return at


@compiled
def _request(out, at, waiting, count, tables, chance, counts, offsets, rough, words, side):
    """All that waits on a host, by instance and scope; where it ended."""
    keys = np.empty(count, np.int64)
    for number in range(count):
        span = waiting[number]
        keys[number] = span.instance * 256 + tables.operations[span.operation].scope
    order = np.argsort(keys, kind="mergesort")
    ends = np.empty(count + 1, np.int64)
    ends[0] = 0
    for number in range(count):
        ends[number + 1] = _span(
            rough, ends[number], waiting[order[number]], tables, chance, counts, offsets, words, side
        )
    first = 0
    while first < count:
        instance = keys[order[first]] >> 8
        # How large its scopes are, to be able to say it before them.
        inside = tables.resources[instance, 1]
        last = first
        while last < count and keys[order[last]] >> 8 == instance:
            last, size = _scope_end(last, count, keys, order, ends, tables)
            inside += 1 + varint_size(np.uint64(size)) + size
        out[at] = np.uint8(0x0A)
        at = put_varint(out, at + 1, np.uint64(inside))
        at = copy(tables.text, tables.resources[instance, 0], tables.resources[instance, 1], out, at)
        while first < last:
            scope = keys[order[first]] & 255
            following, size = _scope_end(first, count, keys, order, ends, tables)
            out[at] = np.uint8(0x12)
            at = put_varint(out, at + 1, np.uint64(size))
            at = copy(tables.text, tables.scopes[scope, 0], tables.scopes[scope, 1], out, at)
            at = copy(rough, ends[first], ends[following] - ends[first], out, at)
            first = following
    return at


@inlined
def _scope_end(first, count, keys, order, ends, tables):
    """(which span is the first of another scope, the size of this ScopeSpans)."""
    last = first
    while last < count and keys[order[last]] == keys[order[first]]:
        last += 1
    return last, tables.scopes[keys[order[first]] & 255, 1] + ends[last] - ends[first]


@compiled
def requests(
    spans, order, begin, queues, queued, out, found, tables, chance, counts, offsets, rough, words, side
):
    """Queue spans on their hosts, in order, and write what is full.

    (the first span not queued, requests); *found* gets where each request ends. Stops early when
    the room in *out* or *found* might not suffice for another request.
    """
    full = queues.shape[1]
    largest = full * LARGEST_SPAN + len(tables.hosts) * LARGEST_RESOURCE
    at, many = 0, 0
    for number in range(begin, len(order)):
        span = spans[order[number]]
        host = tables.hosts[span.instance]
        queues[host, queued[host]] = span
        queued[host] += 1
        if queued[host] == full:
            at = _request(out, at, queues[host], full, tables, chance, counts, offsets, rough, words, side)
            queued[host] = 0
            found[many] = at
            many += 1
            if many == len(found) or at + largest > len(out):
                return number + 1, many
    return len(order), many


@compiled
def rest(out, waiting, count, tables, chance, counts, offsets, rough, words, side):
    """One request of what waits on a host at the end; its size."""
    return _request(out, 0, waiting, count, tables, chance, counts, offsets, rough, words, side)
