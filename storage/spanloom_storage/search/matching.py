"""Which spans of a slice meet a condition."""

from collections.abc import Sequence

import numpy as np

from spanloom_storage.block import Block, Column, Columns, Mask
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
)
from spanloom_storage.search.compare import hits, positive
from spanloom_storage.search.window import Window


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
    if len(conditions) == 1 or not mask.any():
        return mask
    begin, end = int(mask.argmax()), mask.size - int(mask[::-1].argmax())
    if end - begin > mask.size // 2:
        return mask & _all(part, conditions[1:])
    mask[begin:end] &= _all(Window(part, begin, end), conditions[1:])
    return mask


def _exists(part: Columns, field: Field) -> Mask:
    if isinstance(field, Attribute) and field.owner is Owner.ANY:
        return _exists(part, Attribute(Owner.SPAN, field.key)) | _exists(
            part, Attribute(Owner.RESOURCE, field.key)
        )
    return _present(part, part.columns(field))


def _present(part: Columns, columns: Sequence[Column]) -> Mask:
    mask = np.zeros(part.span_count, np.bool_)
    for column in columns:
        if column.rows is None:
            mask[:] = True
        else:
            mask[column.rows] = True
    return mask


def _compare(part: Columns, condition: Compare) -> Mask:
    field = condition.field
    if isinstance(field, Attribute) and field.owner is Owner.ANY:
        own, around = Attribute(Owner.SPAN, field.key), Attribute(Owner.RESOURCE, field.key)
        of_span = _compare(part, Compare(own, condition.operator, condition.value))
        of_resource = _compare(part, Compare(around, condition.operator, condition.value))
        return of_span | (of_resource & ~_exists(part, own))
    columns = part.columns(field)
    operator, others = positive(condition.operator)
    mask = np.zeros(part.span_count, np.bool_)
    for column in columns:
        found = hits(column, operator, condition.value)
        if isinstance(found, bool):
            continue
        if column.rows is None:
            mask |= found
        else:
            mask[column.rows[found]] = True
    return _present(part, columns) & ~mask if others else mask
