"""One column against one value."""

import math
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc

from spanloom_storage.block import Column, Mask, Numbers, Others, Words
from spanloom_storage.conditions import Operator, Value
from spanloom_storage.errors import Unanswerable
from spanloom_storage.patterns import is_pattern, matches

_NEGATED = {Operator.NOT_EQUAL: Operator.EQUAL, Operator.NOT_MATCHES: Operator.MATCHES}
LARGEST_EXACT: Final = 2**53


def positive(operator: Operator) -> tuple[Operator, bool]:
    """(the operator to evaluate, whether spans that have the field but no such value are meant)."""
    return _NEGATED.get(operator, operator), operator in _NEGATED


def hits(column: Column, operator: Operator, value: Value) -> Mask | bool:
    """Which values of the column stand in this relation; False where none can."""
    if operator is Operator.MATCHES and not isinstance(value, str):
        return False  # only texts match
    match column:
        case Words() if isinstance(value, str):
            return _words(column, operator, value)
        case Numbers() if column.values.dtype == np.bool_:
            return column.values == value if isinstance(value, bool) and operator is Operator.EQUAL else False
        case Numbers() if isinstance(value, int | float) and not isinstance(value, bool):
            return _numbers(column.values, operator, value)
        case Words() | Numbers() | Others():
            return False


def _words(column: Words, operator: Operator, value: str) -> Mask | bool:
    if operator is Operator.EQUAL:
        code = pc.index(column.words, value).as_py()
        return column.codes == code if code >= 0 else False
    match operator:
        case Operator.MATCHES:
            if not is_pattern(value):
                raise Unanswerable(f"not a regular expression that RE2 reads: {value[:200]!r}")
            found = matches(column.words, value)
        case Operator.LESS:
            found = pc.less(column.words, value)
        case Operator.LESS_OR_EQUAL:
            found = pc.less_equal(column.words, value)
        case Operator.GREATER:
            found = pc.greater(column.words, value)
        case _:
            found = pc.greater_equal(column.words, value)
    words = found.to_numpy(zero_copy_only=False)
    return words[column.codes] if words.any() else False


def _numbers(values: Any, operator: Operator, value: float) -> Mask | bool:
    """Exactly, also between ints and doubles that have no common type."""
    if math.isnan(value):
        return False
    if values.dtype == np.float64:
        return _floats(values, operator, value)
    if not math.isinf(value) and value != int(value):
        # Between two ints: below it is up to its floor, above it from its ceiling.
        match operator:
            case Operator.EQUAL:
                return False
            case Operator.LESS | Operator.LESS_OR_EQUAL:
                return _ints(values, Operator.LESS_OR_EQUAL, math.floor(value))
            case _:
                return _ints(values, Operator.GREATER_OR_EQUAL, math.ceil(value))
    if math.isinf(value):
        above = operator in {Operator.GREATER, Operator.GREATER_OR_EQUAL}
        return False if operator is Operator.EQUAL or above == (value > 0) else np.ones(values.size, np.bool_)
    return _ints(values, operator, int(value))


def _ints(values: Any, operator: Operator, value: int) -> Mask | bool:
    limits = np.iinfo(values.dtype)
    if limits.min <= value <= limits.max:
        return compared(values, operator, values.dtype.type(value))
    below = value > limits.max
    match operator:
        case Operator.EQUAL:
            return False
        case Operator.LESS | Operator.LESS_OR_EQUAL:
            return np.full(values.size, below)
        case _:
            return np.full(values.size, not below)


def _floats(values: Any, operator: Operator, value: float) -> Mask | bool:
    try:
        near = float(value)
    except OverflowError:
        near = math.inf if value > 0 else -math.inf
    if abs(value) <= LARGEST_EXACT or near == value:
        return compared(values, operator, near)
    if operator is Operator.EQUAL:
        return False
    # No double is this int: what is below it ends at the double below.
    below = near if near < value else math.nextafter(near, -math.inf)
    if operator in {Operator.LESS, Operator.LESS_OR_EQUAL}:
        return compared(values, Operator.LESS_OR_EQUAL, below)
    return compared(values, Operator.GREATER, below)


def compared(values: Any, operator: Operator, value: Any) -> Mask:
    """Values that have a common type with what they are compared with, by numpy's rules."""
    match operator:
        case Operator.EQUAL:
            found = values == value
        case Operator.LESS:
            found = values < value
        case Operator.LESS_OR_EQUAL:
            found = values <= value
        case Operator.GREATER:
            found = values > value
        case _:
            found = values >= value
    return np.asarray(found, np.bool_)
