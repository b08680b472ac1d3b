"""What can be asked of one span: a small typed expression. `span_sets` asks about several of a trace.

Condition = Compare · Exists · All · AnyOf · Not
Operand   = Attribute · Intrinsic · TraceField · a value · Arithmetic · a condition, which is a truth
"""

from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeAlias, TypeVar


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


class TraceField(Enum):
    """What only all spans of a trace tell, of each of them. Not for a `SpanQuery`."""

    ID = "trace_id"
    """A string of 32 lower-case hexadecimal digits."""
    DURATION_NS = "trace_duration_ns"
    """From the earliest start that is known to the latest end."""
    ROOT_SERVICE = "root_service"
    """Missing, as the name, where the root is."""
    ROOT_NAME = "root_name"
    CHILD_COUNT = "child_count"
    """An int: how many spans of the trace say that this one is their parent."""


class Operator(Enum):
    """How a value is compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    MATCHES = "=~"
    """A regular expression (RE2) that the whole string must match; it stands on the right, as a value."""
    NOT_MATCHES = "!~"


Value: TypeAlias = str | int | float | bool


class Calculation(Enum):
    """What becomes of two numbers, in doubles as IEEE 754 has them: nothing fails, 1/0 is infinite."""

    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    REMAINDER = "%"
    """Has the sign of the dividend."""
    POWER = "^"


Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Arithmetic(Generic[Part]):
    """Every number of the left with every number of the right; none where one of them has none."""

    left: Part
    calculation: Calculation
    right: Part


@dataclass(frozen=True, slots=True)
class Compare:
    """Some value of the left stands in this relation to some of the right; never true where one has none.

    NOT_EQUAL and NOT_MATCHES: both have values, and no pair of them is equal or matches.
    Ints and doubles compare as numbers; other pairs of types are unequal, and nothing else.
    """

    left: "Operand"
    operator: Operator
    right: "Operand"


@dataclass(frozen=True, slots=True)
class Exists:
    """The span has the field, of whatever type."""

    field: Field | TraceField


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


Operand: TypeAlias = Field | TraceField | Value | Arithmetic["Operand"] | Condition
