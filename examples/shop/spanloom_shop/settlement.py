"""settlement: a batch job that books what was shipped since its last run, and links to every trace of it."""

import asyncio
from pathlib import Path

from opentelemetry import trace
from opentelemetry.trace import Link, SpanKind

from spanloom_shop import database, outbox
from spanloom_shop.outbox import Message
from spanloom_shop.surroundings import Surroundings

tracer = trace.get_tracer(__name__)

PERIOD_SECONDS = 20.0
LARGEST_BATCH = 100
"""OpenTelemetry keeps 128 links on a span."""


async def work(shop: Surroundings) -> None:
    """Settle every PERIOD_SECONDS until cancelled."""
    path = shop.directory / "orders.sqlite"
    database.create(path, schema="orders.sql")
    while True:
        await asyncio.sleep(PERIOD_SECONDS)
        if messages := outbox.waiting(path, "shipments", most=LARGEST_BATCH):
            settle(path, messages)


def settle(path: Path, messages: list[Message]) -> None:
    """Book a batch. It has many causes and a span has one parent, so it links to every producer's span."""
    links = [Link(trace.get_current_span(message.context()).get_span_context()) for message in messages]
    attributes = outbox.attributes("shipments", operation="process")
    with tracer.start_as_current_span(
        "process shipments", kind=SpanKind.CONSUMER, links=links, attributes=attributes
    ) as span:
        span.set_attribute("messaging.batch.message_count", len(messages))
        amounts = [message.body["amount_cents"] for message in messages]
        span.set_attribute("settlement.amount_cents", sum(amounts))
        with database.transaction(path) as cursor:
            cursor.executemany(
                "UPDATE orders SET status = 'settled' WHERE id = ?",
                [(message.body["order_id"],) for message in messages],
            )
            outbox.done(cursor, messages)
        span.add_event("batch booked", {"settlement.orders": len(messages)})
