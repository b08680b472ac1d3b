"""Text to syntax: the whole of TraceQL, whether it is run or not.

query    = stages [ "with" "(" hints ")" ]…
stages   = stage { "|" stage }
stage    = a word of `stages`, or spansets and numbers with operators between them, by their strength
operand  = "{" [ expression ] "}" · "(" stages ")" · an aggregate · a constant
"""

from typing import Final

from spanloom_query.language.cursor import Cursor
from spanloom_query.language.errors import QueryError
from spanloom_query.language.expressions import (
    COMPARISONS,
    POWER,
    STRENGTHS,
    constant_of,
    read_expression,
    read_filter,
)
from spanloom_query.language.names import SHORT, unknown
from spanloom_query.language.shapes import STRUCTURAL, Shape, joined, shape_of
from spanloom_query.language.stages import STAGES, read_stage
from spanloom_query.language.syntax import (
    Aggregated,
    Coalesce,
    Constant,
    Hint,
    Limited,
    Metric,
    Query,
    Stage,
    Type,
    Unary,
    Wrapped,
)
from spanloom_query.language.tokens import Kind, Token

AGGREGATES: Final = ("count", "min", "max", "avg", "sum")
HINTS: Final = ("sample", "trace_sample", "span_sample", "exemplars", "most_recent", "extrapolate")
_STRENGTHS: Final = STRENGTHS | dict.fromkeys(STRUCTURAL, 2)


def parse(text: str) -> Query:
    """A query. Raises QueryError for what is none, with its place."""
    cursor = Cursor(text)
    stages = _stages(cursor)
    last = stages[-1]
    if shape_of(last) is Shape.NUMBER:
        raise QueryError(
            "a number alone finds nothing", last.at, last.length, hint="compare it, as in `count() > 2`"
        )
    hints: list[Hint] = []
    while cursor.word(["with"]):
        hints += _hints(cursor)
    if cursor.token.kind is not Kind.END:
        raise cursor.unexpected("the end, `|` or an operator")
    return Query(stages, tuple(hints))


def _stages(cursor: Cursor) -> tuple[Stage, ...]:
    stages = [_stage(cursor, first=True)]
    while True:
        if cursor.takes("|"):
            stages.append(_stage(cursor, first=False))
        elif shape_of(stages[-1]) is Shape.METRIC and cursor.sees(*COMPARISONS):
            stages.append(_limited(cursor))
        else:
            return tuple(stages)
        cursor.depth_of(stages[-1].at, *stages, more=len(stages))
        _follows(stages[-2], stages[-1])


def _follows(before: Stage, after: Stage) -> None:
    """Refuse a stage that cannot stand behind another."""
    shape, following = shape_of(before), shape_of(after)
    if shape is Shape.NUMBER:
        hint = "compare it, as in `count() > 2`"
        raise QueryError("a number in the middle of a pipeline", before.at, before.length, hint=hint)
    if isinstance(after, Metric):
        if shape is Shape.METRIC:
            raise QueryError("a metric of a metric", after.at, after.length)
    elif (shape is Shape.METRIC) != (following is Shape.METRIC):
        what, hint = "spans behind a metric", "only topk, bottomk and a comparison follow one"
        if following is Shape.METRIC:
            what, hint = "ranks of spans", "only metrics have some"
        raise QueryError(what, after.at, after.length, hint=hint)


def _stage(cursor: Cursor, *, first: bool) -> Stage:
    word = cursor.word(STAGES)
    if word is None:
        return _expression(cursor)
    stage = read_stage(word, cursor)
    if first and isinstance(stage, Coalesce):
        raise QueryError("there is nothing yet to coalesce", word.at, len(word.text))
    return stage


def _limited(cursor: Cursor) -> Limited:
    operator = cursor.take()
    bound = _signed(cursor)
    return Limited(operator.text, bound, at=operator.at, length=len(operator.text))


