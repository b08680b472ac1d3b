"""Which rows of a block stand where."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from spanloom_storage.kernels import arrange, encode
from spanloom_storage.kernels.rows import Rows

GROUP_SPANS: Final = 2**15
"""How many spans a row group has; more where one trace has more."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Which rows stand where."""

    order: npt.NDArray[np.int64]
    """Rows in the order of the file."""
    trace: npt.NDArray[np.int32]
    """Their traces."""
    begins: npt.NDArray[np.int64]
    """Where each row group begins, and the last ends."""
    trace_begins: npt.NDArray[np.int64]
    """Where each group's traces begin, and the last ends."""
    by_trace: npt.NDArray[np.int64]
    """Rows by trace and start."""
    traces: npt.NDArray[np.int64]
    """Where each trace begins in `by_trace`, and the last ends."""


def arrange_rows(rows: Rows, kinds: npt.NDArray[np.int32], group_spans: int = GROUP_SPANS) -> Arrangement:
    """Decide the order: traces in groups, in a group by kind; a span that repeats is left out."""
    count = len(rows.spans) - 1
    order = np.argsort(np.ascontiguousarray(rows.spans["trace_high"][:count]), kind="stable")
    long = np.empty(2 * count // arrange.SHORT + 2, np.int64)
    for place in range(0, arrange.sort_short(order, rows.spans, long), 2):
        run = order[long[place] : long[place + 1]]
        spans = rows.spans[run]
        run[:] = run[np.lexsort((spans["span_id"], spans["start_ns"], spans["trace_low"]))]
    order, begins = _without_repeats(rows, order)
    trace_of = np.repeat(np.arange(begins.size - 1, dtype=np.int32), np.diff(begins))
    cuts = [0]
    while cuts[-1] < begins.size - 1:
        behind = int(np.searchsorted(begins, begins[cuts[-1]] + group_spans, "right")) - 1
        cuts.append(max(behind, cuts[-1] + 1))
    sorted_order = np.empty(order.size, np.int64)
    counts = np.zeros(int(kinds.max(initial=0)) + 2, np.int64)
    trace_cuts = np.array(cuts)
    for first, last in zip(begins[trace_cuts[:-1]], begins[trace_cuts[1:]], strict=True):
        arrange.by_kind(order, kinds, counts, first, last, sorted_order[first:last], trace_of)
    return Arrangement(sorted_order, trace_of, begins[trace_cuts], trace_cuts, order, begins)


def _without_repeats(
    rows: Rows, order: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The order without spans that were sent twice, and where traces begin in it."""
    begins, suspects = np.empty(order.size + 1, np.int64), np.empty(order.size + 1, np.int64)
    traces = arrange.find_traces(order, rows.spans, begins, suspects)
    places = suspects[1 : suspects[0] + 1]
    doubles = _doubles(rows, order, places)
    if not doubles:
        return order, begins[: traces + 1].copy()
    order = np.delete(order, doubles)
    traces = arrange.find_traces(order, rows.spans, begins, suspects)
    return order, begins[: traces + 1].copy()


def _doubles(rows: Rows, order: npt.NDArray[np.int64], suspects: npt.NDArray[np.int64]) -> list[int]:
    """Which of the places that share id and start with the one before say nothing new at all."""
    if not suspects.size:
        return []
    places = np.union1d(suspects, suspects - 1)
    chosen = order[places]
    messages, ends = encode.encode(rows, chosen)
    around = rows.spans[chosen]
    whole, cuts = messages.tobytes(), ends.tolist()
    suspected = set(suspects.tolist())
    seen: set[tuple[int, int, bytes]] = set()
    doubles = []
    for number, place in enumerate(places.tolist()):
        span = (
            int(around["resource"][number]),
            int(around["scope"][number]),
            whole[cuts[number] : cuts[number + 1]],
        )
        if place not in suspected:
            seen.clear()  # the first of another run
        elif span in seen:
            doubles.append(place)
        seen.add(span)
    return doubles
