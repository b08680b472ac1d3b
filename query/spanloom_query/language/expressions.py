"""What stands in braces: an expression about one span, by the strength of its operators."""

from collections.abc import Mapping
from typing import Final

from spanloom_model.span import SpanKind, StatusCode
from spanloom_query.language.cursor import Cursor
from spanloom_query.language.names import field_of
from spanloom_query.language.syntax import Binary, Constant, Expression, Filter, Logical, Name, Type, Unary
from spanloom_query.language.tokens import MAX_INT, Kind, Token

COMPARISONS: Final = ("=", "!=", "<", "<=", ">", ">=")
PATTERN_OPERATORS: Final = ("=~", "!~")
STRENGTHS: Final = (
    {"&&": 1, "||": 1}
    | dict.fromkeys((*COMPARISONS, *PATTERN_OPERATORS), 2)
    | {"+": 3, "-": 3, "*": 5, "/": 5, "%": 5, "^": 6}
)
"""`!` is of strength 4, which nothing that stands between two has."""
_PREFIXED: Final = {"-": 4, "!": 5}
"""How strong operators are that stand in the operand of a prefix."""
POWER: Final = 6
_WORDS: Final[Mapping[str, tuple[Type, str | int]]] = {
    "true": (Type.BOOL, True),
    "false": (Type.BOOL, False),
    "nil": (Type.NIL, ""),
    "minInt": (Type.INT, -MAX_INT - 1),
    "maxInt": (Type.INT, MAX_INT),
    **{code.label: (Type.STATUS, code.label) for code in StatusCode},
    **{kind.label: (Type.KIND, kind.label) for kind in SpanKind},
}
_CONSTANTS: Final = {
    Kind.STRING: Type.STRING,
    Kind.INT: Type.INT,
    Kind.FLOAT: Type.FLOAT,
    Kind.DURATION: Type.DURATION,
}


def read_expression(cursor: Cursor, least: int = 1) -> Expression:
    """An expression of operators that are at least so strong."""
    left, chained = _operand(cursor), False
    while cursor.token.kind is Kind.SYMBOL and STRENGTHS.get(cursor.token.text, 0) >= least:
        operator = cursor.take()
        strength = STRENGTHS[operator.text]
        if operator.text in PATTERN_OPERATORS:
            cursor.count_pattern(operator.at)
        with cursor.deeper():
            right = read_expression(cursor, strength if strength == POWER else strength + 1)
        left, chained = _joined(cursor, left, operator, right, chained=chained), True
    return left


def read_filter(cursor: Cursor) -> Filter:
    """`{ … }`."""
    begin = cursor.needs("{")
    condition = None
    if not cursor.sees("}"):
        with cursor.deeper():
            condition = read_expression(cursor)
    if not cursor.sees("}"):
        raise cursor.unexpected("`}` or an operator")
    end = cursor.take()
    depth = cursor.depth_of(begin.at, condition)
    return Filter(condition, at=begin.at, length=end.at + 1 - begin.at, depth=depth)


def read_field(cursor: Cursor) -> Name:
    """A field."""
    if cursor.token.kind not in {Kind.WORD, Kind.NAME}:
        raise cursor.unexpected("a field")
    return field_of(cursor.take())


def constant_of(cursor: Cursor) -> Constant | None:
    """A constant, if one is next."""
    token = cursor.token
    if token.kind in _CONSTANTS:
        cursor.take()
        return Constant(_CONSTANTS[token.kind], token.value, at=token.at, length=len(token.text))
    word = cursor.word(_WORDS)
    if word is None:
        return None
    of, value = _WORDS[word.text]
    return Constant(of, value, at=word.at, length=len(word.text))


def _operand(cursor: Cursor) -> Expression:
    token = cursor.token
    if cursor.sees("-", "!"):
        cursor.take()
        with cursor.deeper():
            operand = read_expression(cursor, _PREFIXED[token.text])
        return Unary(token.text, operand, at=token.at, depth=cursor.depth_of(token.at, operand))
    if cursor.takes("("):
        with cursor.deeper():
            inner = read_expression(cursor)
        cursor.needs(")")
        return inner
    constant = constant_of(cursor)
    if constant is not None:
        return constant
    if token.kind not in {Kind.WORD, Kind.NAME}:
        raise cursor.unexpected("a field or a value")
    return read_field(cursor)


def _joined(
    cursor: Cursor, left: Expression, operator: Token, right: Expression, *, chained: bool
) -> Expression:
    """Two with an operator between them; a chain of one logical operator is one piece, and as deep as one."""
    length = len(operator.text)
    if STRENGTHS[operator.text] > 1:
        depth = cursor.depth_of(operator.at, left, right)
        return Binary(operator.text, left, right, at=operator.at, length=length, depth=depth)
    if chained and isinstance(left, Logical) and left.operator == operator.text:
        depth = max(left.depth, cursor.depth_of(operator.at, right))
        return Logical(operator.text, (*left.parts, right), at=left.at, length=length, depth=depth)
    depth = cursor.depth_of(operator.at, left, right)
    return Logical(operator.text, (left, right), at=operator.at, length=length, depth=depth)
