"""Values of many runs, brought together by group."""

from numba import types

from spanloom_storage.kernels.compiled import INT64S, compiled

READ_INT64S = types.Array(types.int64, 1, "C", readonly=True)


@compiled(types.void(READ_INT64S, INT64S, INT64S, INT64S, INT64S))
def scatter_runs(values, begins, groups, places, target):
    """Copy each run to where the next value of its group belongs, and move that place on."""
    for run in range(groups.size):
        place = places[groups[run]]
        for position in range(begins[run], begins[run + 1]):
            target[place] = values[position]
            place += 1
        places[groups[run]] = place
