"""A Zipkin span as version 1 had it: one span for both sides, hosts on each annotation."""

from typing import Final, NamedTuple

from spanloom_dialects.zipkin.span import Endpoint

ADDRESSES: Final = frozenset({"ca", "sa", "ma"})
"""Keys of binary annotations that only say where the client, the server or the broker is."""


class V1Annotation(NamedTuple):
    """Something that happened at a moment on a host."""

    timestamp: int
    """Microseconds since the Unix epoch."""

    value: str
    endpoint: Endpoint | None


class V1BinaryAnnotation(NamedTuple):
    """A tag, or the address of the other side."""

    key: str
    value: str | None
    """None for an address."""

    endpoint: Endpoint | None


class V1Span(NamedTuple):
    """A span."""

    trace_id: str
    parent_id: str | None
    id: str
    name: str | None
    timestamp: int
    """Microseconds since the Unix epoch; 0 where it is not known."""

    duration: int
    """Microseconds; 0 where it is not known."""

    debug: bool
    annotations: list[V1Annotation]
    binary_annotations: list[V1BinaryAnnotation]
