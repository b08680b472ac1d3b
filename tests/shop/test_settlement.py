"""The batch job, which has many causes."""

from opentelemetry.trace import SpanKind

from spanloom_shop import outbox, settlement

from .in_process import ShopInProcess
from .spans import Spans, attributes, context_ids


async def test_a_batch_links_to_every_shipment_in_it(shop: ShopInProcess, spans: Spans) -> None:
    """From the batch one comes to the trace of each order, and none of them swallows the batch."""
    for _ in range(3):
        await shop.order()
    await shop.ship_all()

    settlement.settle(shop.orders, outbox.waiting(shop.orders, "shipments", most=100))

    batch = spans.one("process shipments")
    assert batch.kind is SpanKind.CONSUMER
    assert batch.parent is None
    linked = [(link.context.trace_id, link.context.span_id) for link in batch.links]
    assert linked == [context_ids(sent) for sent in spans.named("send shipments")]
    assert len({trace_id for trace_id, _ in linked} | {context_ids(batch)[0]}) == 4
    assert attributes(batch)["messaging.batch.message_count"] == 3


async def test_a_shipment_is_settled_once(shop: ShopInProcess) -> None:
    """The next batch begins where the last one ended."""
    await shop.order()
    await shop.ship_all()

    settlement.settle(shop.orders, outbox.waiting(shop.orders, "shipments", most=100))

    assert outbox.waiting(shop.orders, "shipments", most=100) == []
