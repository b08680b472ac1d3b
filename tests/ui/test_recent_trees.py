"""Choosing one span after the other does not read the trace again."""

import httpx

from spanloom_ui.query_api import QueryApi
from spanloom_ui.recent_trees import MOST_SPANS, SECONDS, RecentTrees


class Counting:
    """A query service that counts its questions."""

    def __init__(self, spans: int) -> None:
        self.asked = 0
        self.spans = spans
        self.client = httpx.AsyncClient(transport=httpx.MockTransport(self._answer), base_url="http://query")

    def _answer(self, _: httpx.Request) -> httpx.Response:
        self.asked += 1
        return httpx.Response(200, json={"spans": [0] * self.spans})


async def test_a_panel_reads_nothing_after_its_page() -> None:
    """Spans of an open page show at once."""
    query = Counting(10)
    trees = RecentTrees(QueryApi(query.client), clock=lambda: 0.0)
    assert await trees.newest("a") == await trees.as_drawn("a")
    assert query.asked == 1


async def test_a_reload_reads_the_trace_again() -> None:
    """Reloading shows the spans that came in late."""
    query = Counting(10)
    trees = RecentTrees(QueryApi(query.client), clock=lambda: 0.0)
    await trees.newest("a")
    await trees.newest("a")
    assert query.asked == 2


async def test_trees_are_forgotten_in_time() -> None:
    """A page left open over lunch shows the trace as it is then."""
    query, now = Counting(10), [0.0]
    trees = RecentTrees(QueryApi(query.client), clock=lambda: now[0])
    await trees.newest("a")
    now[0] = SECONDS + 1
    await trees.as_drawn("a")
    assert query.asked == 2


async def test_huge_trees_do_not_pile_up() -> None:
    """Memory stays bounded whatever is opened."""
    query = Counting(MOST_SPANS // 2 + 1)
    trees = RecentTrees(QueryApi(query.client), clock=lambda: 0.0)
    await trees.newest("a")
    await trees.newest("b")
    await trees.as_drawn("b")
    assert query.asked == 2
    await trees.as_drawn("a")
    assert query.asked == 3
