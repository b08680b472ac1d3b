"""From OTLP bytes that `check` has passed to columns: where each span is, and its searched fields.

Nothing here looks at a length again, so nothing here may run on bytes that were not checked.
Field numbers are those of opentelemetry/proto/trace/v1/trace.proto. As protobuf has it, the last
of a repeated scalar counts; of several `service.name` attributes too.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spanloom_model.wire import MalformedError
from spanloom_storage.kernels.compiled import REQUEST, compiled, inlined

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int32]

GOOD: Final = 0
BAD_TRACE_ID: Final = 1
BAD_SPAN_ID: Final = 2
BAD_PARENT_ID: Final = 3

_LEAST_BYTES: Final = 8
"""On average, messages are larger than this: a span's ids alone take 28 bytes."""
_SPARE_MESSAGES: Final = 1000
"""So many may be smaller, in small requests."""


class Columns(NamedTuple):
    """What one pass fills: a row per span, and the messages around spans without the spans."""

    trace_id: Bytes  # (n, 16)
    span_id: Bytes  # (n, 8)
    parent_id: Bytes  # (n, 8)
    has_parent: npt.NDArray[np.bool_]
    verdict: npt.NDArray[np.int8]
    """GOOD, or why the span can never be stored."""
    kind: npt.NDArray[np.int32]
    status_code: npt.NDArray[np.int32]
    start_ns: npt.NDArray[np.uint64]
    end_ns: npt.NDArray[np.uint64]
    name_at: npt.NDArray[np.int64]  # (n, 2): begin and end in the request
    resource: npt.NDArray[np.int32]
    scope: npt.NDArray[np.int32]
    span_at: npt.NDArray[np.int64]  # (n, 2): begin and end in the request
    service_at: npt.NDArray[np.int64]  # (resources, 2); begin -1 where there is no service.name
    resource_bytes: Bytes
    resource_end: Offsets  # (resources + 1): each one's slice of resource_bytes
    scope_bytes: Bytes
    scope_end: Offsets  # (scopes + 1)


def columns(data: Bytes) -> Columns:
    """Fill the columns of every span in *data*, which `check` has passed.

    Raises MalformedError for a mass of messages too small to be spans: their rows would take a
    hundred times the request's memory.
    """
    resources, scopes, spans = _count(data)
    if resources + scopes + spans > data.size // _LEAST_BYTES + _SPARE_MESSAGES:
        raise MalformedError(f"{spans} spans in {data.size} bytes, too few for their ids")
    result = Columns(
        trace_id=np.zeros((spans, 16), np.uint8),
        span_id=np.zeros((spans, 8), np.uint8),
        parent_id=np.zeros((spans, 8), np.uint8),
        has_parent=np.zeros(spans, np.bool_),
        verdict=np.zeros(spans, np.int8),
        kind=np.zeros(spans, np.int32),
        status_code=np.zeros(spans, np.int32),
        start_ns=np.zeros(spans, np.uint64),
        end_ns=np.zeros(spans, np.uint64),
        name_at=np.zeros((spans, 2), np.int64),
        resource=np.zeros(spans, np.int32),
        scope=np.zeros(spans, np.int32),
        span_at=np.zeros((spans, 2), np.int64),
        service_at=np.full((resources, 2), -1, np.int64),
        resource_bytes=np.empty(data.size, np.uint8),
        resource_end=np.zeros(resources + 1, np.int32),
        scope_bytes=np.empty(data.size, np.uint8),
        scope_end=np.zeros(scopes + 1, np.int32),
    )
    _fill(data, *result)
    return result


@inlined
def _varint(data, at):
    value = np.uint64(0)
    shift = np.uint64(0)
    while True:
        byte = np.uint64(data[at])
        at += 1
        value |= (byte & np.uint64(0x7F)) << shift
        if byte < np.uint64(0x80):
            return value, at
        shift += np.uint64(7)


@inlined
def _field(data, at):
    """(tag, where its payload begins, where it ends); a varint's payload is the varint."""
    tag, at = _varint(data, at)
    wire_type = tag & np.uint64(7)
    begin = at
    if wire_type == 0:
        _, at = _varint(data, at)
    elif wire_type == 1:
        at += 8
    elif wire_type == 5:
        at += 4
    else:
        size, begin = _varint(data, at)
        at = begin + np.int64(size)
    return tag, begin, at


@inlined
def _little_endian(data, at):
    value = np.uint64(0)
    for position in range(8):
        value |= np.uint64(data[at + position]) << np.uint64(8 * position)
    return value


@inlined
def _id(data, begin, end, row):
    """Copy an id into its row; whether it has the right size and is not all zero."""
    if end - begin != row.size:
        return False
    some = np.uint8(0)
    for position in range(row.size):
        row[position] = data[begin + position]
        some |= data[begin + position]
    return some != 0


@inlined
def _is_service_name(data, begin, end):
    name = b"service.name"
    if end - begin != len(name):
        return False
    for position in range(len(name)):
        if data[begin + position] != name[position]:
            return False
    return True


