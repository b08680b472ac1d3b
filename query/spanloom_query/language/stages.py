"""The stages that begin with a word: grouping, selecting, metrics."""

from collections.abc import Callable, Mapping
from typing import Final

from spanloom_query.language.cursor import Cursor
from spanloom_query.language.expressions import constant_of, read_expression, read_field, read_filter
from spanloom_query.language.syntax import (
    Coalesce,
    Constant,
    GroupBy,
    Metric,
    Name,
    Ranked,
    Select,
    Stage,
    Type,
)
from spanloom_query.language.tokens import Token

_MOST_NUMBERS: Final = 100
"""Quantiles that are asked for at once."""


def read_stage(word: Token, cursor: Cursor) -> Stage:
    """The stage that a word begins, which is taken already."""
    return _READERS[word.text](word, cursor)


def _group_by(word: Token, cursor: Cursor) -> Stage:
    cursor.needs("(")
    with cursor.deeper():
        of = read_expression(cursor)
    cursor.needs(")")
    return GroupBy(of, at=word.at, length=len(word.text), depth=cursor.depth_of(word.at, of))


def _coalesce(word: Token, cursor: Cursor) -> Stage:
    cursor.needs("(")
    cursor.needs(")")
    return Coalesce(at=word.at, length=len(word.text))


def _select(word: Token, cursor: Cursor) -> Stage:
    return Select(_fields(cursor), at=word.at, length=len(word.text))


def _fields(cursor: Cursor) -> tuple[Name, ...]:
    cursor.needs("(")
    fields = [read_field(cursor)]
    while cursor.takes(","):
        fields.append(read_field(cursor))
    cursor.needs(")")
    return tuple(fields)


def _of_spans(word: Token, cursor: Cursor) -> Stage:
    cursor.needs("(")
    cursor.needs(")")
    return Metric(word.text, by=_by(cursor), at=word.at, length=len(word.text))


def _of_field(word: Token, cursor: Cursor) -> Stage:
    cursor.needs("(")
    of = read_field(cursor)
    numbers = _numbers(cursor, {Type.INT, Type.FLOAT}) if word.text == "quantile_over_time" else ()
    cursor.needs(")")
    return Metric(word.text, of, numbers, by=_by(cursor), at=word.at, length=len(word.text))


def _compare(word: Token, cursor: Cursor) -> Stage:
    cursor.needs("(")
    against = read_filter(cursor)
    numbers = _numbers(cursor, {Type.INT}) if cursor.sees(",") else ()
    cursor.needs(")")
    return Metric(word.text, None, numbers, against, at=word.at, length=len(word.text))


def _numbers(cursor: Cursor, types: set[Type]) -> tuple[Constant, ...]:
    """At least one, each after a comma."""
    numbers: list[Constant] = []
    while cursor.takes(",") or not numbers:
        constant = constant_of(cursor) if len(numbers) < _MOST_NUMBERS else None
        if constant is None or constant.type not in types:
            raise cursor.unexpected("a number")
        numbers.append(constant)
    return tuple(numbers)


def _by(cursor: Cursor) -> tuple[Name, ...]:
    return _fields(cursor) if cursor.word(["by"]) else ()


def _ranked(word: Token, cursor: Cursor) -> Stage:
    cursor.needs("(")
    count = constant_of(cursor)
    if count is None or count.type is not Type.INT or not isinstance(count.value, int) or count.value < 1:
        raise cursor.unexpected("a whole number above 0")
    cursor.needs(")")
    return Ranked(word.text, count.value, at=word.at, length=len(word.text))


_READERS: Final[Mapping[str, Callable[[Token, Cursor], Stage]]] = {
    "by": _group_by,
    "coalesce": _coalesce,
    "select": _select,
    "rate": _of_spans,
    "count_over_time": _of_spans,
    "min_over_time": _of_field,
    "max_over_time": _of_field,
    "avg_over_time": _of_field,
    "sum_over_time": _of_field,
    "histogram_over_time": _of_field,
    "quantile_over_time": _of_field,
    "compare": _compare,
    "topk": _ranked,
    "bottomk": _ranked,
}
STAGES: Final = tuple(_READERS)
