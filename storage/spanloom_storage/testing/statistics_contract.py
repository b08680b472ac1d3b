"""The part of the contract that is about numbers: what there is, how much, how fast, who calls whom."""

import pytest

from spanloom_model.span import Attributes, Event, Resource, SpanKind, StatusCode
from spanloom_storage.api import (
    AttributeCount,
    Figures,
    Operation,
    ServiceLink,
    SpanQuery,
    ValueCount,
)
from spanloom_storage.conditions import (
    Attribute,
    Compare,
    Intrinsic,
    Operator,
    Owner,
    ValueType,
)
from spanloom_storage.errors import Unanswerable
from spanloom_storage.testing.opened import OnStorage, OpenStorage
from spanloom_storage.testing.samples import NOON_NS, SECOND_NS, span

GET, POST = Attributes((("http.request.method", "GET"),)), Attributes((("http.request.method", "POST"),))
METHOD = Attribute(Owner.SPAN, "http.request.method")
ONLY_POST = SpanQuery(where=Compare(METHOD, Operator.EQUAL, "POST"))


class StatisticsContract(OnStorage):
    """Answers that are numbers."""

    async def test_attribute_keys_are_told_with_owner_type_and_count(self, opened: OpenStorage) -> None:
        """A form proposes every key that exists, and knows whether it is compared as text or as number."""
        resource = Resource(attributes=Attributes((("service.name", "shop"), ("host.cpus", 8))))
        event = Event(name="retry", time_ns=NOON_NS, attributes=Attributes((("attempt", 2.5),)))
        mixed = Attributes((("size", 1), ("size", "big"), ("raw", b"?")))
        await opened.write(
            span(1, 1, resource=resource, attributes=GET, events=(event,)),
            span(1, 2, resource=resource, attributes=mixed),
        )
        found = await opened.reader.attributes()
        keys = [(one.owner.value, one.key) for one in found]
        assert keys == sorted(keys)
        assert set(found) == {
            AttributeCount(owner=owner, key=key, type=kind, value_count=count)
            for owner, key, kind, count in [
                (Owner.SPAN, "http.request.method", ValueType.STRING, 1),
                (Owner.SPAN, "size", ValueType.INT, 1),
                (Owner.SPAN, "size", ValueType.STRING, 1),
                (Owner.SPAN, "raw", None, 1),
                (Owner.EVENT, "attempt", ValueType.DOUBLE, 1),
                (Owner.RESOURCE, "service.name", ValueType.STRING, 1),
                (Owner.RESOURCE, "host.cpus", ValueType.INT, 1),
            ]
        }

    async def test_top_values_count_the_spans_that_match(self, opened: OpenStorage) -> None:
        """Most frequent first, equal counts by value, as many as were asked for."""
        for number in range(1, 6):
            await opened.write(span(number, number, attributes=GET, service="abc"[number % 3]))
        await opened.write(span(6, 6, attributes=POST, service="a"))
        found = await opened.reader.values(METHOD, SpanQuery(), limit=1)
        assert found.values == (ValueCount(value="GET", span_count=5),)
        services = await opened.reader.values(Intrinsic.SERVICE, SpanQuery())
        assert services.values == tuple(ValueCount(value=one, span_count=2) for one in "abc")
        posted = await opened.reader.values(Intrinsic.SERVICE, ONLY_POST)
        assert posted.values == (ValueCount(value="a", span_count=1),)
        assert not posted.partial

    async def test_counts_are_by_steps_of_time(self, opened: OpenStorage) -> None:
        """Steps begin at multiples of their length, and those without spans are left out."""
        minute = 60 * SECOND_NS
        for number, moment in enumerate([0, minute - 1, minute, 5 * minute], 1):
            status = StatusCode.ERROR if moment == minute else StatusCode.OK
            await opened.write(span(number, number, start_ns=30 * minute + moment, status=status))
        found = await opened.reader.counts(SpanQuery(), step_ns=minute)
        assert found.start_ns == tuple(minute * step for step in (30, 31, 35))
        assert (found.span_count, found.error_count) == ((2, 1, 1), (0, 1, 0))
        later = await opened.reader.counts(
            SpanQuery(start_ns=31 * minute, end_ns=35 * minute), step_ns=minute
        )
        assert later.span_count == (1,)

    async def test_figures_are_exact_and_by_operation(self, opened: OpenStorage) -> None:
        """A quantile is a duration that some span had; kinds of one name are different operations."""
        for number in range(1, 101):
            status = StatusCode.ERROR if number > 97 else StatusCode.UNSET
            await opened.write(span(number, number, duration_ns=101 - number, name="a", status=status))
        await opened.write(span(1, 200, duration_ns=7, name="a", kind=SpanKind.CLIENT))
        found = await opened.reader.figures(SpanQuery(), quantiles=(0.0, 0.5, 0.99, 1.0))
        assert found.rows == (
            Figures(
                service="shop",
                operation=Operation(name="a", kind=2),
                start_ns=None,
                span_count=100,
                error_count=3,
                duration_ns=(1, 50, 99, 100),
            ),
            Figures(
                service="shop",
                operation=Operation(name="a", kind=3),
                start_ns=None,
                span_count=1,
                error_count=0,
                duration_ns=(7, 7, 7, 7),
            ),
        )

    async def test_service_links_count_calls_between_services(self, opened: OpenStorage) -> None:
        """Also where caller and callee come in different requests; a call within a service is none."""
        await opened.write(span(1, 1, service="shop"), span(1, 2, parent=1, service="shop"))
        await opened.write(span(1, 3, parent=2, service="cart", status=StatusCode.ERROR))
        await opened.write(span(2, 5, parent=4, service="cart"))
        await opened.write(span(2, 4, service="shop"))
        await opened.write(span(3, 6, parent=77, service="cart"))
        found = await opened.reader.service_links(SpanQuery())
        assert found.links == (ServiceLink(caller="shop", callee="cart", call_count=2, error_count=1),)

    async def test_nonsense_is_refused(self, opened: OpenStorage) -> None:
        """A question without an answer is told so, whatever is stored."""
        await opened.write(span())
        with pytest.raises(Unanswerable, match="a step is a positive number"):
            await opened.reader.counts(SpanQuery(), step_ns=0)
        with pytest.raises(Unanswerable, match="between 0 and 1"):
            await opened.reader.figures(SpanQuery(), quantiles=(1.5,))
