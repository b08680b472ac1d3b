"""From syntax to the question that storage answers."""

from typing import Final

from spanloom_query.language.conditions import (
    CALCULATIONS,
    OPERATORS,
    condition_of,
    not_run,
    operand_of,
    value_of,
)
from spanloom_query.language.syntax import (
    Aggregated,
    Binary,
    Coalesce,
    Combined,
    Comparison,
    Constant,
    Filter,
    GroupBy,
    Metric,
    Piece,
    Query,
    Related,
    Select,
    Unary,
    Wrapped,
)
from spanloom_storage.conditions import All, Arithmetic, Calculation
from spanloom_storage.span_sets import (
    Aggregate,
    Aggregation,
    Figure,
    Filtered,
    Joint,
    Spans,
    SpanSet,
    Union,
    Within,
)

_STAGES: Final = {GroupBy: "by()", Coalesce: "coalesce()", Select: "select()"}


def plan(query: Query) -> SpanSet:
    """The spans that a checked query is about. Raises NotRunYet for what nothing answers yet."""
    return _pipeline(query.stages)


def _pipeline(stages: tuple[Piece, ...]) -> SpanSet:
    found: SpanSet = Spans(All(()))
    for number, stage in enumerate(stages):
        match stage:
            case Comparison(operator, left, right):
                found = Filtered(found, _figure(left), OPERATORS[operator], _figure(right))
            case Filter(condition) if number:
                found = found if condition is None else Within(found, condition_of(condition))
            case Combined() | Wrapped() if number:
                raise not_run("more than one spanset in the middle of a pipeline is", stage)
            case _:
                found = _spanset(stage)
    return found


def _spanset(piece: Piece) -> SpanSet:
    match piece:
        case Filter(condition):
            return Spans(All(()) if condition is None else condition_of(condition))
        case Combined(operator, parts):
            sets = tuple(map(_spanset, parts))
            return Joint(sets) if operator == "&&" else Union(sets)
        case Wrapped(stages):
            return _pipeline(stages)
        case Related(operator):
            raise not_run(f"`{operator}` between spansets is", piece)
        case Metric(function):
            raise not_run(f"{function}() is", piece)
    raise not_run(f"{_STAGES.get(type(piece), 'a calculation with metrics')} is", piece)


def _figure(piece: Piece) -> Figure:
    match piece:
        case Aggregated(function, of):
            return Aggregate(Aggregation(function), None if of is None else operand_of(of))
        case Unary(_, operand):
            return Arithmetic(-1, Calculation.MULTIPLY, _figure(operand))
        case Binary(operator, left, right):
            return Arithmetic(_figure(left), CALCULATIONS[operator], _figure(right))
        case Constant():
            value = value_of(piece)
            return value if isinstance(value, int | float) else 0
    raise not_run("a number of a whole pipeline is", piece)
