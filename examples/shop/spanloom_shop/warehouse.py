"""warehouse: takes one order at a time from the queue and ships it, in the trace of whoever placed it."""

import asyncio
from pathlib import Path

from opentelemetry import trace
from opentelemetry.trace import SpanKind

from spanloom_shop import database, outbox
from spanloom_shop.faults import Faults
from spanloom_shop.outbox import Message
from spanloom_shop.surroundings import Surroundings

tracer = trace.get_tracer(__name__)

POLL_SECONDS = 0.2
EMPTY_SHELF_CHANCE = 0.1


async def work(shop: Surroundings) -> None:
    """Ship orders until cancelled."""
    path = shop.directory / "orders.sqlite"
    database.create(path, schema="orders.sql")
    while True:
        messages = outbox.waiting(path, "orders", most=1)
        for message in messages:
            await ship(path, message, shop.faults)
        if not messages:
            await asyncio.sleep(POLL_SECONDS)


async def ship(path: Path, message: Message, faults: Faults) -> None:
    """Ship one order. The message's context makes this span a child of the one that sent it."""
    with tracer.start_as_current_span(
        "process orders",
        context=message.context(),
        kind=SpanKind.CONSUMER,
        attributes={
            **outbox.attributes("orders", operation="process"),
            "messaging.message.id": str(message.id),
            "order.id": message.body["order_id"],
        },
    ):
        await pick(faults)
        with tracer.start_as_current_span("pack parcel"):
            await asyncio.sleep(faults.between(0.01, 0.04))
        with database.transaction(path) as cursor:
            cursor.execute("UPDATE orders SET status = 'shipped' WHERE id = ?", (message.body["order_id"],))
            outbox.send(cursor, "shipments", message.body)
            outbox.done(cursor, [message])


async def pick(faults: Faults) -> None:
    """Fetch the goods from the shelf, or from the store room where the shelf is empty."""
    with tracer.start_as_current_span("pick items") as span:
        await asyncio.sleep(faults.between(0.02, 0.08))
        if faults.strike("shelf empty", chance=EMPTY_SHELF_CHANCE):
            span.add_event("shelf empty", {"warehouse.fetched_from": "store room"})
            await asyncio.sleep(faults.between(0.2, 0.4))
