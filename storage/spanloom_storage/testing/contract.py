"""The contract of `spanloom_storage.api` as tests; a backend's test file is one fixture.

    class TestMyStorage(StorageContract):
        @pytest.fixture
        def storage(self) -> Storage:
            return MyStorage()

Run it with pytest-asyncio in its automatic mode.
"""

import asyncio
import dataclasses

from spanloom_model.span import SpanKind, StatusCode
from spanloom_storage.api import Operation, ServiceCount, TracePage, TraceQuery
from spanloom_storage.span_sets import span_with
from spanloom_storage.testing.opened import OpenStorage, numbers
from spanloom_storage.testing.samples import NOON_NS, RICH_SPAN, SECOND_NS, span
from spanloom_storage.testing.span_sets_contract import SpanSetsContract
from spanloom_storage.testing.statistics_contract import StatisticsContract


class StorageContract(StatisticsContract, SpanSetsContract):
    """What a user of any backend may rely on."""

    async def test_empty_store_finds_nothing(self, opened: OpenStorage) -> None:
        """A fresh install shows an empty page, not an error page."""
        assert await opened.find() == TracePage(traces=(), next=None)
        assert await opened.trace(1) == []
        assert list(await opened.reader.services()) == []
        assert list(await opened.reader.operations("shop")) == []

    async def test_span_comes_back_whole(self, opened: OpenStorage) -> None:
        """Whatever a client sent is on the trace page: attributes of every type, events, links, resource."""
        await opened.write(RICH_SPAN)
        assert await opened.trace(1) == [RICH_SPAN]

    async def test_trace_gathers_spans_of_many_batches(self, opened: OpenStorage) -> None:
        """The spans of one trace come from many hosts at different times, and are shown as one."""
        first, second, third = span(1, 1), span(1, 2, parent=1, service="cart"), span(1, 3, parent=2)
        await opened.write(first, span(2, 4))
        await opened.write(second)
        await opened.write(third)
        assert await opened.trace(1) == [first, second, third]

    async def test_same_span_twice_is_shown_once(self, opened: OpenStorage) -> None:
        """A client that sends again after a time-out doubles nothing on the page."""
        await opened.write(RICH_SPAN, RICH_SPAN)
        await opened.write(RICH_SPAN)
        assert await opened.trace(1) == [RICH_SPAN]
        assert [summary.span_count for summary in (await opened.find()).traces] == [1]

    async def test_different_spans_with_one_id_are_both_shown(self, opened: OpenStorage) -> None:
        """Zipkin's clients and servers share a span's id; neither side is lost."""
        client, server = span(kind=SpanKind.CLIENT), span(kind=SpanKind.SERVER, service="cart")
        await opened.write(client, server)
        assert {found.service for found in await opened.trace(1)} == {"shop", "cart"}

    async def test_summary_tells_of_the_whole_trace(self, opened: OpenStorage) -> None:
        """A line of the list counts all spans of the trace, also those that did not match."""
        await opened.write(
            span(1, 1, start_ns=NOON_NS, duration_ns=10),
            span(1, 2, parent=1, service="cart", start_ns=NOON_NS + 5, duration_ns=30),
            span(
                1, 3, parent=1, service="cart", start_ns=NOON_NS + 6, status=StatusCode.ERROR, duration_ns=1
            ),
        )
        (summary,) = (await opened.find(TraceQuery(where=span_with(service="shop")))).traces
        assert (summary.service, summary.name, summary.root_missing) == ("shop", "GET /", False)
        assert (summary.start_ns, summary.duration_ns) == (NOON_NS, 35)
        assert (summary.span_count, summary.error_count) == (3, 1)
        assert summary.services == (
            ServiceCount(service="cart", span_count=2, error_count=1),
            ServiceCount(service="shop", span_count=1, error_count=0),
        )

    async def test_trace_without_its_root_is_named_after_its_earliest_span(self, opened: OpenStorage) -> None:
        """A trace whose root is late is on the list, and says so."""
        await opened.write(span(1, 3, parent=9, name="late"), span(1, 2, parent=9, name="early"))
        (summary,) = (await opened.find()).traces
        assert (summary.name, summary.root_missing) == ("early", True)

    async def test_conditions_hold_on_one_span(self, opened: OpenStorage) -> None:
        """Service and operation are asked of the same span, not of any two in the trace."""
        await opened.write(span(1, 1, service="shop", name="a"), span(1, 2, service="cart", name="b"))
        await opened.write(span(2, 3, service="shop", name="b"))
        assert numbers(await opened.find(TraceQuery(where=span_with(service="shop", name="b")))) == [2]
        assert numbers(await opened.find(TraceQuery(where=span_with(service="cart")))) == [1]
        assert numbers(await opened.find(TraceQuery(where=span_with(name="c")))) == []

    async def test_time_range_includes_its_start_and_excludes_its_end(self, opened: OpenStorage) -> None:
        """Neighbouring ranges share no span."""
        for second in range(1, 5):
            await opened.write(span(second, second))
        query = TraceQuery(start_ns=NOON_NS + 2 * SECOND_NS, end_ns=NOON_NS + 4 * SECOND_NS)
        assert numbers(await opened.find(query)) == [3, 2]

    async def test_newest_come_first_and_equal_starts_by_id(self, opened: OpenStorage) -> None:
        """The order is the same however often one asks, and no trace hides behind an equal time."""
        moments = {1: 5, 2: 7, 3: 5, 4: 9, 5: 5}
        for number, moment in moments.items():
            await opened.write(span(number, number, start_ns=NOON_NS + moment))
        assert numbers(await opened.find()) == [4, 2, 1, 3, 5]

    async def test_pages_follow_each_other_without_gap_or_repeat(self, opened: OpenStorage) -> None:
        """“Older traces” shows exactly what the first page left out."""
        for number in range(1, 8):
            await opened.write(span(number, number, start_ns=NOON_NS + number // 3))
        everything = numbers(await opened.find())
        seen: list[int] = []
        query = TraceQuery(limit=2)
        while True:
            page = await opened.find(query)
            seen += numbers(page)
            if page.next is None:
                break
            query = dataclasses.replace(query, after=page.next)
        assert seen == everything
        assert len(seen) == 7

    async def test_services_and_operations_are_sorted_and_each_once(self, opened: OpenStorage) -> None:
        """The form's lists are complete and calm."""
        await opened.write(span(1, 1, name="b"), span(1, 2, name="a"), span(1, 3, name="b"))
        await opened.write(span(2, 4, name="b", kind=SpanKind.CLIENT), span(2, 5, service="cart"))
        assert list(await opened.reader.services()) == ["cart", "shop"]
        assert list(await opened.reader.operations("shop")) == [
            Operation(name="a", kind=2),
            Operation(name="b", kind=2),
            Operation(name="b", kind=3),
        ]

    async def test_clocks_out_of_this_world_hide_nothing(self, opened: OpenStorage) -> None:
        """A client whose clock stands at zero or far in the future spoils no other trace."""
        await opened.write(
            span(1, 1, start_ns=0, duration_ns=0), span(2, 2, start_ns=2**64 - 1, duration_ns=0), span(3, 3)
        )
        assert numbers(await opened.find()) == [2, 3, 1]
        assert numbers(await opened.find(TraceQuery(start_ns=NOON_NS, end_ns=2 * NOON_NS))) == [3]

    async def test_span_without_a_start_does_not_move_its_trace(self, opened: OpenStorage) -> None:
        """One span without times leaves its trace where it was in the list."""
        await opened.write(span(1, 1), span(1, 2, parent=1, start_ns=0, duration_ns=0), span(2, 0x99))
        (_, summary) = (await opened.find()).traces
        assert (summary.start_ns, summary.duration_ns) == (NOON_NS + SECOND_NS, SECOND_NS // 2)

    async def test_many_write_at_once(self, opened: OpenStorage) -> None:
        """Requests that arrive together are all there once all are acknowledged."""
        await asyncio.gather(*(opened.write(span(number, number)) for number in range(1, 51)))
        assert len((await opened.find(TraceQuery(limit=100))).traces) == 50
