"""What can be asked of spans and traces: a small typed expression.

TraceCondition = Spans(condition) · TraceCompare · AllTraces · AnyTrace · NotTrace     about a trace
Condition      = Compare · Exists · All · AnyOf · Not                               about one span
"""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class ValueType(Enum):
    """The types that are compared; others (bytes, maps, nothing) only exist."""

    STRING = "string"
    INT = "int"
    DOUBLE = "double"
    BOOL = "bool"


class Owner(Enum):
    """Whose attribute."""

    SPAN = "span"
    RESOURCE = "resource"
    SCOPE = "instrumentation"
    EVENT = "event"
    LINK = "link"
    ANY = "any"
    """The span's, or its resource's where the span has none of that key."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute by key."""

    owner: Owner
    key: str


class Intrinsic(Enum):
    """What every span has, and what its scope, events and links have beside attributes."""

    SERVICE = "service"
    """A string: the resource's `service.name`, or `unknown_service`."""
    NAME = "name"
    KIND = "kind"
    """An int: OTLP's number."""
    STATUS = "status"
    """An int: OTLP's number."""
    STATUS_MESSAGE = "status_message"
    DURATION_NS = "duration_ns"
    START_NS = "start_ns"
    """An int; 0 where the span does not say."""
    SPAN_ID = "span_id"
    """A string of 16 lower-case hexadecimal digits."""
    PARENT_ID = "parent_id"
    """The same; missing on a root."""
    SCOPE_NAME = "scope_name"
    SCOPE_VERSION = "scope_version"
    EVENT_NAME = "event_name"
    EVENT_SINCE_START_NS = "event_since_start_ns"
    LINK_TRACE_ID = "link_trace_id"
    LINK_SPAN_ID = "link_span_id"


Field: TypeAlias = Attribute | Intrinsic


class Operator(Enum):
    """How a value is compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    MATCHES = "=~"
    """A regular expression (RE2) that the whole string must match."""
    NOT_MATCHES = "!~"


Value: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Compare:
    """Some value of the field stands in this relation; never true where the span has no such field.

    NOT_EQUAL and NOT_MATCHES: it has the field, and none of its values is equal or matches.
    Ints and doubles compare as numbers; other pairs of types are unequal, and nothing else.
    """

    field: Field
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Exists:
    """The span has the field, of whatever type."""

    field: Field


@dataclass(frozen=True, slots=True)
class All:
    """Every one of them; true where there is none."""

    of: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of them; false where there is none."""

    of: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The other spans."""

    of: "Condition"


Condition: TypeAlias = Compare | Exists | All | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Spans:
    """The trace has a span that meets the condition and starts in the query's time range."""

    condition: Condition


def span_with(
    *, service: str | None = None, name: str | None = None, min_duration_ns: int | None = None
) -> "TraceCondition | None":
    """One span meets all that is given; None where nothing is."""
    asked: list[Condition] = []
    if service is not None:
        asked.append(Compare(Intrinsic.SERVICE, Operator.EQUAL, service))
    if name is not None:
        asked.append(Compare(Intrinsic.NAME, Operator.EQUAL, name))
    if min_duration_ns is not None:
        asked.append(Compare(Intrinsic.DURATION_NS, Operator.GREATER_OR_EQUAL, min_duration_ns))
    return Spans(All(tuple(asked))) if asked else None


class TraceField(Enum):
    """What is asked of a whole trace."""

    DURATION_NS = "duration_ns"
    START_NS = "start_ns"
    SPAN_COUNT = "span_count"
    ERROR_COUNT = "error_count"
    ROOT_SERVICE = "root_service"
    ROOT_NAME = "root_name"


@dataclass(frozen=True, slots=True)
class TraceCompare:
    """As Compare, of what a summary says of the trace."""

    field: TraceField
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class AllTraces:
    """Every one of them holds for the trace."""

    of: tuple["TraceCondition", ...]


@dataclass(frozen=True, slots=True)
class AnyTrace:
    """At least one of them holds for the trace."""

    of: tuple["TraceCondition", ...]


@dataclass(frozen=True, slots=True)
class NotTrace:
    """The other traces."""

    of: "TraceCondition"


TraceCondition: TypeAlias = Spans | TraceCompare | AllTraces | AnyTrace | NotTrace
