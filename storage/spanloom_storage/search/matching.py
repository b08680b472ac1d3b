"""Which spans of a slice meet a condition."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from spanloom_storage.block import Block, Column, Columns, Mask, Numbers, Places, Words, taken
from spanloom_storage.conditions import (
    All,
    AnyOf,
    Arithmetic,
    Attribute,
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
from spanloom_storage.errors import Unanswerable
from spanloom_storage.search.compare import hits, positive
from spanloom_storage.search.pairs import calculated, numbers_of, related
from spanloom_storage.search.window import Window, trace_columns

_FLIPPED: Final = {
    Operator.LESS: Operator.GREATER,
    Operator.LESS_OR_EQUAL: Operator.GREATER_OR_EQUAL,
    Operator.GREATER: Operator.LESS,
    Operator.GREATER_OR_EQUAL: Operator.LESS_OR_EQUAL,
}


def matching(part: Columns, condition: Condition) -> Mask:
    """A truth for each span of the slice."""
    match condition:
        case Compare():
            return _compare(part, condition)
        case Exists():
            return _exists(part, condition.field)
        case Not():
            return ~matching(part, condition.of)
        case All():
            return _all(part, condition.of)
        case AnyOf():
            return ~_all(part, [Not(one) for one in condition.of])


def may_start(block: Block, start_ns: int | None, end_ns: int | None) -> bool:
    """Whether a block can have spans that start in a range, those that do not say when at 0."""
    earliest, latest = block.start_range_ns
    too_early = start_ns is not None and latest < start_ns
    too_late = end_ns is not None and earliest >= end_ns and start_ns is not None and start_ns > 0
    return not too_early and not too_late


def in_time(part: Columns, start_ns: int | None, end_ns: int | None) -> Mask:
    """Which spans start in a range."""
    conditions: list[Condition] = []
    if start_ns is not None:
        conditions.append(Compare(Intrinsic.START_NS, Operator.GREATER_OR_EQUAL, start_ns))
    if end_ns is not None:
        conditions.append(Compare(Intrinsic.START_NS, Operator.LESS, end_ns))
    return _all(part, conditions)


def _all(part: Columns, conditions: Sequence[Condition]) -> Mask:
    """Rows that meet every condition; the later ones are asked only where the earlier ones have left some."""
    if not conditions:
        return np.ones(part.span_count, np.bool_)
    mask = matching(part, conditions[0])
    begin, end, rest = 0, mask.size, part
    for condition in conditions[1:]:
        left = mask[begin:end]
        if not left.any():
            break
        first, last = int(left.argmax()), left.size - int(left[::-1].argmax())
        if last - first <= left.size // 2:
            begin, end = begin + first, begin + last
            rest = Window(part, begin, end)
        mask[begin:end] &= matching(rest, condition)
    return mask


def columns_of(part: Columns, operand: Operand) -> Sequence[Column]:
    """The values of whatever is compared."""
    match operand:
        case Attribute(owner=Owner.ANY, key=key):
            own, around = Attribute(Owner.SPAN, key), Attribute(Owner.RESOURCE, key)
            without = ~_exists(part, own)
            return [*part.columns(own), *(_only(column, without) for column in part.columns(around))]
        case Attribute() | Intrinsic():
            return part.columns(operand)
        case TraceField():
            return trace_columns(part, operand)
        case Arithmetic(left, calculation, right):
            one, other = (numbers_of(columns_of(part, side), part.span_count) for side in (left, right))
            return [calculated(one, calculation, other, part.span_count)] if one and other else ()
        case str():
            return [Words(rows=None, codes=np.zeros(part.span_count, np.int32), words=pa.array([operand]))]
        case bool() | int() | float():
            return [Numbers(rows=None, values=np.full(part.span_count, operand))]
    return [Numbers(rows=None, values=matching(part, operand))]


def _only(column: Column, kept: Mask) -> Column:
    """The values that chosen rows have."""
    rows: Places = np.arange(kept.size, dtype=np.int32) if column.rows is None else column.rows
    places = np.flatnonzero(kept[rows])
    return taken(column, places, rows[places])


def _exists(part: Columns, field: Field | TraceField) -> Mask:
    if isinstance(field, Attribute) and field.owner is Owner.ANY:
        return _exists(part, Attribute(Owner.SPAN, field.key)) | _exists(
            part, Attribute(Owner.RESOURCE, field.key)
        )
    return _present(part, columns_of(part, field))


def _present(part: Columns, columns: Sequence[Column]) -> Mask:
    mask = np.zeros(part.span_count, np.bool_)
    for column in columns:
        if column.rows is None:
            mask[:] = True
        else:
            mask[column.rows] = True
    return mask


def _compare(part: Columns, condition: Compare) -> Mask:
    left, operator, right = condition.left, condition.operator, condition.right
    if isinstance(right, Value):
        return _compare_value(part, left, operator, right)
    operator, others = positive(operator)
    if operator is Operator.MATCHES:
        raise Unanswerable("a regular expression is given, not taken from spans")
    if isinstance(left, Value):
        return _compare_value(part, right, _FLIPPED.get(condition.operator, condition.operator), left)
    lefts, rights = columns_of(part, left), columns_of(part, right)
    mask = np.zeros(part.span_count, np.bool_)
    for one in lefts:
        for other in rights:
            mask |= related(one, operator, other, part.span_count)
    return _present(part, lefts) & _present(part, rights) & ~mask if others else mask


def _compare_value(part: Columns, left: Operand, operator: Operator, right: Value) -> Mask:
    if isinstance(left, Attribute) and left.owner is Owner.ANY:
        own, around = Attribute(Owner.SPAN, left.key), Attribute(Owner.RESOURCE, left.key)
        of_span = _compare_value(part, own, operator, right)
        of_resource = _compare_value(part, around, operator, right)
        return of_span | (of_resource & ~_exists(part, own))
    columns = columns_of(part, left)
    operator, others = positive(operator)
    mask = np.zeros(part.span_count, np.bool_)
    for column in columns:
        found = hits(column, operator, right)
        if isinstance(found, bool):
            continue
        if column.rows is None:
            mask |= found
        else:
            mask[column.rows[found]] = True
    return _present(part, columns) & ~mask if others else mask
