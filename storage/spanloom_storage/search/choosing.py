"""Which spans of a slice are in a set, where it has all spans of its traces."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from spanloom_storage.block import Mask, Numbers
from spanloom_storage.conditions import Arithmetic, Operator
from spanloom_storage.errors import Unanswerable
from spanloom_storage.search.compare import compared
from spanloom_storage.search.matching import columns_of, matching
from spanloom_storage.search.pairs import CALCULATIONS, numbers_of
from spanloom_storage.search.whole_traces import WholeTraces
from spanloom_storage.span_sets import (
    Aggregate,
    Aggregation,
    Figure,
    Filtered,
    Joint,
    Spans,
    SpanSet,
    Union,
    Within,
)

Figures = npt.NDArray[np.float64]
"""One for each trace; not a number where there is none."""


class Choosing:
    """Sets of spans of one slice."""

    def __init__(self, part: WholeTraces, spans: Callable[[Spans], Mask]) -> None:
        self._part = part
        self._spans = spans
        self._trace = part.trace()

    def chosen(self, where: SpanSet) -> Mask:
        """A truth for each span."""
        match where:
            case Spans():
                return self._spans(where)
            case Within(of, condition):
                mask = self.chosen(of)
                return mask & matching(self._part, condition) if mask.any() else mask
            case Union(parts):
                return self._together(parts)[0]
            case Joint(parts):
                mask, traces = self._together(parts)
                return mask & traces[self._trace]
            case Filtered(of, left, operator, right):
                mask = self.chosen(of)
                if mask.any():
                    mask &= self._holds(mask, left, operator, right)[self._trace]
                return mask

    def _together(self, parts: Sequence[SpanSet]) -> tuple[Mask, Mask]:
        """(the spans of any, the traces that have spans of each)."""
        mask = np.zeros(self._part.span_count, np.bool_)
        traces = np.ones(self._part.trace_count, np.bool_)
        for part in parts:
            one = self.chosen(part)
            mask |= one
            traces &= self._traces(one)
        return mask, traces

    def _traces(self, mask: Mask) -> Mask:
        """Which traces have some of these spans."""
        found = np.zeros(self._part.trace_count, np.bool_)
        found[self._trace[mask]] = True
        return found

    def _holds(self, mask: Mask, left: Figure, operator: Operator, right: Figure) -> Mask:
        one, other = self._figures(mask, left), self._figures(mask, right)
        known = ~np.isnan(one) & ~np.isnan(other)
        if operator is Operator.NOT_EQUAL:
            return known & ~compared(one, Operator.EQUAL, other)
        return known & compared(one, operator, other)

    def _figures(self, mask: Mask, figure: Figure) -> Figures:
        match figure:
            case Aggregate(Aggregation.COUNT):
                return self._counts(self._trace[mask])
            case Aggregate(aggregation, of) if of is not None:
                numbers = numbers_of(columns_of(self._part, of), self._part.span_count)
                if numbers is None:
                    return np.full(self._part.trace_count, np.nan)
                return self._aggregated(mask, numbers, aggregation)
            case Arithmetic(left, calculation, right):
                with np.errstate(all="ignore"):
                    result: Figures = CALCULATIONS[calculation](
                        self._figures(mask, left), self._figures(mask, right)
                    )
                return result
            case int() | float():
                return np.full(self._part.trace_count, float(figure))
        raise Unanswerable("of nothing there is only a count")

    def _counts(self, traces: npt.NDArray[np.int32]) -> Figures:
        return np.bincount(traces, minlength=self._part.trace_count).astype(np.float64)

    def _aggregated(self, mask: Mask, numbers: Numbers, aggregation: Aggregation) -> Figures:
        rows = np.arange(mask.size) if numbers.rows is None else numbers.rows
        kept = mask[rows] & ~np.isnan(numbers.values)
        traces, values = self._trace[rows[kept]], numbers.values[kept]
        counts = self._counts(traces)
        with np.errstate(all="ignore"):
            match aggregation:
                case Aggregation.MIN:
                    found = np.full(counts.size, np.inf)
                    np.minimum.at(found, traces, values)
                case Aggregation.MAX:
                    found = np.full(counts.size, -np.inf)
                    np.maximum.at(found, traces, values)
                case _:
                    found = np.bincount(traces, values, counts.size).astype(
                        np.float64
                    )  # of nothing, it counts ints
            if aggregation is Aggregation.AVG:
                found /= counts
        found[counts == 0] = np.nan
        return found
