"""Whether a query makes sense: what is compared with what, what conditions and numbers are made of."""

from typing import Final

from spanloom_query.language.errors import QueryError
from spanloom_query.language.expressions import COMPARISONS, PATTERN_OPERATORS
from spanloom_query.language.names import TYPES
from spanloom_query.language.syntax import (
    Aggregated,
    AttributeName,
    Binary,
    Constant,
    Expression,
    Filter,
    GroupBy,
    IntrinsicName,
    Logical,
    Metric,
    Named,
    Piece,
    Query,
    Type,
    Unary,
    parts_of,
)
from spanloom_storage.patterns import is_pattern

ALWAYS_THERE: Final = frozenset(
    {Named.DURATION, Named.NAME, Named.STATUS, Named.KIND, Named.ID, Named.CHILD_COUNT}
    | {Named.TRACE_ID, Named.TRACE_DURATION}
    | {Named.NESTED_SET_LEFT, Named.NESTED_SET_RIGHT, Named.NESTED_SET_PARENT}
)
"""Intrinsics that every span has."""


def check(query: Query) -> None:
    """Raise QueryError for the first thing that makes no sense."""
    for stage in query.stages:
        _check_stage(stage)


def _check_stage(piece: Piece) -> None:
    match piece:
        case Filter(condition):
            if condition is not None:
                _needs_truth(condition, "what stands in braces")
        case Aggregated(function, of):
            if of is not None:
                _needs_number(of, f"what {function}() is of")
                _needs_span(of, f"{function}()")
        case Metric(function, IntrinsicName() | AttributeName() as of):
            _needs_number(of, f"what {function}() is of")
        case GroupBy(of):
            type_of(of)
            _needs_span(of, "by()")
        case _:
            for part in parts_of(piece):
                _check_stage(part)


def type_of(expression: Expression) -> Type:
    """The type of its values. Raises QueryError where it makes no sense."""
    match expression:
        case Constant(of):
            return of
        case AttributeName():
            return Type.ANY
        case IntrinsicName(named):
            return TYPES.get(named, Type.STRING)
        case Logical(operator, parts):
            for part in parts:
                _needs_truth(part, f"each side of {operator}")
            return Type.BOOL
        case Unary("!", operand):
            _needs_truth(_of_span(operand), "what is denied")
            return Type.BOOL
        case Unary(_, operand):
            return _needs_number(_of_span(operand), "what has a sign")
        case Binary(operator, left, right):
            return _type_of_binary(expression, operator, _of_span(left), _of_span(right))


def _type_of_binary(whole: Binary, operator: str, left: Expression, right: Expression) -> Type:
    if operator in PATTERN_OPERATORS:
        _check_pattern(whole, left, right)
        return Type.BOOL
    one, other = type_of(left), type_of(right)
    if operator not in COMPARISONS:
        for side, found in ((left, one), (right, other)):
            if not found.is_numeric:
                raise _wrong(f"each side of {operator} is a number, not {found.value},", side)
        return Type.DURATION if Type.DURATION in {one, other} else Type.FLOAT
    if Type.NIL in {one, other}:
        _check_existence(whole, left, right)
    elif not _agree(one, other):
        raise _mismatch(whole, one, other, left, right)
    elif operator not in {"=", "!="} and (unordered := {one, other} & {Type.BOOL, Type.STATUS, Type.KIND}):
        raise QueryError(
            f"{unordered.pop().value} has no order, so there is no `{operator}`", whole.at, whole.length
        )
    return Type.BOOL


def _agree(one: Type, other: Type) -> bool:
    if one is other:
        return True
    if Type.ANY in {one, other}:
        return not {one, other} & {Type.STATUS, Type.KIND}
    return one.is_numeric and other.is_numeric


def _mismatch(whole: Binary, one: Type, other: Type, left: Expression, right: Expression) -> QueryError:
    hint = ""
    types = {one, other}
    if types & {Type.STATUS, Type.KIND} and Type.ANY in types:
        hint = "attributes are texts, numbers, true or false; a text stands in quotes"
    elif any(isinstance(side, Constant) and side.type is Type.STRING for side in (left, right)):
        hint = f"{(types - {Type.STRING}).pop().value} is written without quotes"
    return QueryError(f"{one.value} compared with {other.value}", whole.at, whole.length, hint=hint)


def _check_pattern(whole: Binary, left: Expression, right: Expression) -> None:
    if not (isinstance(right, Constant) and right.type is Type.STRING):
        hint = "a pattern stands in quotes"
        raise QueryError(f"no text behind `{whole.operator}`", right.at, right.length, hint=hint)
    if type_of(left) not in {Type.STRING, Type.ANY}:
        raise QueryError(f"only texts match a pattern, not {type_of(left).value},", whole.at, whole.length)
    if not is_pattern(str(right.value)):
        raise QueryError("no regular expression that RE2 reads", right.at, right.length)


def _check_existence(whole: Binary, left: Expression, right: Expression) -> None:
    fields = [side for side in (left, right) if not (isinstance(side, Constant) and side.type is Type.NIL)]
    if whole.operator not in {"=", "!="}:
        raise QueryError(f"nil has no order, so there is no `{whole.operator}`", whole.at, whole.length)
    if len(fields) != 1 or not isinstance(fields[0], AttributeName | IntrinsicName):
        raise QueryError("nil compared with what is no field", whole.at, whole.length)
    field = fields[0]
    if isinstance(field, IntrinsicName) and field.named in ALWAYS_THERE:
        what = f"{field.named.value} compared with nil"
        raise QueryError(what, whole.at, whole.length, hint="every span has it")


def _of_span(piece: Piece) -> Expression:
    """Of an expression about one span every part is one."""
    if not isinstance(piece, Constant | AttributeName | IntrinsicName | Unary | Binary | Logical):
        raise _wrong("a number of many spans in an expression about one", piece)
    return piece


def _needs_truth(expression: Expression, place: str) -> None:
    found = type_of(expression)
    if found not in {Type.BOOL, Type.ANY}:
        raise _wrong(f"{place} is true or false, not {found.value},", expression)


def _needs_number(expression: Expression, place: str) -> Type:
    found = type_of(expression)
    if not found.is_numeric:
        raise _wrong(f"{place} is a number, not {found.value},", expression)
    return found


def _needs_span(expression: Expression, place: str) -> None:
    if not _is_about_spans(expression):
        raise _wrong(f"{place} of what is the same for every span", expression)


def _is_about_spans(piece: Piece) -> bool:
    return isinstance(piece, AttributeName | IntrinsicName) or any(map(_is_about_spans, parts_of(piece)))


def _wrong(what: str, piece: Piece) -> QueryError:
    return QueryError(what, piece.at, piece.length)
