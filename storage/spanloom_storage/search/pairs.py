"""Two columns of the same spans, value against value."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spanloom_storage.block import Column, Mask, Numbers, Places, Words
from spanloom_storage.conditions import Calculation, Operator
from spanloom_storage.errors import Unanswerable
from spanloom_storage.search.compare import LARGEST_EXACT, compared

MOST_PAIRS: Final = 2**24
"""A span with thousands of events, twice in one comparison, has millions of pairs."""
CALCULATIONS: Final[Mapping[Calculation, Callable[[Any, Any], Any]]] = {
    Calculation.ADD: np.add,
    Calculation.SUBTRACT: np.subtract,
    Calculation.MULTIPLY: np.multiply,
    Calculation.DIVIDE: np.divide,
    Calculation.REMAINDER: np.fmod,
    Calculation.POWER: np.power,
}
_At: TypeAlias = Any
"""Which values of a column: places, or all of them."""


def related(left: Column, operator: Operator, right: Column, span_count: int) -> Mask:
    """The spans of which some value of the left stands in a relation to some value of the right."""
    mask = np.zeros(span_count, np.bool_)
    compare = _comparison(left, operator, right)
    if compare is not None:
        rows, here, there = _paired(left.rows, right.rows, span_count)
        found = compare(here, there)
        if rows is None:
            return found
        mask[rows[found]] = True
    return mask


def numbers_of(columns: Sequence[Column], span_count: int) -> Numbers | None:
    """All values that can be calculated with, as doubles in one column; None where there is none."""
    found = [one for one in columns if isinstance(one, Numbers) and one.values.dtype != np.bool_]
    if len(found) < 2:
        return Numbers(rows=found[0].rows, values=found[0].values.astype(np.float64)) if found else None
    rows = [np.arange(span_count, dtype=np.int32) if one.rows is None else one.rows for one in found]
    values = [one.values.astype(np.float64) for one in found]
    return Numbers(rows=np.concatenate(rows), values=np.concatenate(values))


def calculated(left: Numbers, calculation: Calculation, right: Numbers, span_count: int) -> Numbers:
    """Every number of the left with every number of the right."""
    rows, here, there = _paired(left.rows, right.rows, span_count)
    with np.errstate(all="ignore"):
        values = CALCULATIONS[calculation](left.values[here], right.values[there])
    return Numbers(rows=rows, values=values)


def _paired(left: Places | None, right: Places | None, span_count: int) -> tuple[Places | None, _At, _At]:
    """(the span of each pair, which value of the left it is, which of the right)."""
    everything = slice(None)
    if left is None or right is None:
        if left is None and right is None:
            return None, everything, everything
        return (right, right, everything) if left is None else (left, everything, left)
    order = np.argsort(right, kind="stable")
    begins = np.searchsorted(right[order], np.arange(span_count + 1))
    counts = np.diff(begins)[left]
    if counts.sum() > MOST_PAIRS:
        raise Unanswerable("a span has so many values that comparing each with each takes too long")
    here = np.repeat(np.arange(left.size), counts)
    within = np.arange(here.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return left[here], here, order[begins[left[here]] + within]


def _comparison(left: Column, operator: Operator, right: Column) -> Callable[[_At, _At], Mask] | None:
    """What compares some values of both, None where none of them can stand in the relation."""
    match left, right:
        case Words(), Words():
            one, other = _numbered(left, operator, right)
            return lambda here, there: compared(one[here], operator, other[there])
        case Numbers(), Numbers():
            truths = [column.values.dtype == np.bool_ for column in (left, right)]
            if any(truths) and not (all(truths) and operator is Operator.EQUAL):
                return None
            return lambda here, there: _holds_exactly(operator, left.values[here], right.values[there])
    return None


def _numbered(left: Words, operator: Operator, right: Words) -> tuple[Places, Places]:
    """The words of both by numbers that are equal where they are, and in their order if it matters."""
    if operator is Operator.EQUAL:
        known = pc.fill_null(pc.index_in(right.words, left.words), -1)
        return left.codes, known.to_numpy()[right.codes]
    words = pa.concat_arrays([left.words, right.words])
    rank = pc.rank(words, tiebreaker="dense").to_numpy()
    return rank[left.codes], rank[len(left.words) :][right.codes]


def _holds_exactly(operator: Operator, one: npt.NDArray[Any], other: npt.NDArray[Any]) -> Mask:
    """Also between ints and doubles that have no common type."""
    if one.dtype == other.dtype:
        return compared(one, operator, other)
    with np.errstate(invalid="ignore"):
        # Rounding to doubles keeps the order: only what is equal then needs another look.
        above = np.sign(one.astype(np.float64) - other.astype(np.float64))
    close = np.flatnonzero((above == 0) & (np.abs(one.astype(np.float64)) >= LARGEST_EXACT))
    above[close] = _order(one[close], other[close])
    return compared(above, operator, np.float64(0))


def _order(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Below 0, 0 or above, of numbers that are equal or nearly."""
    pairs = zip(one.tolist(), other.tolist(), strict=True)
    return np.array([0 if a == b else 1 if a > b else -1 for a, b in pairs], np.float64)
