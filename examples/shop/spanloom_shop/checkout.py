"""checkout: turns a cart into an order: charges the card, stores the order and tells the warehouse."""

import asyncio
from pathlib import Path
from uuid import uuid4

import httpx
from fastapi import FastAPI, HTTPException
from opentelemetry import trace
from pydantic import BaseModel, Field

from spanloom_shop import database, outbox
from spanloom_shop.surroundings import Surroundings

tracer = trace.get_tracer(__name__)

PAYMENT_TIMEOUT_SECONDS = 1.0
BACK_OFF_SECONDS = (0.1, 0.3)
"""The waits between tries; there is one try more than there are waits."""


class Purchase(BaseModel):
    """Who wants to buy what is in the cart."""

    user_id: str


class Order(BaseModel):
    """A cart on its way to being paid."""

    order_id: str = Field(default_factory=lambda: uuid4().hex)
    user_id: str
    amount_cents: int


class PaymentFailed(Exception):
    """The card was not charged, and there is no point in trying again now."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def create_app(shop: Surroundings) -> FastAPI:
    """Serve orders."""
    app = FastAPI(title="checkout")
    cart, payment = shop.client("cart"), shop.client("payment")
    path = shop.directory / "orders.sqlite"
    database.create(path, schema="orders.sql")

    @app.post("/orders", status_code=201)
    async def place_order(purchase: Purchase) -> dict[str, str]:
        contents = (await cart.get(f"/carts/{purchase.user_id}")).raise_for_status().json()
        if not contents["items"]:
            raise HTTPException(409, "the cart is empty")
        order = Order(user_id=purchase.user_id, amount_cents=contents["total_cents"])
        # The request already has its SERVER span: what is known only here is added to it.
        trace.get_current_span().set_attributes(
            {"user.id": order.user_id, "order.id": order.order_id, "order.amount_cents": order.amount_cents}
        )
        try:
            await charge_card(payment, order)
        except PaymentFailed as exc:
            raise HTTPException(exc.status, str(exc)) from exc
        await asyncio.to_thread(store, path, order)  # the trace comes along into the thread
        await cart.delete(f"/carts/{order.user_id}")
        return {"order_id": order.order_id}

    return app


async def charge_card(payment: httpx.AsyncClient, order: Order) -> None:
    """Charge the card, trying again while the provider is away; raises PaymentFailed.

    One span holds all tries, each of which is a child; PaymentFailed is recorded on it as it leaves.
    """
    with tracer.start_as_current_span("charge card", attributes={"order.id": order.order_id}) as span:
        for attempt, wait in enumerate((*BACK_OFF_SECONDS, None), start=1):
            span.set_attribute("payment.attempts", attempt)
            error = await try_to_charge(payment, order)
            if error == "402":
                span.add_event("payment declined", {"order.amount_cents": order.amount_cents})
                raise PaymentFailed(402, "the card was declined")
            if not error:
                return
            if wait is None:
                raise PaymentFailed(503, f"the payment provider failed {attempt} times, at last with {error}")
            span.add_event(
                "retry scheduled",
                {"retry.attempt": attempt + 1, "retry.wait_ms": 1000 * wait, "error.type": error},
            )
            await asyncio.sleep(wait)


async def try_to_charge(payment: httpx.AsyncClient, order: Order) -> str:
    """Ask once; the answer is the error's type, or nothing where the card was charged."""
    try:
        response = await payment.post("/charges", json=order.model_dump(), timeout=PAYMENT_TIMEOUT_SECONDS)
    except httpx.TransportError as exc:
        return type(exc).__name__
    return "" if response.is_success else str(response.status_code)


def store(path: Path, order: Order) -> None:
    """Keep the order and the warehouse's message in one transaction: neither is ever without the other."""
    with tracer.start_as_current_span("store order"), database.transaction(path) as cursor:
        cursor.execute(
            "INSERT INTO orders (id, user_id, total_cents, status) VALUES (?, ?, ?, 'paid')",
            (order.order_id, order.user_id, order.amount_cents),
        )
        outbox.send(cursor, "orders", {"order_id": order.order_id, "amount_cents": order.amount_cents})
