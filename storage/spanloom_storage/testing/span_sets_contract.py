"""The part of the contract that is about several spans of a trace, and about what only whole traces tell."""

import pytest

from spanloom_model.span import Attributes, StatusCode
from spanloom_storage.api import SpanQuery, TraceQuery
from spanloom_storage.conditions import (
    All,
    Arithmetic,
    Attribute,
    Calculation,
    Compare,
    Intrinsic,
    Operand,
    Operator,
    Owner,
    TraceField,
)
from spanloom_storage.errors import Unanswerable
from spanloom_storage.span_sets import Aggregate, Aggregation, Filtered, Joint, Spans, SpanSet, Union, Within
from spanloom_storage.testing.opened import OnStorage, OpenStorage, numbers
from spanloom_storage.testing.samples import NOON_NS, span

SHOP, CART = (Spans(Compare(Intrinsic.SERVICE, Operator.EQUAL, name)) for name in ("shop", "cart"))
ERROR = Compare(Intrinsic.STATUS, Operator.EQUAL, StatusCode.ERROR.value)
COUNT = Aggregate(Aggregation.COUNT)
TIMEOUT = Attribute(Owner.SPAN, "timeout")


class SpanSetsContract(OnStorage):
    """Traces by sets of their spans; their spans come in several requests."""

    async def find(self, opened: OpenStorage, where: SpanSet) -> list[int]:
        """The traces that have such spans, of three that are there."""
        await opened.write(
            span(
                1, 1, name="a", start_ns=NOON_NS, duration_ns=100, attributes=Attributes((("timeout", 99),))
            ),
            span(2, 1, start_ns=NOON_NS, duration_ns=10, attributes=Attributes((("timeout", 99),))),
        )
        await opened.write(
            span(1, 2, parent=1, service="cart", start_ns=NOON_NS + 50, duration_ns=100),
            span(3, 1, parent=9, service="cart", start_ns=NOON_NS, duration_ns=1, status=StatusCode.ERROR),
        )
        await opened.write(
            span(
                1, 3, parent=1, service="cart", start_ns=NOON_NS + 60, duration_ns=1, status=StatusCode.ERROR
            )
        )
        return sorted(numbers(await opened.find(TraceQuery(where=where))))

    async def test_spans_of_a_trace_are_taken_together(self, opened: OpenStorage) -> None:
        """Either, both, and what is left of both."""
        assert await self.find(opened, Union((SHOP, CART))) == [1, 2, 3]
        assert await self.find(opened, Joint((SHOP, CART))) == [1]
        assert await self.find(opened, Within(Joint((SHOP, CART)), ERROR)) == [1]
        assert await self.find(opened, Within(SHOP, ERROR)) == []

    async def test_spans_are_counted_and_measured(self, opened: OpenStorage) -> None:
        """Wherever the spans of a trace lie, and each once, however often it was sent."""
        longest = Aggregate(Aggregation.MAX, Intrinsic.DURATION_NS)
        assert await self.find(opened, Filtered(CART, COUNT, Operator.EQUAL, 2)) == [1]
        assert await self.find(opened, Filtered(CART, COUNT, Operator.EQUAL, 2)) == [1]
        assert await self.find(opened, Filtered(Spans(All(())), longest, Operator.LESS, 11)) == [2, 3]

    async def test_whole_traces_are_asked_of_their_spans(self, opened: OpenStorage) -> None:
        """Their duration, their root, the children of a span."""
        duration = Compare(TraceField.DURATION_NS, Operator.EQUAL, 150)
        assert await self.find(opened, Spans(All((duration, ERROR)))) == [1]
        root = Compare(TraceField.ROOT_NAME, Operator.NOT_EQUAL, "a")
        assert await self.find(opened, Spans(root)) == [2]
        children = Compare(TraceField.CHILD_COUNT, Operator.EQUAL, 2)
        assert await self.find(opened, Spans(children)) == [1]
        trace_id = Compare(TraceField.ID, Operator.EQUAL, f"{3:032x}")
        assert await self.find(opened, Spans(trace_id)) == [3]

    async def test_fields_are_compared_with_fields(self, opened: OpenStorage) -> None:
        """Two of one span, and what is calculated of them."""
        assert await self.find(opened, Spans(Compare(Intrinsic.DURATION_NS, Operator.GREATER, TIMEOUT))) == [
            1
        ]
        tenfold: Operand = Arithmetic(Intrinsic.DURATION_NS, Calculation.MULTIPLY, 10)
        assert await self.find(opened, Spans(Compare(tenfold, Operator.GREATER, TIMEOUT))) == [1, 2]

    async def test_question_about_spans_is_not_about_their_traces(self, opened: OpenStorage) -> None:
        """What cannot be told of spans alone is refused, not told wrongly."""
        await opened.write(span())
        with pytest.raises(Unanswerable):
            await opened.reader.counts(
                SpanQuery(where=Compare(TraceField.DURATION_NS, Operator.GREATER, 1)), step_ns=1
            )
