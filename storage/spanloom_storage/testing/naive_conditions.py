"""What a condition means, span by span."""

import operator as python
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import isinf, isnan

import numpy as np

from spanloom_model.span import Attributes, AttributeValue, Span
from spanloom_storage.conditions import (
    All,
    AnyOf,
    Arithmetic,
    Attribute,
    Calculation,
    Compare,
    Condition,
    Exists,
    Field,
    Intrinsic,
    Not,
    Operand,
    Operator,
    Owner,
    TraceField,
)


def meets(span: Span, condition: Condition, trace: Sequence[Span] = ()) -> bool:
    """Whether one span is meant; *trace*: all spans of its trace, where the condition asks of it."""
    match condition:
        case Compare(left, operator, right):
            return compared(operands(span, left, trace), operator, operands(span, right, trace))
        case Exists(field):
            return bool(operands(span, field, trace))
        case Not(of):
            return not meets(span, of, trace)
        case All(parts):
            return all(meets(span, one, trace) for one in parts)
        case AnyOf(parts):
            return any(meets(span, one, trace) for one in parts)


def operands(span: Span, operand: Operand, trace: Sequence[Span] = ()) -> Sequence[AttributeValue]:
    """Every value that is compared."""
    match operand:
        case Attribute() | Intrinsic():
            return values_of(span, operand)
        case TraceField():
            return _TRACE_FIELDS[operand](span, trace)
        case Arithmetic(left, calculation, right):
            return [
                calculated(one, calculation, other)
                for one in numbers_of(span, left, trace)
                for other in numbers_of(span, right, trace)
            ]
        case str() | int() | float():
            return [operand]
    return [meets(span, operand, trace)]


def numbers_of(span: Span, operand: Operand, trace: Sequence[Span]) -> Sequence[float]:
    """The values of an operand that can be calculated with."""
    found = operands(span, operand, trace)
    return [float(one) for one in found if isinstance(one, int | float) and not isinstance(one, bool)]


def calculated(one: float, calculation: Calculation, other: float) -> float:
    """What becomes of two numbers."""
    with np.errstate(all="ignore"):
        return float(_CALCULATIONS[calculation](np.float64(one), np.float64(other)))


_CALCULATIONS: dict[Calculation, Callable[[np.float64, np.float64], np.float64]] = {
    Calculation.ADD: python.add,
    Calculation.SUBTRACT: python.sub,
    Calculation.MULTIPLY: python.mul,
    Calculation.DIVIDE: python.truediv,
    Calculation.REMAINDER: np.fmod,
    Calculation.POWER: python.pow,
}


def values_of(span: Span, field: Field) -> Sequence[AttributeValue]:
    """Every value of a field; the elements of an array beside the array."""
    if isinstance(field, Intrinsic):
        return _INTRINSICS[field](span)
    if field.owner is Owner.ANY:
        own = values_of(span, Attribute(Owner.SPAN, field.key))
        return own or values_of(span, Attribute(Owner.RESOURCE, field.key))
    found: list[AttributeValue] = []
    for attributes in _attributes(span, field.owner):
        for key, value in attributes:
            if key == field.key:
                found.append(value)
                if isinstance(value, tuple) and not isinstance(value, Attributes):
                    found += [one for one in value if isinstance(one, str | bool | int | float)]
    return found


def _attributes(span: Span, owner: Owner) -> Sequence[Attributes]:
    return {
        Owner.SPAN: [span.attributes],
        Owner.RESOURCE: [span.resource.attributes],
        Owner.SCOPE: [span.scope.attributes],
        Owner.EVENT: [event.attributes for event in span.events],
        Owner.LINK: [link.attributes for link in span.links],
    }[owner]


def compared(lefts: Sequence[AttributeValue], operator: Operator, rights: Sequence[AttributeValue]) -> bool:
    """Whether some values stand in the relation; for negative ones, whether there are some and none does."""
    match operator:
        case Operator.NOT_EQUAL:
            return bool(lefts and rights) and not compared(lefts, Operator.EQUAL, rights)
        case Operator.NOT_MATCHES:
            return bool(lefts and rights) and not compared(lefts, Operator.MATCHES, rights)
        case _:
            return any(_related(one, operator, other) for one in lefts for other in rights)


