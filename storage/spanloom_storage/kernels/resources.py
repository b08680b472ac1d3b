"""Attributes added to each resource of a request that lacks them; the rest of its bytes stay as they are.

The request has passed `check`. Field numbers: opentelemetry/proto, trace.proto, resource.proto, common.proto.
"""

import numpy as np
from numba import types

from spanloom_storage.kernels.compiled import BYTES, INT64S, UINT8S, compiled, inlined
from spanloom_storage.kernels.memory import copy, same
from spanloom_storage.kernels.wire import field, put_varint, varint_size

MOST_KEYS = 64
"""So many have a bit each."""


@inlined
def _known(data, at, end, keys, key_ends):
    """A bit for each of the keys that an attribute of this Resource has."""
    found = np.uint64(0)
    while at < end:
        tag, pair, at = field(data, at)
        if tag != 10:  # attributes = 1
            continue
        while pair < at:
            tag, begin, pair = field(data, pair)
            if tag != 10:  # key = 1
                continue
            key_begin = np.int64(0)
            for number in range(key_ends.size):
                size = key_ends[number] - key_begin
                if size == pair - begin and same(data, begin, keys, key_begin, size):
                    found |= np.uint64(1) << np.uint64(number)
                key_begin = key_ends[number]
    return found


@inlined
def _put_missing(known, pairs, pair_ends, target, to):
    """Write the attributes whose bit is not set; where they ended."""
    begin = np.int64(0)
    for number in range(pair_ends.size):
        if known >> np.uint64(number) & np.uint64(1) == 0:
            to = copy(pairs, begin, pair_ends[number] - begin, target, to)
        begin = pair_ends[number]
    return to


@inlined
def _missing_size(known, pair_ends):
    """How many bytes these are."""
    size = begin = np.int64(0)
    for number in range(pair_ends.size):
        if known >> np.uint64(number) & np.uint64(1) == 0:
            size += pair_ends[number] - begin
        begin = pair_ends[number]
    return size


@compiled(types.int64(BYTES, BYTES, INT64S, BYTES, INT64S, UINT8S))
def add(data, keys, key_ends, pairs, pair_ends, target):
    """Write to *target* the request and the *pairs*, fields of a Resource, whose *keys* a resource lacks.

    Returns how many bytes it is then, or -1 where it is more than the target holds.
    """
    at = to = np.int64(0)
    while at < data.size:
        start = at
        tag, begin, at = field(data, at)
        known = ~np.uint64(0)
        resource = resource_begin = resource_end = begin  # an empty one at the beginning, where there is none
        if tag == 10:  # resource_spans = 1
            found = np.uint64(0)
            inner = begin
            while inner < at:
                inner_start = inner
                tag, payload, inner = field(data, inner)
                if tag == 10:  # resource = 1
                    resource, resource_begin, resource_end = inner_start, payload, inner
                    found |= _known(data, payload, inner, keys, key_ends)
                elif tag == 18:  # scope_spans = 2: whatever has none has no spans
                    known = np.uint64(0)
            known |= found
        missing = _missing_size(known, pair_ends)
        if missing == 0:
            if to + at - start > target.size:
                return np.int64(-1)
            to = copy(data, start, at - start, target, to)
            continue
        resource_size = resource_end - resource_begin + missing
        grown = 1 + varint_size(np.uint64(resource_size)) + resource_size
        size = at - begin - (resource_end - resource) + grown
        if to + size + 11 > target.size:
            return np.int64(-1)
        target[to] = np.uint8(10)
        to = put_varint(target, to + 1, np.uint64(size))
        to = copy(data, begin, resource - begin, target, to)
        target[to] = np.uint8(10)
        to = put_varint(target, to + 1, np.uint64(resource_size))
        to = copy(data, resource_begin, resource_end - resource_begin, target, to)
        to = _put_missing(known, pairs, pair_ends, target, to)
        to = copy(data, resource_end, at - resource_end, target, to)
    return to