def _signed(cursor: Cursor) -> Constant:
    """A number with its sign."""
    minus = cursor.sees("-") and cursor.take()
    constant = constant_of(cursor)
    if constant is None or not constant.type.is_numeric or isinstance(constant.value, str):
        raise cursor.unexpected("a number")
    value = -constant.value if minus else constant.value
    return Constant(constant.type, value, at=constant.at, length=constant.length)


def _expression(cursor: Cursor, least: int = 1) -> Stage:
    left, chained = _operand(cursor), False
    while cursor.token.kind is Kind.SYMBOL and _STRENGTHS.get(cursor.token.text, 0) >= least:
        if shape_of(left) is Shape.METRIC and cursor.sees(*COMPARISONS):
            return left  # a stage of its own
        operator = cursor.take()
        strength = _STRENGTHS[operator.text]
        with cursor.deeper():
            right = _expression(cursor, strength if strength == POWER else strength + 1)
        left, chained = joined(cursor, left, operator, right, chained=chained), True
    return left


def _operand(cursor: Cursor) -> Stage:
    token = cursor.token
    if cursor.sees("{"):
        return read_filter(cursor)
    if cursor.takes("("):
        return _wrapped(cursor, token)
    if cursor.takes("-"):
        with cursor.deeper():
            operand = _expression(cursor, 4)
        if shape_of(operand) is not Shape.NUMBER:
            raise QueryError("a sign of what is no number", operand.at, operand.length)
        return Unary("-", operand, at=token.at, depth=cursor.depth_of(token.at, operand))  # type: ignore[arg-type]  # its shape says so
    word = cursor.word(AGGREGATES)
    if word is not None:
        return _aggregated(cursor, word)
    constant = constant_of(cursor)
    if constant is not None:
        if not constant.type.is_numeric:
            raise QueryError(f"{constant.type.value} outside of braces", token.at, len(token.text))
        return constant
    if token.kind is Kind.WORD and token.text not in SHORT:
        raise unknown("function", token, [*AGGREGATES, *STAGES])
    if token.kind in {Kind.WORD, Kind.NAME}:
        raise QueryError(
            f"{token.shown} outside of braces",
            token.at,
            len(token.text),
            hint=f"conditions stand in braces, as in {{ {token.text[:40]} = … }}",
        )
    raise cursor.unexpected("`{`")


def _wrapped(cursor: Cursor, begin: Token) -> Stage:
    """What stands in parentheses; they count only around more than one stage."""
    with cursor.deeper():
        stages = _stages(cursor)
    end = cursor.needs(")")
    if len(stages) == 1 and shape_of(stages[0]) in {Shape.SPANS, Shape.NUMBER}:
        return stages[0]
    depth = cursor.depth_of(begin.at, *stages, more=len(stages))
    return Wrapped(stages, at=begin.at, length=end.at + 1 - begin.at, depth=depth)


def _aggregated(cursor: Cursor, word: Token) -> Aggregated:
    cursor.needs("(")
    of = None
    if word.text != "count":
        with cursor.deeper():
            of = read_expression(cursor)
    elif not cursor.sees(")"):
        raise QueryError(
            "count() of something",
            cursor.token.at,
            max(1, len(cursor.token.text)),
            hint="it counts spans: a condition on them goes before it, as in { span.x != nil } | count() > 2",
        )
    end = cursor.needs(")")
    depth = cursor.depth_of(word.at, of)
    return Aggregated(word.text, of, at=word.at, length=end.at + 1 - word.at, depth=depth)


def _hints(cursor: Cursor) -> list[Hint]:
    cursor.needs("(")
    hints = []
    while True:
        token = cursor.token
        if token.kind is not Kind.WORD:
            raise cursor.unexpected("the name of a hint")
        if token.text not in HINTS:
            raise unknown("hint", token, HINTS)
        cursor.take()
        cursor.needs("=")
        value = constant_of(cursor)
        if value is None or value.type is Type.NIL:
            raise cursor.unexpected("a value")
        hints.append(Hint(token.text, value, at=token.at, length=len(token.text)))
        if not cursor.takes(","):
            cursor.needs(")")
            return hints