def _related(one: AttributeValue, operator: Operator, other: AttributeValue) -> bool:
    match one, other:
        case str(), str() if operator is Operator.MATCHES:
            return re.fullmatch(other, one, re.ASCII) is not None
        case str(), str():
            return _ordered(operator, one.encode() > other.encode(), one == other)
        case bool(), bool():
            return operator is Operator.EQUAL and one == other
        case (bool(), _) | (_, bool()):
            return False
        case int() | float(), int() | float():
            if isnan(one) or isnan(other):
                return False
            a, b = _exact(one), _exact(other)
            return _ordered(operator, a > b, a == b)
        case _:
            return False


def _exact(number: float) -> Fraction:
    """The number without rounding; the infinite ones are beyond all doubles."""
    if isinf(number):
        return Fraction(10**400 if number > 0 else -(10**400))
    return Fraction(number)


def _ordered(operator: Operator, above: bool, equal: bool) -> bool:  # noqa: FBT001  # both are named right here
    return {
        Operator.EQUAL: equal,
        Operator.LESS: not above and not equal,
        Operator.LESS_OR_EQUAL: not above,
        Operator.GREATER: above,
        Operator.GREATER_OR_EQUAL: above or equal,
    }.get(operator, False)


def _text(text: str) -> Sequence[str]:
    return [text] if text else []


_INTRINSICS: dict[Intrinsic, Callable[[Span], Sequence[AttributeValue]]] = {
    Intrinsic.SERVICE: lambda span: [span.service],
    Intrinsic.NAME: lambda span: [span.name],
    Intrinsic.KIND: lambda span: [span.kind.value],
    Intrinsic.STATUS: lambda span: [span.status.value],
    Intrinsic.STATUS_MESSAGE: lambda span: _text(span.status_message),
    Intrinsic.DURATION_NS: lambda span: [span.duration_ns],
    Intrinsic.START_NS: lambda span: [span.start_ns],
    Intrinsic.SPAN_ID: lambda span: [span.span_id.hex()],
    Intrinsic.PARENT_ID: lambda span: [] if span.parent_id is None else [span.parent_id.hex()],
    Intrinsic.SCOPE_NAME: lambda span: _text(span.scope.name),
    Intrinsic.SCOPE_VERSION: lambda span: _text(span.scope.version),
    Intrinsic.EVENT_NAME: lambda span: [event.name for event in span.events],
    Intrinsic.EVENT_SINCE_START_NS: lambda span: [
        (event.time_ns - span.start_ns + 2**63) % 2**64 - 2**63 for event in span.events if event.time_ns
    ],
    Intrinsic.LINK_TRACE_ID: lambda span: [link.trace_id.hex() for link in span.links],
    Intrinsic.LINK_SPAN_ID: lambda span: [link.span_id.hex() for link in span.links],
}


def _root(trace: Sequence[Span]) -> Sequence[Span]:
    """The root that names a trace, if there is one."""
    roots = [one for one in trace if one.parent_id is None]
    return sorted(roots, key=lambda one: (one.start_ns == 0, one.start_ns))[:1]


def trace_start_ns(trace: Sequence[Span]) -> int:
    """The earliest start that is known, or 0."""
    return min((one.start_ns for one in trace if one.start_ns), default=0)


def trace_duration_ns(trace: Sequence[Span]) -> int:
    """From there to the latest end."""
    return max(0, max(one.end_ns for one in trace) - trace_start_ns(trace))


_TRACE_FIELDS: dict[TraceField, Callable[[Span, Sequence[Span]], Sequence[AttributeValue]]] = {
    TraceField.ID: lambda span, _: [span.trace_id.hex()],
    TraceField.DURATION_NS: lambda _, trace: [trace_duration_ns(trace)],
    TraceField.ROOT_SERVICE: lambda _, trace: [root.service for root in _root(trace)],
    TraceField.ROOT_NAME: lambda _, trace: [root.name for root in _root(trace)],
    TraceField.CHILD_COUNT: lambda span, trace: [sum(one.parent_id == span.span_id for one in trace)],
}
