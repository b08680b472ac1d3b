"""What a set of spans is, trace by trace."""

import operator as python
from collections.abc import Callable, Sequence
from math import isnan

from spanloom_model.span import Span
from spanloom_storage.conditions import Arithmetic, Operator
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
from spanloom_storage.testing.naive_conditions import calculated, meets, numbers_of


def chosen(where: SpanSet, trace: Sequence[Span], timely: Sequence[Span]) -> list[Span]:
    """The spans that are meant, of those that start in time, in their order."""
    match where:
        case Spans(condition):
            return [span for span in timely if meets(span, condition, trace)]
        case Within(of, condition):
            return [span for span in chosen(of, trace, timely) if meets(span, condition, trace)]
        case Filtered(of, left, operator, right):
            spans = chosen(of, trace, timely)
            one, other = _figure(left, spans, trace), _figure(right, spans, trace)
            return spans if spans and _holds(one, operator, other) else []
        case Union(parts):
            return _together([chosen(one, trace, timely) for one in parts], timely)
        case Joint(parts):
            sets = [chosen(one, trace, timely) for one in parts]
            return _together(sets, timely) if all(sets) else []


def _together(sets: Sequence[Sequence[Span]], timely: Sequence[Span]) -> list[Span]:
    return [span for span in timely if any(span is one for spans in sets for one in spans)]


def _holds(left: float | None, operator: Operator, right: float | None) -> bool:
    if left is None or right is None or isnan(left) or isnan(right):
        return False
    return _RELATIONS[operator](left, right)


_RELATIONS: dict[Operator, Callable[[float, float], bool]] = {
    Operator.EQUAL: python.eq,
    Operator.NOT_EQUAL: python.ne,
    Operator.LESS: python.lt,
    Operator.LESS_OR_EQUAL: python.le,
    Operator.GREATER: python.gt,
    Operator.GREATER_OR_EQUAL: python.ge,
}


def _figure(figure: Figure, spans: Sequence[Span], trace: Sequence[Span]) -> float | None:
    match figure:
        case Aggregate(Aggregation.COUNT):
            return float(len(spans))
        case Aggregate(aggregation, of) if of is not None:
            numbers = [one for span in spans for one in numbers_of(span, of, trace) if not isnan(one)]
            return _AGGREGATIONS[aggregation](numbers) if numbers else None
        case Arithmetic(left, calculation, right):
            one, other = _figure(left, spans, trace), _figure(right, spans, trace)
            return None if one is None or other is None else calculated(one, calculation, other)
        case int() | float():
            return float(figure)
    raise AssertionError(f"of nothing there is only a count: {figure}")


_AGGREGATIONS: dict[Aggregation, Callable[[Sequence[float]], float]] = {
    Aggregation.MIN: min,
    Aggregation.MAX: max,
    Aggregation.SUM: sum,
    Aggregation.AVG: lambda numbers: sum(numbers) / len(numbers),
}
