"""From an expression about one span to what storage asks of it."""

import math
from collections.abc import Callable, Mapping
from typing import Final

from spanloom_model.span import SpanKind, StatusCode
from spanloom_query.language.errors import NotRunYet
from spanloom_query.language.syntax import (
    AttributeName,
    Binary,
    Constant,
    IntrinsicName,
    Logical,
    Name,
    Named,
    Piece,
    Scope,
    Type,
    Unary,
)
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
    Value,
)

_OWNERS: Final = {
    Scope.ANY: Owner.ANY,
    Scope.SPAN: Owner.SPAN,
    Scope.RESOURCE: Owner.RESOURCE,
    Scope.EVENT: Owner.EVENT,
    Scope.LINK: Owner.LINK,
    Scope.INSTRUMENTATION: Owner.SCOPE,
}
_INTRINSICS: Final[Mapping[Named, Field | TraceField]] = {
    Named.DURATION: Intrinsic.DURATION_NS,
    Named.NAME: Intrinsic.NAME,
    Named.STATUS: Intrinsic.STATUS,
    Named.STATUS_MESSAGE: Intrinsic.STATUS_MESSAGE,
    Named.KIND: Intrinsic.KIND,
    Named.ID: Intrinsic.SPAN_ID,
    Named.PARENT_ID: Intrinsic.PARENT_ID,
    Named.CHILD_COUNT: TraceField.CHILD_COUNT,
    Named.TRACE_ID: TraceField.ID,
    Named.TRACE_DURATION: TraceField.DURATION_NS,
    Named.ROOT_NAME: TraceField.ROOT_NAME,
    Named.ROOT_SERVICE: TraceField.ROOT_SERVICE,
    Named.EVENT_NAME: Intrinsic.EVENT_NAME,
    Named.EVENT_TIME_SINCE_START: Intrinsic.EVENT_SINCE_START_NS,
    Named.LINK_TRACE_ID: Intrinsic.LINK_TRACE_ID,
    Named.LINK_SPAN_ID: Intrinsic.LINK_SPAN_ID,
    Named.INSTRUMENTATION_NAME: Intrinsic.SCOPE_NAME,
    Named.INSTRUMENTATION_VERSION: Intrinsic.SCOPE_VERSION,
}
_ID_DIGITS: Final = {
    Named.ID: 16,
    Named.PARENT_ID: 16,
    Named.LINK_SPAN_ID: 16,
    Named.TRACE_ID: 32,
    Named.LINK_TRACE_ID: 32,
}
OPERATORS: Final = {one.value: one for one in Operator}
CALCULATIONS: Final = {one.value: one for one in Calculation}
_COMPUTED: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "%": math.fmod,
    "^": math.pow,
}
_ROOTS: Final = {("<", 0), ("<", 1), ("<=", -1), ("=", -1), ("<=", 0)}
_OTHERS: Final = {(">", -1), (">", 0), (">=", 0), (">=", 1), ("!=", -1)}
"""Comparisons of nestedSetParent, which is -1 of a root and above 0 of others."""
_CONSTANTS: Final = {Type.STATUS: StatusCode, Type.KIND: SpanKind}
_NESTED_SETS: Final = {Named.NESTED_SET_LEFT, Named.NESTED_SET_RIGHT, Named.NESTED_SET_PARENT}


def condition_of(expression: Piece) -> Condition:
    """What is true of the spans that are meant, of a checked expression."""
    match expression:
        case Logical("&&", parts):
            return All(tuple(map(condition_of, parts)))
        case Logical(_, parts):
            return AnyOf(tuple(map(condition_of, parts)))
        case Constant(_, value):
            return All(()) if value else AnyOf(())
        case Unary(_, AttributeName() as name):
            return Compare(_field(name), Operator.EQUAL, right=False)
        case Unary(_, operand):
            return Not(condition_of(operand))
        case Binary(operator, left, right):
            return _compared(expression, operator, left, right)
    return Compare(operand_of(expression), Operator.EQUAL, right=True)


def operand_of(expression: Piece) -> Operand:
    """What is compared."""
    match expression:
        case Constant():
            return value_of(expression)
        case AttributeName() | IntrinsicName():
            return _field(expression)
        case Unary("-", operand):
            return _negative(operand_of(operand))
        case Binary(operator, left, right) if operator in CALCULATIONS:
            return calculated(operand_of(left), operator, operand_of(right))
    return condition_of(expression)


def value_of(constant: Constant) -> Value:
    """A constant as storage has it."""
    if constant.type in _CONSTANTS:
        code: int = _CONSTANTS[constant.type][str(constant.value).upper()].value
        return code
    return constant.value


def _negative(operand: Operand) -> Operand:
    if isinstance(operand, int | float):
        return -operand or -0.0  # which only doubles have, and which divides to another infinity
    return Arithmetic(-1, Calculation.MULTIPLY, operand)


def calculated(left: Operand, operator: str, right: Operand) -> Operand:
    """A calculation; of two constants its result."""
    if isinstance(left, int | float) and isinstance(right, int | float):
        try:
            return _COMPUTED[operator](float(left), float(right))
        except (ArithmeticError, ValueError):  # where doubles have infinities, or nothing
            pass
    return Arithmetic(left, CALCULATIONS[operator], right)


def not_run(what: str, piece: Piece) -> NotRunYet:
    """What to raise for a piece that is right and has no answer."""
    return NotRunYet(f"{what} understood but not run yet", piece.at, piece.length)


def _compared(whole: Piece, operator: str, left: Piece, right: Piece) -> Condition:
    for field, other in ((left, right), (right, left)):
        if _is_nil(other):
            exists = Exists(_field(field))  # type: ignore[arg-type]  # checked: only fields are compared with nil
            return exists if operator == "!=" else Not(exists)
    if isinstance(left, IntrinsicName) and left.named is Named.NESTED_SET_PARENT:
        return _by_root(whole, operator, right)
    return Compare(_with_digits(left, right), OPERATORS[operator], _with_digits(right, left))


def _is_nil(piece: Piece) -> bool:
    return isinstance(piece, Constant) and piece.type is Type.NIL


def _by_root(whole: Piece, operator: str, bound: Piece) -> Condition:
    """A comparison that tells only roots from other spans."""
    asked = (operator, operand_of(bound))
    is_other = Exists(Intrinsic.PARENT_ID)
    if asked in _ROOTS:
        return Not(is_other)
    if asked in _OTHERS:
        return is_other
    raise not_run("nestedSetParent other than below 0 (roots) or not (others) is", whole)


def _with_digits(piece: Piece, compared_with: Piece) -> Operand:
    """An operand; an id has as many digits as storage gives it."""
    found = operand_of(piece)
    if isinstance(found, str) and isinstance(compared_with, IntrinsicName):
        digits = _ID_DIGITS.get(compared_with.named, 0)
        return found.lower().rjust(digits, "0") if digits else found
    return found


def _field(name: Name) -> Field | TraceField:
    match name:
        case IntrinsicName(named):
            if named in _NESTED_SETS:
                raise not_run(f"{named.value} here is", name)
            return _INTRINSICS[named]
        case AttributeName(Scope.PARENT):
            raise not_run("an attribute of the parent is", name)
        case AttributeName(Scope.RESOURCE, "service.name"):
            return Intrinsic.SERVICE
        case AttributeName(scope, key):
            return Attribute(_OWNERS[scope], key)
