"""Jaeger's model of a span, as its query API answers it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

Value = str | bool | int | float | bytes


class ValueType(Enum):
    """What a tag holds, as JSON calls it."""

    STRING = "string"
    BOOL = "bool"
    INT64 = "int64"
    FLOAT64 = "float64"
    BINARY = "binary"


class ReferenceType(Enum):
    """How a span refers to another, as JSON calls it."""

    CHILD_OF = "CHILD_OF"
    FOLLOWS_FROM = "FOLLOWS_FROM"


class KeyValue(NamedTuple):
    """A tag."""

    key: str
    type: ValueType
    value: Value


class Log(NamedTuple):
    """What happened at a moment."""

    time_ns: int
    """Nanoseconds since the Unix epoch."""

    fields: Sequence[KeyValue]


class Reference(NamedTuple):
    """A span refers to another."""

    type: ReferenceType
    trace_id: bytes
    span_id: bytes


@dataclass(frozen=True, slots=True)
class Process:
    """Who made a span."""

    service_name: str
    tags: Sequence[KeyValue] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span."""

    trace_id: bytes
    span_id: bytes
    operation_name: str
    process: Process
    references: Sequence[Reference] = ()
    """Where it has a parent, that is the first."""

    flags: int = 0
    """1 sampled, 2 debug, 8 firehose."""

    start_ns: int = 0
    """Nanoseconds since the Unix epoch."""

    duration_ns: int = 0
    """Negative where the span says that it ended before it began."""

    tags: Sequence[KeyValue] = ()
    logs: Sequence[Log] = ()
    process_id: str = ""
    warnings: Sequence[str] = ()
