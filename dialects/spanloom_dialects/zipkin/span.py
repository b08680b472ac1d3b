"""A Zipkin span as version 2 of its API has it, whichever encoding it came in or goes out by."""

from msgspec import UNSET, Struct, UnsetType


class Endpoint(Struct, rename="camel", omit_defaults=True, frozen=True):
    """A side of a span. What is empty, 0 or null is not known."""

    service_name: str | None = None
    ipv4: str | None = None
    ipv6: str | None = None
    port: int | None = None


class Annotation(Struct, frozen=True, order=True):
    """Something that happened at a moment."""

    timestamp: int
    """Microseconds since the Unix epoch."""

    value: str


class Span(Struct, rename="camel", omit_defaults=True):
    """A span, or one side of it where two hosts share it. Fields are in the order of Zipkin's answers."""

    trace_id: str | UnsetType = UNSET
    """16 or 32 lower-case hex digits once it is checked; fewer may come."""

    parent_id: str | None = None
    id: str | UnsetType = UNSET
    kind: str | None = None
    name: str | None = None
    timestamp: int | None = None
    """Microseconds since the Unix epoch; 0 or null where it is not known, as for the rest of a span that was
    reported before."""

    duration: int | None = None
    """Microseconds; 0 or null where it is not known."""

    local_endpoint: Endpoint | None = None
    remote_endpoint: Endpoint | None = None
    annotations: list[Annotation] | None = None
    tags: dict[str, str] | None = None
    debug: bool | None = None
    shared: bool | None = None
    """The server's side of a span whose id came from its client."""
