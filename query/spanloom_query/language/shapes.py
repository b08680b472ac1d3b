"""What the pieces outside of braces are: spans, numbers of them, a question that ends with one, metrics."""

from enum import Enum
from typing import Final, cast

from spanloom_query.language.cursor import Cursor
from spanloom_query.language.errors import QueryError
from spanloom_query.language.expressions import COMPARISONS
from spanloom_query.language.syntax import (
    Aggregated,
    Binary,
    Combined,
    Comparison,
    Constant,
    Limited,
    Metric,
    Number,
    Piece,
    Ranked,
    Related,
    Spanset,
    Stage,
    Unary,
    Wrapped,
    parts_of,
)
from spanloom_query.language.tokens import Token

_RELATIONS: Final = (">", ">>", "<", "<<", "~")
STRUCTURAL: Final = tuple(how + relation for how in ("", "!", "&") for relation in _RELATIONS)


class Shape(Enum):
    """What can be done with a piece."""

    SPANS = "spans"
    NUMBER = "a number"
    COMPARISON = "a comparison of numbers"
    METRIC = "a metric"


def shape_of(stage: Stage) -> Shape:
    """Of one stage, or of the last of those in parentheses."""
    match stage:
        case Constant() | Aggregated():
            return Shape.NUMBER
        case Unary(_, operand):
            return shape_of(cast("Stage", operand))
        case Binary(_, left, right):
            shapes = {shape_of(cast("Stage", side)) for side in (left, right)}
            return Shape.METRIC if Shape.METRIC in shapes else Shape.NUMBER
        case Comparison():
            return Shape.COMPARISON
        case Metric() | Ranked() | Limited():
            return Shape.METRIC
        case Wrapped(stages):
            last = shape_of(stages[-1])
            return Shape.SPANS if last is Shape.COMPARISON else last
    return Shape.SPANS


def joined(cursor: Cursor, left: Stage, operator: Token, right: Stage, *, chained: bool) -> Stage:
    """Two pieces with an operator between them. Raises QueryError where it is for others.

    Chained: the left is what the same operator, or another one as strong, has joined before.
    """
    shapes = {shape_of(left), shape_of(right)}
    symbol, at, length = operator.text, operator.at, len(operator.text)
    depth = cursor.depth_of(at, left, right)
    if shapes == {Shape.SPANS} and symbol in {"&&", "||"}:
        first, last = cast("Spanset", left), cast("Spanset", right)
        if chained and isinstance(first, Combined) and first.operator == symbol:
            return Combined(symbol, (*first.parts, last), at=first.at, length=length, depth=first.depth)
        return Combined(symbol, (first, last), at=at, length=length, depth=depth)
    if shapes == {Shape.SPANS} and symbol in STRUCTURAL:
        return Related(
            symbol, cast("Spanset", left), cast("Spanset", right), at=at, length=length, depth=depth
        )
    one, other = cast("Number", left), cast("Number", right)
    if shapes == {Shape.NUMBER} and symbol in COMPARISONS:
        if not (has_aggregate(one) or has_aggregate(other)):
            raise QueryError("a comparison of constants only", at, length, hint="compare count(), max(…)")
        return Comparison(symbol, one, other, at=at, length=length, depth=depth)
    if shapes <= {Shape.NUMBER, Shape.METRIC} and symbol in set("+-*/%^"):
        if Shape.METRIC in shapes and symbol in "%^":
            raise QueryError(f"`{symbol}` with a metric", at, length)
        return Binary(symbol, one, other, at=at, length=length, depth=depth)
    raise _misfit(left, operator, right)


def has_aggregate(piece: Piece) -> bool:
    """Whether a number says something of spans."""
    return isinstance(piece, Aggregated | Wrapped) or any(map(has_aggregate, parts_of(piece)))


def _misfit(left: Stage, operator: Token, right: Stage) -> QueryError:
    one, other = shape_of(left), shape_of(right)
    hint = ""
    if Shape.COMPARISON in {one, other}:
        hint = "a comparison is a stage of its own: put `|` before it, and parentheses around its pipeline"
    elif Shape.SPANS in {one, other}:
        hint = "spans are taken with && and ||, numbers of them after `|`, as in { … } | count() > 2"
    return QueryError(
        f"`{operator.text}` between {one.value} and {other.value}",
        operator.at,
        len(operator.text),
        hint=hint,
    )
