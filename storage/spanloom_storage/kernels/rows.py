"""Spans as rows of numbers: what decoding fills, and what encoding and blocks are made from.

Texts are never copied: a row says where in the bytes they are.
"""

from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]
Records: TypeAlias = npt.NDArray[np.void]

TEXT: Final = np.dtype([("at", "i8"), ("size", "i8")])
"""A stretch of the bytes."""

SPAN: Final = np.dtype(
    [
        ("trace_high", "u8"),  # ids as numbers, most significant byte first, so that they sort as bytes do
        ("trace_low", "u8"),
        ("span_id", "u8"),
        ("parent_id", "u8"),  # 0: none
        ("start_ns", "u8"),
        ("end_ns", "u8"),  # 0: missing
        ("name_at", "i8"),
        ("message_at", "i8"),  # of the status
        ("trace_state_at", "i8"),
        ("rest_at", "i8"),  # fields that have no column, as they came
        ("attributes", "i8"),  # the first of them; they end where the next span's begin
        ("name_size", "i4"),
        ("message_size", "i4"),
        ("trace_state_size", "i4"),
        ("rest_size", "i4"),
        ("events", "i4"),  # as attributes
        ("links", "i4"),
        ("name", "i4"),  # which of the distinct names
        ("kind", "i4"),
        ("status_code", "i4"),
        ("flags", "u4"),
        ("dropped_attributes", "u4"),
        ("dropped_events", "u4"),
        ("dropped_links", "u4"),
        ("resource", "i4"),
        ("scope", "i4"),
        ("bad", "i4"),  # 0: its ids are as OTLP demands; else it can never be stored
    ],
    align=True,
)

EVENT: Final = np.dtype(
    [
        ("time_ns", "u8"),
        ("name_at", "i8"),
        ("rest_at", "i8"),
        ("attributes", "i8"),
        ("name_size", "i4"),
        ("rest_size", "i4"),
        ("dropped_attributes", "u4"),
        ("span", "i4"),
    ],
    align=True,
)

LINK: Final = np.dtype(
    [
        ("trace_high", "u8"),
        ("trace_low", "u8"),
        ("span_id", "u8"),
        ("trace_state_at", "i8"),
        ("rest_at", "i8"),
        ("attributes", "i8"),
        ("trace_state_size", "i4"),
        ("rest_size", "i4"),
        ("flags", "u4"),
        ("dropped_attributes", "u4"),
        ("span", "i4"),
    ],
    align=True,
)

ATTRIBUTE: Final = np.dtype([("value", "i8"), ("size", "i4"), ("key", "i4")])
"""`key` is the key's number times 8 plus the value's type; `value` is the number itself, the bits
of a double, or where a string (or what has no column) begins."""

OTHER: Final = 0
"""A value that has no column (bytes, lists, maps, nothing): the whole KeyValue message as it came."""
STRING: Final = 1
BOOL: Final = 2
INT: Final = 3
DOUBLE: Final = 4


class Rows(NamedTuple):
    """Spans in rows. Arrays of spans, events and links have one row more, where the last one's parts end."""

    data: Bytes
    """What places refer to, but for `rest_at`."""
    rest: Bytes
    event_rest: Bytes
    link_rest: Bytes
    spans: Records
    attributes: Records
    events: Records
    event_attributes: Records
    links: Records
    link_attributes: Records
    keys: Records
    """TEXT of each distinct key."""
    names: Records
    """TEXT of each distinct span name."""
    resources: Bytes
    """The distinct ResourceSpans without their scope_spans, one after the other."""
    resource_ends: npt.NDArray[np.int64]
    scopes: Bytes
    """The distinct ScopeSpans without their spans."""
    scope_ends: npt.NDArray[np.int64]


class Owners(NamedTuple):
    """What resources, or scopes, say of themselves."""

    data: Bytes
    begins: npt.NDArray[np.int64]
    """The first attribute of each; the last one's end."""
    attributes: Records
    keys: Records
    names: Records
    """TEXT: a scope's name."""
    versions: Records
    """TEXT: a scope's version."""
