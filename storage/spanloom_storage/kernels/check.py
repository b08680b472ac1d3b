"""Is this a well-formed OTLP message? Every field, every nested message, every string.

Stricter than protobuf's own parsers in one thing: groups (wire types 3 and 4), which proto3 does
not have, are refused even as unknown fields. What passes here, those parsers read.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_storage.kernels.compiled import REQUEST, compiled, inlined

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


def field_table(root: Descriptor) -> npt.NDArray[np.int16]:
    """What each length-delimited field holds, by message (the root is 0) and field number."""
    messages = [root]
    rows: list[npt.NDArray[np.int16]] = []
    while len(rows) < len(messages):
        row = np.zeros(_FIELD_NUMBERS, np.int16)
        for field in messages[len(rows)].fields:
            if field.type == FieldDescriptor.TYPE_STRING:
                row[field.number] = _STRING
            elif field.message_type is not None:
                if field.message_type not in messages:
                    messages.append(field.message_type)
                row[field.number] = _MESSAGE + messages.index(field.message_type)
        rows.append(row)
    return np.stack(rows)


REQUEST_FIELDS: Final = field_table(ExportTraceServiceRequest.DESCRIPTOR)


def malformation(data: npt.NDArray[np.uint8]) -> str | None:
    """Why these bytes are no ExportTraceServiceRequest, or None where they are one."""
    wrong, at = check(data, REQUEST_FIELDS)
    return f"{MEANING[wrong]} (byte {at})" if wrong else None


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
def _is_utf8(data, at, end):
    """RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF."""
    high = np.uint8(0)
    for position in range(at, end):  # LLVM makes vectors of this loop; nearly all strings end here
        high |= data[position]
    if high < 0x80:
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


@compiled(f"Tuple((int64, int64))({REQUEST}, int16[:, ::1])")
def check(data, fields):
    """(OK, length) or (what is wrong, at which byte); walks with a stack, never recursively."""
    ends = np.empty(MAX_DEPTH, np.int64)
    messages = np.empty(MAX_DEPTH, np.int64)
    depth = 0
    ends[0] = data.size
    messages[0] = 0
    at = np.int64(0)
    while True:
        while at == ends[depth]:
            if depth == 0:
                return OK, at
            depth -= 1
        end = ends[depth]
        begin = at
        tag, at = _varint(data, at, end, 5)
        if at < 0:
            return TRUNCATED, begin
        number = tag >> np.uint64(3)
        wire_type = tag & np.uint64(7)
        if number == 0 or number >= np.uint64(1 << 29):
            return BAD_TAG, begin
        size = np.uint64(0)
        if wire_type == 0:
            _, at = _varint(data, at, end, 10)
            if at < 0:
                return TRUNCATED, begin
        elif wire_type == 1:
            size = np.uint64(8)
        elif wire_type == 5:
            size = np.uint64(4)
        elif wire_type == 2:
            size, at = _varint(data, at, end, 5)
            if at < 0:
                return TRUNCATED, begin
        else:
            return BAD_TAG, begin
        if size > np.uint64(end - at):
            return TRUNCATED, begin
        holds = _PLAIN
        if wire_type == 2 and number < _FIELD_NUMBERS:
            holds = fields[messages[depth], number]
        if holds >= _MESSAGE:
            depth += 1
            if depth == MAX_DEPTH:
                return TOO_DEEP, begin
            ends[depth] = at + np.int64(size)
            messages[depth] = holds - _MESSAGE
        else:
            if holds == _STRING and not _is_utf8(data, at, at + np.int64(size)):
                return BAD_UTF8, begin
            at += np.int64(size)
