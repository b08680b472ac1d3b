"""One span and what belongs to it, as a person looks at one trace.

The names are OpenTelemetry's (opentelemetry/proto/trace/v1/trace.proto). Batches on their way
through the collector are Arrow tables; these objects exist for one trace at a time, at the edge.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from spanloom_model.ids import SpanId, TraceId


@dataclass(frozen=True, slots=True)
class Attributes:
    """Keys with values, in the order they were sent; a key that was sent twice is here twice."""

    pairs: "tuple[tuple[str, AttributeValue], ...]" = ()

    def get(self, key: str) -> "AttributeValue":
        """The last value sent for *key*, or None."""
        return next((value for name, value in reversed(self.pairs) if name == key), None)

    def __iter__(self) -> "Iterator[tuple[str, AttributeValue]]":
        return iter(self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)


AttributeValue = str | bool | int | float | bytes | tuple["AttributeValue", ...] | Attributes | None
"""OTLP's AnyValue: a tuple is its array, Attributes its key-value list, None a value left empty."""

NO_ATTRIBUTES = Attributes()


class SpanKind(Enum):
    """Which side of an exchange a span is; the values are OTLP's numbers."""

    UNSPECIFIED = 0
    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5

    @property
    def label(self) -> str:
        """Lower-case, as our API and pages write it."""
        return self.name.lower()


class StatusCode(Enum):
    """What the instrumentation said of the outcome; the values are OTLP's numbers."""

    UNSET = 0
    OK = 1
    ERROR = 2

    @property
    def label(self) -> str:
        """Lower-case, as our API and pages write it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What made the spans: a process, its host, its SDK."""

    attributes: Attributes = NO_ATTRIBUTES
    dropped_attributes_count: int = 0
    schema_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The instrumentation library that made the spans."""

    name: str = ""
    version: str = ""
    attributes: Attributes = NO_ATTRIBUTES
    dropped_attributes_count: int = 0
    schema_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened at one moment of a span: Dapper's and Zipkin's annotation."""

    time_ns: int
    name: str
    attributes: Attributes = NO_ATTRIBUTES
    dropped_attributes_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Another span that this one came from without being its child, in this trace or another."""

    trace_id: TraceId
    span_id: SpanId
    trace_state: str = ""
    flags: int = 0
    attributes: Attributes = NO_ATTRIBUTES
    dropped_attributes_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One timed operation, as one host saw it. A finished fact: never changed."""

    trace_id: TraceId
    span_id: SpanId
    parent_id: SpanId | None = None
    """None marks the root. The parent may be missing from storage, so a tree needs no root to be drawn."""

    service: str
    """The resource's `service.name`; `unknown_service` where the client sent none."""
    name: str
    kind: SpanKind = SpanKind.UNSPECIFIED
    start_ns: int
    """Nanoseconds since the Unix epoch, by the clock of the host that made the span."""
    duration_ns: int
    """Negative where the client's clock was set back between start and end."""

    status: StatusCode = StatusCode.UNSET
    status_message: str = ""
    attributes: Attributes = NO_ATTRIBUTES
    events: tuple[Event, ...] = ()
    links: tuple[Link, ...] = ()
    resource: Resource = Resource()
    scope: Scope = Scope()
    trace_state: str = ""
    flags: int = 0
    dropped_attributes_count: int = 0
    dropped_events_count: int = 0
    dropped_links_count: int = 0

    @property
    def end_ns(self) -> int:
        """When the operation ended, by the same clock as `start_ns`."""
        return self.start_ns + self.duration_ns
