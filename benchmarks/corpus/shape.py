"""What a corpus is like: counted while it is made."""

from typing import Final

import numpy as np

from benchmarks.corpus.kernels.rows import Count
from benchmarks.corpus.kernels.traces import MOST


class Shape:
    """Complete once all requests have been made."""

    def __init__(self) -> None:
        self.requests = 0
        self.size_bytes = 0
        self.counts: Final = np.zeros(len(Count), np.int64)
        """By Count."""
        self.sizes: Final = np.zeros(MOST + 1, np.int64)
        """How many traces have so many spans."""

    def figures(self) -> dict[str, float]:
        """Those that describe it."""
        many = np.cumsum(self.sizes)
        spans = int(self.counts[Count.SPANS])
        return {
            "spans": spans,
            "requests": self.requests,
            "traces": int(many[-1]),
            "median trace": int(np.searchsorted(many, many[-1] / 2)),
            "mean trace": spans / int(many[-1]),
            "largest trace": int(np.flatnonzero(self.sizes)[-1]),
            "bytes/span": self.size_bytes / spans,
            "attributes/span": int(self.counts[Count.ATTRIBUTES]) / spans,
            "% with events": 100 * int(self.counts[Count.WITH_EVENTS]) / spans,
            "% with links": 100 * int(self.counts[Count.WITH_LINKS]) / spans,
            "% errors": 100 * int(self.counts[Count.ERRORS]) / spans,
        }
