"""What a query means, worked out span by span from its syntax: the judge of all that is faster."""

from collections.abc import Callable, Sequence
from math import isnan
from typing import Final

from spanloom_model.span import AttributeValue, Span, SpanKind, StatusCode
from spanloom_query.language.syntax import (
    Aggregated,
    AttributeName,
    Binary,
    Combined,
    Comparison,
    Constant,
    Filter,
    IntrinsicName,
    Logical,
    Named,
    Piece,
    Query,
    Scope,
    Type,
    Unary,
    Wrapped,
)
from spanloom_storage.conditions import Attribute, Calculation, Operator, Owner
from spanloom_storage.testing.naive import summary
from spanloom_storage.testing.naive_conditions import calculated, compared, values_of

_OWNERS: Final = {Scope.ANY: Owner.ANY, Scope.INSTRUMENTATION: Owner.SCOPE}
_CODES: Final = {Type.STATUS: StatusCode, Type.KIND: SpanKind}
_IDS: Final = {
    Named.ID: 16,
    Named.PARENT_ID: 16,
    Named.LINK_SPAN_ID: 16,
    Named.TRACE_ID: 32,
    Named.LINK_TRACE_ID: 32,
}


def found(query: Query, trace: Sequence[Span]) -> list[Span]:
    """The spans of a trace that a query is about."""
    return _through(query.stages, trace)


def _through(stages: Sequence[Piece], trace: Sequence[Span]) -> list[Span]:
    spans = list(trace)
    for stage in stages:
        spans = _stage(stage, spans, trace)
    return spans


def _stage(stage: Piece, given: Sequence[Span], trace: Sequence[Span]) -> list[Span]:
    match stage:
        case Filter(None):
            return list(given)
        case Filter(condition) if condition is not None:
            return [span for span in given if _holds(condition, span, trace)]
        case Combined(operator, parts):
            sets = [_stage(part, given, trace) for part in parts]
            if operator == "&&" and not all(sets):
                return []
            return [span for span in given if any(span is one for spans in sets for one in spans)]
        case Wrapped(stages):
            return _through(stages, given)
        case Comparison(operator, left, right):
            one, other = _number(left, given, trace), _number(right, given, trace)
            holds = one is not None and other is not None and not isnan(one) and not isnan(other)
            return list(given) if holds and compared([one], Operator(operator), [other]) else []
    raise TypeError(type(stage).__name__)


def _number(piece: Piece, spans: Sequence[Span], trace: Sequence[Span]) -> float | None:
    match piece:
        case Aggregated("count"):
            return len(spans)
        case Aggregated(function, of) if of is not None:
            numbers = [one for span in spans for one in _numbers(of, span, trace) if not isnan(one)]
            return _AGGREGATES[function](numbers) if numbers else None
        case Constant(_, value) if not isinstance(value, str):
            return value
        case Unary(_, operand):
            one = _number(operand, spans, trace)
            return None if one is None else -one
        case Binary(operator, left, right):
            one, other = _number(left, spans, trace), _number(right, spans, trace)
            return None if one is None or other is None else calculated(one, Calculation(operator), other)
    raise TypeError(type(piece).__name__)


_AGGREGATES: Final[dict[str, Callable[[Sequence[float]], float]]] = {
    "min": min,
    "max": max,
    "sum": sum,
    "avg": lambda numbers: sum(numbers) / len(numbers),
}


def _holds(expression: Piece, span: Span, trace: Sequence[Span]) -> bool:
    match expression:
        case Logical(operator, parts):
            return (all if operator == "&&" else any)(_holds(part, span, trace) for part in parts)
        case Constant(_, value):
            return bool(value)
        case AttributeName():
            return compared(_values(expression, span, trace), Operator.EQUAL, [True])
        case Unary(_, AttributeName() as name):
            return compared(_values(name, span, trace), Operator.EQUAL, [False])
        case Unary(_, operand):
            return not _holds(operand, span, trace)
        case Binary(operator, left, right):
            return _related(operator, left, right, span, trace)
    raise TypeError(type(expression).__name__)


