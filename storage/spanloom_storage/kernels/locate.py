"""Trace ids in a sorted table of them."""

import numpy as np
from numba import types

from spanloom_storage.kernels.compiled import INT64S, UINT64S, compiled


@compiled(types.void(UINT64S, UINT64S, UINT64S, UINT64S, INT64S))
def locate(high, low, wanted_high, wanted_low, places):
    """Where each wanted id, given by its halves, is in the table; -1 where it is not."""
    for number in range(wanted_high.size):
        first, behind = np.int64(0), np.int64(high.size)
        while first < behind:
            middle = (first + behind) >> 1
            if high[middle] < wanted_high[number] or (
                high[middle] == wanted_high[number] and low[middle] < wanted_low[number]
            ):
                first = middle + 1
            else:
                behind = middle
        here = first < high.size and high[first] == wanted_high[number] and low[first] == wanted_low[number]
        places[number] = first if here else -1
