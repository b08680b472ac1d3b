"""Which spans of a trace are meant, where they have to do with each other; a trace is found by having some.

SpanSet = Spans · Union · Joint · Within · Filtered
Figure  = Aggregate · a number · Arithmetic
"""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from spanloom_storage.conditions import All, Arithmetic, Compare, Condition, Intrinsic, Operand, Operator


@dataclass(frozen=True, slots=True)
class Spans:
    """Those that meet the condition and start in the query's time range."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Union:
    """All of any of them."""

    of: tuple["SpanSet", ...]


@dataclass(frozen=True, slots=True)
class Joint:
    """All of every one of them if none is empty, else nothing."""

    of: tuple["SpanSet", ...]


@dataclass(frozen=True, slots=True)
class Within:
    """Those of a set that meet a condition too."""

    of: "SpanSet"
    condition: Condition


class Aggregation(Enum):
    """What a number is made of; values that are no numbers do not count."""

    COUNT = "count"
    """Of spans."""
    MIN = "min"
    MAX = "max"
    AVG = "avg"
    """Of values, as doubles, of which a span may have several; nothing where there is none."""
    SUM = "sum"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A number of all spans of a set together."""

    aggregation: Aggregation
    of: Operand | None = None
    """None for COUNT."""


Figure: TypeAlias = Aggregate | int | float | Arithmetic["Figure"]


@dataclass(frozen=True, slots=True)
class Filtered:
    """The set if its figures stand in this relation, else nothing; without a figure none does."""

    of: "SpanSet"
    left: Figure
    operator: Operator
    right: Figure


SpanSet: TypeAlias = Spans | Union | Joint | Within | Filtered


def span_with(
    *, service: str | None = None, name: str | None = None, min_duration_ns: int | None = None
) -> SpanSet | None:
    """One span meets all that is given; None where nothing is."""
    asked: list[Condition] = []
    if service is not None:
        asked.append(Compare(Intrinsic.SERVICE, Operator.EQUAL, service))
    if name is not None:
        asked.append(Compare(Intrinsic.NAME, Operator.EQUAL, name))
    if min_duration_ns is not None:
        asked.append(Compare(Intrinsic.DURATION_NS, Operator.GREATER_OR_EQUAL, min_duration_ns))
    return Spans(All(tuple(asked))) if asked else None
