"""A Zipkin span as version 1 had it: one span for both sides, hosts on each annotation."""

from typing import Final

from msgspec import UNSET, Struct, UnsetType

from spanloom_dialects.zipkin.span import Endpoint

_ADDRESSES: Final = frozenset({"ca", "sa", "ma"})
_TRUE: Final = (True, "true", "1")
"""What marks an address; old clients send text."""


class V1Annotation(Struct):
    """Something that happened at a moment on a host."""

    timestamp: int
    """Microseconds since the Unix epoch."""

    value: str
    endpoint: Endpoint | None = None


class V1BinaryAnnotation(Struct):
    """A tag, or the address of the other side."""

    key: str
    value: str | bool | int | float
    endpoint: Endpoint | None = None

    @property
    def is_address(self) -> bool:
        """Whether it only says where the client, the server or the broker is."""
        return self.key in _ADDRESSES and self.value in _TRUE

    @property
    def text(self) -> str:
        """What it says as a tag."""
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        return str(self.value)


class V1Span(Struct, rename="camel"):
    """A span."""

    trace_id: str | UnsetType = UNSET
    parent_id: str | None = None
    id: str | UnsetType = UNSET
    name: str | None = None
    timestamp: int | None = None
    """Microseconds since the Unix epoch; 0 or null where it is not known."""

    duration: int | None = None
    """Microseconds; 0 or null where it is not known."""

    debug: bool | None = None
    annotations: list[V1Annotation] | None = None
    binary_annotations: list[V1BinaryAnnotation] | None = None
