"""The order of rows in a block: traces together, then like beside like.

A block's rows are cut into groups of whole traces by trace id; within a group they stand by service
and name, then by trace. Rows of one operation have the same attributes with similar values, so
columns become runs: smaller, and faster to write and to read (docs/adr/007).
"""

from typing import Final

import numpy as np
from numba import types

from spanloom_storage.kernels.compiled import INT32S, INT64S, array_of, compiled, inlined
from spanloom_storage.kernels.rows import SPAN

SHORT: Final = 64
"""Traces up to this size are sorted in place; larger ones are few, and left to numpy."""


@inlined
def _before(spans, one, other):
    """Whether a row comes before another: by trace, start, span id, then as it came."""
    a, b = spans[one], spans[other]
    if a.trace_low != b.trace_low:
        return a.trace_low < b.trace_low
    if a.start_ns != b.start_ns:
        return a.start_ns < b.start_ns
    if a.span_id != b.span_id:
        return a.span_id < b.span_id
    return one < other


@compiled(types.int64(INT64S, array_of(SPAN), INT64S))
def sort_short(order, spans, long):
    """Finish an order by trace_high; how many runs are too long, and where they begin and end."""
    found = 0
    begin = 0
    while begin < order.size:
        high = spans[order[begin]].trace_high
        end = begin + 1
        while end < order.size and spans[order[end]].trace_high == high:
            end += 1
        if end - begin > SHORT:
            long[found] = begin
            long[found + 1] = end
            found += 2
        else:
            for place in range(begin + 1, end):
                row = order[place]
                to = place
                while to > begin and _before(spans, row, order[to - 1]):
                    order[to] = order[to - 1]
                    to -= 1
                order[to] = row
        begin = end
    return found


@compiled(types.int64(INT64S, array_of(SPAN), INT64S, INT64S))
def find_traces(order, spans, begins, repeats):
    """How many traces; begins: of their rows in the order. repeats: how many, then places that may repeat."""
    traces = 0
    repeats[0] = 0
    for place in range(order.size):
        span = spans[order[place]]
        if place > 0:
            before = spans[order[place - 1]]
            if before.trace_high == span.trace_high and before.trace_low == span.trace_low:
                if before.start_ns == span.start_ns and before.span_id == span.span_id:
                    repeats[0] += 1
                    repeats[repeats[0]] = place
                continue
        begins[traces] = place
        traces += 1
    begins[traces] = order.size
    return traces


@compiled(types.void(INT64S, INT32S, INT64S, types.int64, types.int64, INT64S, INT32S))
def by_kind(order, kinds, counts, begin, end, sorted_order, trace_of):
    """Order [begin, end) stably by kinds[row]; trace_of goes with the rows. counts is scratch, all zero."""
    for place in range(begin, end):
        counts[kinds[order[place]] + 1] += 1
    for kind in range(1, counts.size):
        counts[kind] += counts[kind - 1]
    moved = np.empty(end - begin, np.int32)
    for place in range(begin, end):
        kind = kinds[order[place]]
        to = counts[kind]
        counts[kind] = to + 1
        sorted_order[to] = order[place]
        moved[to] = trace_of[place]
    for place in range(end - begin):
        trace_of[begin + place] = moved[place]
    counts[:] = 0


@compiled(types.void(INT64S, array_of(SPAN), INT64S, types.int64, types.int64, INT64S))
def find_parents(order, spans, begins, first, last, parent_row):
    """For the traces [first, last): parent_row[row] = the parent's row, -1 none, -2 not there."""
    for trace in range(first, last):
        begin, end = begins[trace], begins[trace + 1]
        slots = 4
        while slots < 2 * (end - begin):
            slots *= 2
        mask = slots - 1
        table = np.full(slots, -1, np.int64)
        for place in range(begin, end):
            row = order[place]
            slot = np.int64((spans[row].span_id * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) & mask
            while table[slot] >= 0:
                slot = (slot + 1) & mask
            table[slot] = row
        for place in range(begin, end):
            row = order[place]
            wanted = spans[row].parent_id
            if wanted == 0:
                parent_row[row] = -1
                continue
            slot = np.int64((wanted * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) & mask
            while table[slot] >= 0 and spans[table[slot]].span_id != wanted:
                slot = (slot + 1) & mask
            parent_row[row] = table[slot] if table[slot] >= 0 else -2


@inlined
def _better_root(spans, row, best):
    """Whether a row names the trace rather than the best so far: roots first, then the earliest known."""
    one, other = spans[row], spans[best]
    if (one.parent_id == 0) != (other.parent_id == 0):
        return one.parent_id == 0
    if (one.start_ns == 0) != (other.start_ns == 0):
        return other.start_ns == 0
    return one.start_ns < other.start_ns


TRACE: Final = np.dtype(
    [
        ("start_ns", "u8"),  # the earliest that is known, 0 where none is
        ("end_ns", "i8"),
        ("root", "i8"),  # the row that names it
        ("services", "i8"),  # the first of its services; they end where the next trace's begin
        ("span_count", "i4"),
        ("error_count", "i4"),
    ],
    align=True,
)
SERVICE: Final = np.dtype([("service", "i4"), ("span_count", "i4"), ("error_count", "i4")])


@compiled(types.void(INT64S, array_of(SPAN), INT64S, INT32S, types.int64, array_of(TRACE), array_of(SERVICE)))
def summarise(order, spans, begins, service_of_resource, service_count, traces, services):
    """Fill a row for each trace, and one for each service in it."""
    seen = np.full(service_count, -1, np.int64)
    used = np.int64(0)
    for trace in range(traces.size - 1):
        summary = traces[trace]
        summary.services = used
        summary.root = order[begins[trace]]
        summary.end_ns = np.int64(-(2**63))
        for place in range(begins[trace], begins[trace + 1]):
            row = order[place]
            span = spans[row]
            error = span.status_code == 2
            if span.start_ns != 0 and (summary.start_ns == 0 or span.start_ns < summary.start_ns):
                summary.start_ns = span.start_ns
            end = np.int64(span.end_ns) if span.end_ns != 0 else np.int64(span.start_ns)
            summary.end_ns = max(summary.end_ns, end)
            summary.span_count += 1
            summary.error_count += error
            if _better_root(spans, row, summary.root):
                summary.root = row
            service = service_of_resource[span.resource]
            if seen[service] < summary.services:
                seen[service] = used
                services[used].service = service
                services[used].span_count = 0
                services[used].error_count = 0
                used += 1
            services[seen[service]].span_count += 1
            services[seen[service]].error_count += error
    traces[traces.size - 1].services = used
