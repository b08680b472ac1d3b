"""The trees that open pages were drawn from."""

import time
from collections.abc import Callable

from spanloom_ui.answers import Tree
from spanloom_ui.query_api import QueryApi, understood

MOST_SPANS = 50_000
"""Of all kept trees together: about 4 KB a span as Python objects, so 200 MB at worst."""

SECONDS = 120.0


class RecentTrees:
    """Reads a trace once for its page and for the spans that are then looked at one after the other.

    A tree above the limit is read again each time: slower, but memory stays bounded.
    """

    def __init__(self, api: QueryApi, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._clock = clock
        self._kept: dict[str, tuple[float, int, Tree]] = {}

    async def newest(self, trace_id: str) -> Tree:
        """The trace as it is stored now."""
        self._kept.pop(trace_id, None)
        tree = await self._api.tree(trace_id)
        with understood():
            self._kept[trace_id] = (self._clock(), len(tree["spans"]), tree)
        self._forget()
        return tree

    async def as_drawn(self, trace_id: str) -> Tree:
        """The trace as a page showed it in the last minutes, else as it is stored now."""
        self._forget()
        if trace_id in self._kept:
            return self._kept[trace_id][-1]
        return await self.newest(trace_id)

    def _forget(self) -> None:
        oldest_useful = self._clock() - SECONDS
        spans = 0
        for trace_id, (read_at, span_count, _) in reversed(list(self._kept.items())):
            spans += span_count
            if spans > MOST_SPANS or read_at < oldest_useful:
                del self._kept[trace_id]
