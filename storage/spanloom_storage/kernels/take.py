"""Spans in the order of a row group, field by field: one look at each row instead of one for each field."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import types

from spanloom_storage.kernels.compiled import (
    INT32S,
    INT64S,
    UINT8S,
    UINT32S,
    UINT64S,
    array_of,
    compiled,
)
from spanloom_storage.kernels.memory import swapped
from spanloom_storage.kernels.rows import SPAN

ELSEWHERE: Final = -2
"""A parent that is not in the block."""


class Fields(NamedTuple):
    """One array for each; *has* arrays hold 1 where there is a value, else 0."""

    span_id: npt.NDArray[np.uint64]  # most significant byte first
    parent: npt.NDArray[np.int32]  # its row in the group
    has_parent: npt.NDArray[np.uint8]
    parent_id: npt.NDArray[np.uint64]  # most significant byte first; of parents that are elsewhere
    has_parent_id: npt.NDArray[np.uint8]
    kind: npt.NDArray[np.int32]
    status_code: npt.NDArray[np.int32]
    start_offset_ns: npt.NDArray[np.int64]
    has_start: npt.NDArray[np.uint8]
    duration_ns: npt.NDArray[np.int64]
    has_end: npt.NDArray[np.uint8]
    flags: npt.NDArray[np.uint32]
    dropped_attributes: npt.NDArray[np.uint32]
    dropped_events: npt.NDArray[np.uint32]
    dropped_links: npt.NDArray[np.uint32]
    resource: npt.NDArray[np.int32]
    scope: npt.NDArray[np.int32]
    name_at: npt.NDArray[np.int64]
    name_size: npt.NDArray[np.int64]
    message_at: npt.NDArray[np.int64]
    message_size: npt.NDArray[np.int64]
    trace_state_at: npt.NDArray[np.int64]
    trace_state_size: npt.NDArray[np.int64]
    rest_at: npt.NDArray[np.int64]
    rest_size: npt.NDArray[np.int64]


def take(
    spans: npt.NDArray[np.void],
    chosen: npt.NDArray[np.int64],
    trace: npt.NDArray[np.int32],
    trace_start_ns: npt.NDArray[np.uint64],
    parents: npt.NDArray[np.int64],
) -> Fields:
    """The fields of the chosen rows; parents: each row's parent's row, -1 for none, or ELSEWHERE."""
    fields = Fields._make(np.empty(chosen.size, kind) for kind in _TYPES)
    position = np.empty(len(spans), np.int32)
    _take(spans, chosen, trace, trace_start_ns, parents, position, *tuple(fields))
    return fields


_TYPES: Final = (
    np.uint64, np.int32, np.uint8, np.uint64, np.uint8, np.int32, np.int32, np.int64, np.uint8,
    np.int64, np.uint8,
    np.uint32, np.uint32, np.uint32, np.uint32, np.int32, np.int32,
    np.int64, np.int64, np.int64, np.int64, np.int64, np.int64, np.int64, np.int64,
)  # fmt: skip


@compiled(
    types.void(
        array_of(SPAN), INT64S, INT32S, UINT64S, INT64S, INT32S,
        UINT64S, INT32S, UINT8S, UINT64S, UINT8S, INT32S, INT32S, INT64S, UINT8S, INT64S, UINT8S,
        UINT32S, UINT32S, UINT32S, UINT32S, INT32S, INT32S,
        INT64S, INT64S, INT64S, INT64S, INT64S, INT64S, INT64S, INT64S,
    )
)  # fmt: skip
def _take(
    spans, chosen, trace, trace_start_ns, parents, position,
    span_id, parent, has_parent, parent_id, has_parent_id, kind, status_code, start_offset_ns, has_start,
    duration_ns, has_end, flags, dropped_attributes, dropped_events, dropped_links, resource, scope,
    name_at, name_size, message_at, message_size, trace_state_at, trace_state_size, rest_at, rest_size,
):  # fmt: skip
    for place in range(chosen.size):
        position[chosen[place]] = place
    for place in range(chosen.size):
        row = chosen[place]
        span = spans[row]
        span_id[place] = swapped(span.span_id)
        above = parents[row]
        has_parent[place] = above >= 0
        parent[place] = position[above] if above >= 0 else 0
        has_parent_id[place] = above == ELSEWHERE
        parent_id[place] = swapped(span.parent_id)
        kind[place] = span.kind
        status_code[place] = span.status_code
        has_start[place] = span.start_ns != 0
        start_offset_ns[place] = np.int64(span.start_ns - trace_start_ns[trace[place]])
        has_end[place] = span.end_ns != 0
        duration_ns[place] = np.int64(span.end_ns - span.start_ns)
        flags[place] = span.flags
        dropped_attributes[place] = span.dropped_attributes
        dropped_events[place] = span.dropped_events
        dropped_links[place] = span.dropped_links
        resource[place] = span.resource
        scope[place] = span.scope
        name_at[place] = span.name_at
        name_size[place] = span.name_size
        message_at[place] = span.message_at
        message_size[place] = span.message_size
        trace_state_at[place] = span.trace_state_at
        trace_state_size[place] = span.trace_state_size
        rest_at[place] = span.rest_at
        rest_size[place] = span.rest_size
