"""A query as it was written: what the parser makes, and what checking and planning read.

Query      = stages, hints
stage      = spanset · Comparison · GroupBy · Coalesce · Select · Metric · Ranked · Limited
spanset    = Filter · Combined · Related · Wrapped
expression = Constant · AttributeName · IntrinsicName · Unary · Binary · Logical        about one span
number     = Constant · Aggregated · Unary · Binary · Wrapped                           about a spanset

`at` is where a piece begins, or where its operator stands. Positions do not make pieces differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias


class Type(Enum):
    """Of an expression."""

    STRING = "a text"
    INT = "a number"
    FLOAT = "a fraction"
    DURATION = "a duration"
    BOOL = "true or false"
    STATUS = "a status"
    KIND = "a kind"
    NIL = "nil"
    ANY = "an attribute"
    """Only each span says of what type its attribute is."""

    @property
    def is_numeric(self) -> bool:
        """Whether it can be calculated with."""
        return self in {Type.INT, Type.FLOAT, Type.DURATION, Type.ANY}


class Scope(Enum):
    """Whose attribute."""

    ANY = ""
    SPAN = "span"
    RESOURCE = "resource"
    EVENT = "event"
    LINK = "link"
    INSTRUMENTATION = "instrumentation"
    PARENT = "parent"


class Named(Enum):
    """The intrinsics, by the name that messages give them."""

    DURATION = "span:duration"
    NAME = "span:name"
    STATUS = "span:status"
    STATUS_MESSAGE = "span:statusMessage"
    KIND = "span:kind"
    ID = "span:id"
    PARENT_ID = "span:parentID"
    CHILD_COUNT = "span:childCount"
    TRACE_ID = "trace:id"
    TRACE_DURATION = "trace:duration"
    ROOT_NAME = "trace:rootName"
    ROOT_SERVICE = "trace:rootService"
    EVENT_NAME = "event:name"
    EVENT_TIME_SINCE_START = "event:timeSinceStart"
    LINK_TRACE_ID = "link:traceID"
    LINK_SPAN_ID = "link:spanID"
    INSTRUMENTATION_NAME = "instrumentation:name"
    INSTRUMENTATION_VERSION = "instrumentation:version"
    NESTED_SET_LEFT = "nestedSetLeft"
    NESTED_SET_RIGHT = "nestedSetRight"
    NESTED_SET_PARENT = "nestedSetParent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What every piece of a query knows."""

    at: int = field(default=0, compare=False, repr=False)
    length: int = field(default=1, compare=False, repr=False)
    depth: int = field(default=1, compare=False, repr=False)
    """How many pieces lie in each other."""


@dataclass(frozen=True, slots=True)
class Constant(Piece):
    """A value; a status or a kind by its name, a duration in nanoseconds, nil as an empty text."""

    type: Type
    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class AttributeName(Piece):
    """An attribute."""

    scope: Scope
    key: str


@dataclass(frozen=True, slots=True)
class IntrinsicName(Piece):
    """An intrinsic."""

    named: Named


@dataclass(frozen=True, slots=True)
class Unary(Piece):
    """`-` or `!`."""

    operator: str
    operand: "Expression | Number"


@dataclass(frozen=True, slots=True)
class Binary(Piece):
    """A calculation or a comparison."""

    operator: str
    left: "Expression | Number"
    right: "Expression | Number"


@dataclass(frozen=True, slots=True)
class Logical(Piece):
    """`&&` or `||` of two or more."""

    operator: str
    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Filter(Piece):
    """`{ … }`; None for `{ }`."""

    condition: "Expression | None"


@dataclass(frozen=True, slots=True)
class Combined(Piece):
    """`&&` or `||` of two or more spansets."""

    operator: str
    parts: tuple["Spanset", ...]


@dataclass(frozen=True, slots=True)
class Related(Piece):
    """A spanset by what is above, below or beside another one."""

    operator: str
    left: "Spanset"
    right: "Spanset"


@dataclass(frozen=True, slots=True)
class Wrapped(Piece):
    """`( … | … )`."""

    stages: tuple["Stage", ...]


@dataclass(frozen=True, slots=True)
class Aggregated(Piece):
    """`count()`, `max(…)`."""

    function: str
    of: "Expression | None"


@dataclass(frozen=True, slots=True)
class Comparison(Piece):
    """`| count() > 2`."""

    operator: str
    left: "Number"
    right: "Number"


@dataclass(frozen=True, slots=True)
class GroupBy(Piece):
    """`| by(…)`."""

    of: "Expression"


@dataclass(frozen=True, slots=True)
class Coalesce(Piece):
    """`| coalesce()`."""


@dataclass(frozen=True, slots=True)
class Select(Piece):
    """`| select(…)`."""

    fields: tuple["Name", ...]


@dataclass(frozen=True, slots=True)
class Metric(Piece):
    """`| rate() by(…)` and its like."""

    function: str
    of: "Name | None" = None
    numbers: tuple[Constant, ...] = ()
    against: Filter | None = None
    """What `compare` compares with the rest."""
    by: tuple["Name", ...] = ()


@dataclass(frozen=True, slots=True)
class Ranked(Piece):
    """`| topk(10)`, of a metric."""

    function: str
    count: int


@dataclass(frozen=True, slots=True)
class Limited(Piece):
    """`> 5`, behind a metric."""

    operator: str
    bound: Constant


@dataclass(frozen=True, slots=True)
class Hint(Piece):
    """`key = value`, in `with(…)`."""

    key: str
    value: Constant


Name: TypeAlias = AttributeName | IntrinsicName
Expression: TypeAlias = Constant | Name | Unary | Binary | Logical
Number: TypeAlias = Constant | Aggregated | Unary | Binary | Wrapped
Spanset: TypeAlias = Filter | Combined | Related | Wrapped
Stage: TypeAlias = (
    Filter
    | Combined
    | Related
    | Wrapped
    | Comparison
    | GroupBy
    | Coalesce
    | Select
    | Metric
    | Ranked
    | Limited
    | Number
)


def parts_of(piece: Piece) -> Sequence[Piece]:
    """The pieces that a piece is made of."""
    match piece:
        case Logical(_, parts) | Combined(_, parts) | Wrapped(parts):
            return parts
        case Binary(_, left, right) | Comparison(_, left, right) | Related(_, left, right):
            return left, right
        case Unary(_, part) | Aggregated(_, Piece() as part) | Filter(Piece() as part) | GroupBy(part):
            return (part,)
        case Metric(against=Filter() as part):
            return (part,)
    return ()


@dataclass(frozen=True, slots=True)
class Query:
    """All of it."""

    stages: tuple[Stage, ...]
    hints: tuple[Hint, ...] = ()