def _related(operator: str, left: Piece, right: Piece, span: Span, trace: Sequence[Span]) -> bool:
    sides = [left, right]
    if Constant(Type.NIL, "") in sides:
        sides.remove(Constant(Type.NIL, ""))
        return bool(_values(sides[0], span, trace)) == (operator == "!=")
    return compared(_digits(left, right, span, trace), Operator(operator), _digits(right, left, span, trace))


def _digits(piece: Piece, other: Piece, span: Span, trace: Sequence[Span]) -> Sequence[AttributeValue]:
    """Values; those that an id is compared with in all their digits."""
    values = _values(piece, span, trace)
    if isinstance(other, IntrinsicName) and other.named in _IDS and isinstance(piece, Constant):
        return [str(value).lower().zfill(_IDS[other.named]) for value in values]
    return values


def _numbers(piece: Piece, span: Span, trace: Sequence[Span]) -> Sequence[float]:
    values = _values(piece, span, trace)
    return [float(one) for one in values if isinstance(one, int | float) and not isinstance(one, bool)]


def _values(piece: Piece, span: Span, trace: Sequence[Span]) -> Sequence[AttributeValue]:
    match piece:
        case Constant(of, value):
            return [_CODES[of][str(value).upper()].value if of in _CODES else value]
        case AttributeName(Scope.RESOURCE, "service.name"):
            return [span.service]
        case AttributeName(scope, key):
            return values_of(span, Attribute(_OWNERS.get(scope) or Owner(scope.value), key))
        case IntrinsicName(named):
            return _INTRINSICS[named](span, trace)
        case Unary("-", operand):
            return [-one for one in _numbers(operand, span, trace)]
        case Binary(operator, left, right) if operator in {one.value for one in Calculation}:
            return [
                calculated(one, Calculation(operator), other)
                for one in _numbers(left, span, trace)
                for other in _numbers(right, span, trace)
            ]
    return [_holds(piece, span, trace)]


def _text(text: str) -> Sequence[str]:
    return [text] if text else []


def _root(trace: Sequence[Span], tell: Callable[[Sequence[Span]], str]) -> Sequence[str]:
    return [] if summary(trace).root_missing else [tell(trace)]


_INTRINSICS: Final[dict[Named, Callable[[Span, Sequence[Span]], Sequence[AttributeValue]]]] = {
    Named.DURATION: lambda span, _: [span.duration_ns],
    Named.NAME: lambda span, _: [span.name],
    Named.STATUS: lambda span, _: [span.status.value],
    Named.STATUS_MESSAGE: lambda span, _: _text(span.status_message),
    Named.KIND: lambda span, _: [span.kind.value],
    Named.ID: lambda span, _: [span.span_id.hex()],
    Named.PARENT_ID: lambda span, _: [span.parent_id.hex()] if span.parent_id else [],
    Named.CHILD_COUNT: lambda span, trace: [sum(one.parent_id == span.span_id for one in trace)],
    Named.TRACE_ID: lambda span, _: [span.trace_id.hex()],
    Named.TRACE_DURATION: lambda _, trace: [summary(trace).duration_ns],
    Named.ROOT_NAME: lambda _, trace: _root(trace, lambda spans: summary(spans).name),
    Named.ROOT_SERVICE: lambda _, trace: _root(trace, lambda spans: summary(spans).service),
    Named.EVENT_NAME: lambda span, _: [event.name for event in span.events],
    Named.EVENT_TIME_SINCE_START: lambda span, _: [
        (event.time_ns - span.start_ns + 2**63) % 2**64 - 2**63 for event in span.events if event.time_ns
    ],
    Named.LINK_TRACE_ID: lambda span, _: [link.trace_id.hex() for link in span.links],
    Named.LINK_SPAN_ID: lambda span, _: [link.span_id.hex() for link in span.links],
    Named.INSTRUMENTATION_NAME: lambda span, _: _text(span.scope.name),
    Named.INSTRUMENTATION_VERSION: lambda span, _: _text(span.scope.version),
    Named.NESTED_SET_PARENT: lambda span, _: [-1 if span.parent_id is None else 1],
}