@inlined
def _service_name(data, at, end, service_at):
    """Where a Resource message says the service's name, if it does."""
    while at < end:
        tag, begin, at = _field(data, at)
        if tag != 10:  # attributes = 1
            continue
        pair, pair_end = begin, at
        named = False
        value_begin = value_end = np.int64(-1)
        while pair < pair_end:
            tag, begin, pair = _field(data, pair)
            if tag == 10:  # key = 1
                named = _is_service_name(data, begin, pair)
            elif tag == 18:  # value = 2
                value, end_of_value = begin, pair
                while value < end_of_value:
                    tag, begin, value = _field(data, value)
                    if tag == 10:  # string_value = 1
                        value_begin, value_end = begin, value
                    elif tag >> np.uint64(3) <= 8:  # another member of the same oneof
                        value_begin = value_end = np.int64(-1)
        if named:
            service_at[0] = value_begin
            service_at[1] = value_end


@inlined
def _span_fields(
    data, at, end, row, trace_id, span_id, parent_id, has_parent, verdict,
    kind, status_code, start_ns, end_ns, name_at,
):  # fmt: skip  # the arguments are a row's columns, in their order
    """Fill one row from a Span message and judge its ids."""
    good_trace = good_span = False
    good_parent = True
    while at < end:
        tag, begin, at = _field(data, at)
        if tag == 10:  # trace_id = 1
            good_trace = _id(data, begin, at, trace_id[row])
        elif tag == 18:  # span_id = 2
            good_span = _id(data, begin, at, span_id[row])
        elif tag == 34:  # parent_span_id = 4; empty or all zero means none
            has_parent[row] = _id(data, begin, at, parent_id[row])
            good_parent = at - begin == 8 or at == begin
        elif tag == 42:  # name = 5
            name_at[row, 0] = begin
            name_at[row, 1] = at
        elif tag == 48:  # kind = 6
            kind[row] = np.int32(_varint(data, begin)[0])
        elif tag == 57:  # start_time_unix_nano = 7
            start_ns[row] = _little_endian(data, begin)
        elif tag == 65:  # end_time_unix_nano = 8
            end_ns[row] = _little_endian(data, begin)
        elif tag == 122:  # status = 15
            status_at = begin
            while status_at < at:
                tag, begin, status_at = _field(data, status_at)
                if tag == 24:  # code = 3
                    status_code[row] = np.int32(_varint(data, begin)[0])
    if not good_trace:
        verdict[row] = BAD_TRACE_ID
    elif not good_span:
        verdict[row] = BAD_SPAN_ID
    elif not good_parent:
        verdict[row] = BAD_PARENT_ID


@compiled(f"UniTuple(int64, 3)({REQUEST})")
def _count(data):
    """How many ResourceSpans, ScopeSpans and Spans there are."""
    resources = scopes = spans = 0
    at = np.int64(0)
    while at < data.size:
        tag, resource_at, at = _field(data, at)
        if tag != 10:  # resource_spans = 1
            continue
        resources += 1
        while resource_at < at:
            tag, scope_at, resource_at = _field(data, resource_at)
            if tag != 18:  # scope_spans = 2
                continue
            scopes += 1
            while scope_at < resource_at:
                tag, _, scope_at = _field(data, scope_at)
                spans += tag == 18  # spans = 2
    return resources, scopes, spans


@compiled(
    f"void({REQUEST}, uint8[:, ::1], uint8[:, ::1], uint8[:, ::1], boolean[::1], int8[::1], int32[::1],"
    "int32[::1], uint64[::1], uint64[::1], int64[:, ::1], int32[::1], int32[::1], int64[:, ::1],"
    "int64[:, ::1], uint8[::1], int32[::1], uint8[::1], int32[::1])"
)
def _fill(
    data,
    trace_id,
    span_id,
    parent_id,
    has_parent,
    verdict,
    kind,
    status_code,
    start_ns,
    end_ns,
    name_at,
    resource,
    scope,
    span_at,
    service_at,
    resource_bytes,
    resource_end,
    scope_bytes,
    scope_end,
):
    resources = scopes = row = 0
    resource_size = scope_size = 0
    at = np.int64(0)
    while at < data.size:
        tag, resource_at, at = _field(data, at)
        if tag != 10:  # resource_spans = 1
            continue
        while resource_at < at:
            field_at = resource_at
            tag, scope_at, resource_at = _field(data, resource_at)
            if tag == 10:  # resource = 1
                _service_name(data, scope_at, resource_at, service_at[resources])
            if tag != 18:  # all but scope_spans = 2 describes the resource
                for position in range(field_at, resource_at):
                    resource_bytes[resource_size] = data[position]
                    resource_size += 1
                continue
            while scope_at < resource_at:
                field_at = scope_at
                tag, span_begin, scope_at = _field(data, scope_at)
                if tag != 18:  # all but spans = 2 describes the scope
                    for position in range(field_at, scope_at):
                        scope_bytes[scope_size] = data[position]
                        scope_size += 1
                    continue
                resource[row] = resources
                scope[row] = scopes
                span_at[row, 0] = span_begin
                span_at[row, 1] = scope_at
                _span_fields(
                    data, span_begin, scope_at, row, trace_id, span_id, parent_id, has_parent, verdict,
                    kind, status_code, start_ns, end_ns, name_at,
                )  # fmt: skip  # the arguments are a row's columns, in their order
                row += 1
            scopes += 1
            scope_end[scopes] = scope_size
        resources += 1
        resource_end[resources] = resource_size


@compiled(f"void({REQUEST}, int64[:, ::1], int32[::1], uint8[::1])")
def gather(data, slices, ends, target):
    """Copy slices of *data* one after the other into *target*, where `ends` says each one goes."""
    for row in range(slices.shape[0]):
        begin = slices[row, 0]
        shift = ends[row] - begin
        for position in range(begin, slices[row, 1]):
            target[position + shift] = data[position]
