"""What a condition means, span by span."""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import isinf, isnan

from spanloom_model.span import Attributes, AttributeValue, Span
from spanloom_storage.conditions import (
    All,
    AnyOf,
    Attribute,
    Compare,
    Condition,
    Exists,
    Field,
    Intrinsic,
    Not,
    Operator,
    Owner,
    Value,
)


def meets(span: Span, condition: Condition) -> bool:
    """Whether one span is meant."""
    match condition:
        case Compare(field, operator, value):
            return compared(values_of(span, field), operator, value)
        case Exists(field):
            return bool(values_of(span, field))
        case Not(of):
            return not meets(span, of)
        case All(parts):
            return all(meets(span, one) for one in parts)
        case AnyOf(parts):
            return any(meets(span, one) for one in parts)


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


def compared(values: Sequence[AttributeValue], operator: Operator, value: Value) -> bool:
    """Whether some value stands in the relation; for negative ones, whether there are some and none does."""
    match operator:
        case Operator.NOT_EQUAL:
            return bool(values) and not compared(values, Operator.EQUAL, value)
        case Operator.NOT_MATCHES:
            return bool(values) and not compared(values, Operator.MATCHES, value)
        case _:
            return any(_related(one, operator, value) for one in values)


def _related(one: AttributeValue, operator: Operator, value: Value) -> bool:
    match one, value:
        case str(), str() if operator is Operator.MATCHES:
            return re.fullmatch(value, one, re.ASCII) is not None
        case str(), str():
            return _ordered(operator, one.encode() > value.encode(), one == value)
        case bool(), bool():
            return operator is Operator.EQUAL and one == value
        case (bool(), _) | (_, bool()):
            return False
        case int() | float(), int() | float():
            if isnan(one) or isnan(value):
                return False
            a, b = _exact(one), _exact(value)
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
