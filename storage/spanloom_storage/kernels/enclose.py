"""What is around spans, from rows to bytes: requests, and resources and scopes with other attributes."""

import numpy as np
import numpy.typing as npt
from numba import types

from spanloom_storage.kernels.compiled import BYTES, INT64S, UINT8S, array_of, compiled, inlined
from spanloom_storage.kernels.encode import measure_spans, pairs_size, put_pairs, write_spans
from spanloom_storage.kernels.memory import copy
from spanloom_storage.kernels.rows import ATTRIBUTE, SPAN, TEXT, Bytes, Owners, Rows
from spanloom_storage.kernels.wire import field, put_varint, varint_size


def enclose(rows: Rows) -> npt.NDArray[np.uint8]:
    """All rows as one ExportTraceServiceRequest; spans of one resource and scope stand together."""
    spans = rows.spans[:-1]
    kind = spans["resource"].astype(np.int64) << 32 | spans["scope"]
    chosen = np.argsort(kind, kind="stable")
    ends = measure_spans(rows, chosen)
    resource_sizes, scope_sizes = np.empty(chosen.size, np.int64), np.empty(chosen.size, np.int64)
    parts = (rows.spans, rows.resource_ends, rows.scope_ends, resource_sizes, scope_sizes)
    target = np.empty(_measure_around(chosen, ends, *parts), np.uint8)
    _write_around(chosen, ends, *parts, rows.resources, rows.scopes, target)
    write_spans(rows, chosen, ends, target)
    return target


def replace_pairs(
    messages: Bytes,
    ends: npt.NDArray[np.int64],
    owners: Owners,
    *,
    pair_tag: int,
    owner_tag: int = 10,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The messages that `decode_owners` read with these tags, with the attributes that *owners* has now."""
    sizes, new_ends = np.zeros(ends.size - 1, np.int64), np.zeros(ends.size, np.int64)
    parts = (owners.attributes, owners.keys, owners.begins, owner_tag, pair_tag, sizes, new_ends)
    _measure_owners(messages, ends, *parts)
    target = np.empty(new_ends[-1], np.uint8)
    _write_owners(messages, ends, *parts, owners.data, target)
    return target, new_ends


@inlined
def _field_size(size):
    """A length-delimited field with a tag of one byte."""
    return 1 + varint_size(np.uint64(size)) + size


@inlined
def _put_head(tag, size, target, to):
    target[to] = tag
    return put_varint(target, to + 1, np.uint64(size))


_AROUND = (INT64S, INT64S, array_of(SPAN), INT64S, INT64S, INT64S, INT64S)


@compiled(types.int64(*_AROUND))
def _measure_around(chosen, ends, spans, resource_ends, scope_ends, resource_sizes, scope_sizes):
    """The size of the request; those of each ResourceSpans and ScopeSpans in it, as they come."""
    total = np.int64(0)
    place = resource_run = scope_run = 0
    while place < chosen.size:
        resource = spans[chosen[place]].resource
        inside = resource_ends[resource + 1] - resource_ends[resource]
        while place < chosen.size and spans[chosen[place]].resource == resource:
            scope = spans[chosen[place]].scope
            size = scope_ends[scope + 1] - scope_ends[scope]
            while place < chosen.size:
                span = spans[chosen[place]]
                if span.resource != resource or span.scope != scope:
                    break
                size += _field_size(ends[place + 1] - ends[place])
                place += 1
            scope_sizes[scope_run] = size
            scope_run += 1
            inside += _field_size(size)
        resource_sizes[resource_run] = inside
        resource_run += 1
        total += _field_size(inside)
    return total


@compiled(types.void(*_AROUND, BYTES, BYTES, UINT8S))
def _write_around(
    chosen, ends, spans, resource_ends, scope_ends, resource_sizes, scope_sizes, resources, scopes, target
):
    """Write all but the spans; ends becomes where each of them begins in the target."""
    place = resource_run = scope_run = 0
    to = np.int64(0)
    begin = np.int64(0)
    while place < chosen.size:
        resource = spans[chosen[place]].resource
        to = _put_head(10, resource_sizes[resource_run], target, to)  # resource_spans = 1
        resource_run += 1
        at = resource_ends[resource]
        to = copy(resources, at, resource_ends[resource + 1] - at, target, to)
        while place < chosen.size and spans[chosen[place]].resource == resource:
            scope = spans[chosen[place]].scope
            to = _put_head(18, scope_sizes[scope_run], target, to)  # scope_spans = 2
            scope_run += 1
            at = scope_ends[scope]
            to = copy(scopes, at, scope_ends[scope + 1] - at, target, to)
            while place < chosen.size:
                span = spans[chosen[place]]
                if span.resource != resource or span.scope != scope:
                    break
                size = ends[place + 1] - begin
                begin = ends[place + 1]
                to = _put_head(18, size, target, to)  # spans = 2
                ends[place] = to
                to += size
                place += 1
    ends[chosen.size] = to


_OWNERS = (
    BYTES, INT64S, array_of(ATTRIBUTE), array_of(TEXT), INT64S, types.int64, types.int64, INT64S, INT64S,
)  # fmt: skip


@compiled(types.void(*_OWNERS))
def _measure_owners(messages, ends, attributes, keys, begins, owner_tag, pair_tag, sizes, new_ends):
    """Where each message will end; sizes: of the owner in it, -1 where it has none."""
    for number in range(ends.size - 1):
        around = np.int64(0)
        present = begins[number] < begins[number + 1]
        size = pairs_size(attributes, begins[number], begins[number + 1], keys)
        at = ends[number]
        while at < ends[number + 1]:
            outer = at
            tag, begin, at = field(messages, at)
            if np.int64(tag) != owner_tag:
                around += at - outer
                continue
            present = True
            while begin < at:
                inner = begin
                tag, _, begin = field(messages, begin)
                if np.int64(tag) != pair_tag:
                    size += begin - inner
        sizes[number] = size if present else -1
        new_ends[number + 1] = new_ends[number] + around + (_field_size(size) if present else 0)


@compiled(types.void(*_OWNERS, BYTES, UINT8S))
def _write_owners(
    messages, ends, attributes, keys, begins, owner_tag, pair_tag, sizes, new_ends, data, target
):
    """The owner with its attributes before its other fields, and what is around it behind."""
    for number in range(ends.size - 1):
        to = new_ends[number]
        if sizes[number] >= 0:
            to = _put_head(owner_tag, sizes[number], target, to)
            to = put_pairs(data, pair_tag, attributes, begins[number], begins[number + 1], keys, target, to)
        at = ends[number]
        while at < ends[number + 1]:
            tag, begin, at = field(messages, at)
            if np.int64(tag) != owner_tag:
                continue
            while begin < at:
                inner = begin
                tag, _, begin = field(messages, begin)
                if np.int64(tag) != pair_tag:
                    to = copy(messages, inner, begin - inner, target, to)
        at = ends[number]
        while at < ends[number + 1]:
            outer = at
            tag, _, at = field(messages, at)
            if np.int64(tag) != owner_tag:
                to = copy(messages, outer, at - outer, target, to)
