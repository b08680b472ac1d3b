"""Rate, errors and durations by service, operation and time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from spanloom_model.span import StatusCode
from spanloom_storage.api import Figures, FigureTable, Operation, SpanQuery
from spanloom_storage.block import Block, Mask, Slice, only_column
from spanloom_storage.conditions import Intrinsic
from spanloom_storage.errors import Unanswerable
from spanloom_storage.kernels.select import scatter_runs
from spanloom_storage.search.statistics import (
    ENTRY_BYTES,
    Asked,
    Key,
    check_step,
    chosen_of,
    runs_of,
)
from spanloom_storage.search.workers import each


@dataclass(frozen=True, slots=True)
class _Part:
    """The spans of one slice, in runs of one key."""

    keys: Sequence[Key]
    begins: npt.NDArray[np.int64]
    errors: npt.NDArray[np.int64]
    """Of each run."""
    durations: npt.NDArray[np.int64]


def figures(
    blocks: Sequence[Block], query: SpanQuery, step_ns: int | None, quantiles: Sequence[float]
) -> FigureTable:
    """Rate, errors, durations by service, operation and time."""
    if step_ns is not None:
        check_step(step_ns)
    if not all(0 <= quantile <= 1 for quantile in quantiles):
        raise Unanswerable("a quantile is between 0 and 1")
    numbers: dict[Key, int] = {}
    parts: list[tuple[_Part, npt.NDArray[np.int64]]] = []
    asked = Asked(blocks, query)
    gathered_bytes = 0
    for part in asked.parts(lambda part, mask: _part(part, mask, step_ns)):
        groups = np.array([numbers.setdefault(key, len(numbers)) for key in part.keys], np.int64)
        parts.append((part, groups))
        gathered_bytes += 2 * part.durations.nbytes
        if not asked.has_room(gathered_bytes + len(numbers) * ENTRY_BYTES):
            break
    errors = _sums(len(numbers), [(part.errors, groups) for part, groups in parts])
    counts = _sums(len(numbers), [(np.diff(part.begins), groups) for part, groups in parts])
    durations = _by_group(parts, counts)
    keys = sorted(numbers)
    ranked = each(lambda key: nearest_ranks(durations[numbers[key]], quantiles), keys)
    rows = [
        Figures(
            service=key[0],
            operation=Operation(name=key[1], kind=key[2]),
            start_ns=None if step_ns is None else key[3] * step_ns,
            span_count=int(counts[numbers[key]]),
            error_count=int(errors[numbers[key]]),
            duration_ns=ranks,
        )
        for key, ranks in zip(keys, ranked, strict=True)
    ]
    return FigureTable(quantiles=tuple(quantiles), rows=tuple(rows), partial=asked.partial)


def nearest_ranks(durations: npt.NDArray[np.int64], quantiles: Sequence[float]) -> tuple[int, ...]:
    """The ceil(q·n)-th smallest for each q."""
    shares = [Fraction(str(quantile)) for quantile in quantiles]  # 0.07 * 100 is above 7
    ranks = [min(durations.size, max(1, math.ceil(share * durations.size))) - 1 for share in shares]
    if ranks:
        durations.partition(sorted(set(ranks)))
    return tuple(int(durations[rank]) for rank in ranks)


def _sums(
    count: int, parts: Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]
) -> npt.NDArray[np.int64]:
    """The sum of values by group."""
    total = np.zeros(count, np.int64)
    for values, groups in parts:
        np.add.at(total, groups, values)
    return total


def _by_group(
    parts: Sequence[tuple[_Part, npt.NDArray[np.int64]]], counts: npt.NDArray[np.int64]
) -> list[npt.NDArray[np.int64]]:
    """The durations of each group, in no order."""
    ends = np.cumsum(counts)
    places = ends - counts
    target = np.empty(int(counts.sum()), np.int64)
    for part, groups in parts:
        scatter_runs(part.durations, part.begins, groups, places, target)
    return np.split(target, ends[:-1]) if counts.size else []


def _part(part: Slice, mask: Mask | None, step_ns: int | None) -> _Part:
    keys, begins, order = runs_of(part, mask, step_ns)
    durations = chosen_of(only_column(part, Intrinsic.DURATION_NS).values, mask)
    errors = chosen_of(only_column(part, Intrinsic.STATUS).values, mask) == StatusCode.ERROR.value
    if order is not None:
        durations, errors = durations[order], errors[order]
    failed = np.add.reduceat(errors.astype(np.int64), begins[:-1]) if keys else np.empty(0, np.int64)
    return _Part(keys, begins, failed, np.ascontiguousarray(durations, np.int64))
