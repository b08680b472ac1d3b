"""What tracing changes, in percent of the same without it, and how sure that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import Final

Figures = Mapping[str, float]
"""Of one process in one round: the name of a figure → its value."""

_T: Final = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13)
"""Student's t for 95 %, by degrees of freedom from 1; more are treated as 15."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over rounds, and half of the interval that has the true one in 95 of 100 such runs."""

    mean: float
    error: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Estimate":
        """Of at least one value; nothing is known of a single one's error."""
        if len(values) < 2:
            return cls(values[0], float("nan"))
        t = _T[min(len(values) - 2, len(_T) - 1)]
        return cls(fmean(values), t * stdev(values) / sqrt(len(values)))


def change_percent(traced: Sequence[Figures], untraced: Sequence[Figures], figure: str) -> Estimate:
    """Each round is compared with itself: what disturbs a machine for a minute disturbs both."""
    return Estimate.of(
        [(one[figure] / bare[figure] - 1) * 100 for one, bare in zip(traced, untraced, strict=True)]
    )
