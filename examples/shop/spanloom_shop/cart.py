"""cart: what each shopper means to buy. Prices come from a cache; after a flush, all are missed."""

import asyncio
from collections import defaultdict
from typing import Any

import httpx
from fastapi import FastAPI, Response
from opentelemetry import trace
from pydantic import BaseModel

from spanloom_shop.faults import Faults
from spanloom_shop.surroundings import Surroundings

FLUSH_CHANCE = 0.03
MOST_ITEMS = 12


class Item(BaseModel):
    """A product in a cart."""

    product_id: int
    quantity: int = 1


class Prices:
    """The catalogue's prices, kept in memory until something flushes them."""

    def __init__(self, catalogue: httpx.AsyncClient, faults: Faults) -> None:
        self._catalogue = catalogue
        self._faults = faults
        self._cents: dict[int, int] = {}

    async def of(self, items: list[Item]) -> list[int]:
        """The price of each item; those that are not cached are all asked for at once."""
        span = trace.get_current_span()
        if self._faults.strike("cache flushed", chance=FLUSH_CHANCE):
            span.add_event("cache flushed", {"cache.entries": len(self._cents)})
            self._cents.clear()
        missing = sorted({item.product_id for item in items} - self._cents.keys())
        # Two numbers on each span, so that a search can ask for cart.cache.misses > 5.
        span.set_attributes({"cart.cache.hits": len(items) - len(missing), "cart.cache.misses": len(missing)})
        await asyncio.gather(*(self._ask(product_id) for product_id in missing))
        return [self._cents.get(item.product_id, 0) for item in items]

    async def _ask(self, product_id: int) -> None:
        trace.get_current_span().add_event("cache miss", {"cache.key": f"price/{product_id}"})
        response = await self._catalogue.get(f"/products/{product_id}")
        if response.is_success:
            self._cents[product_id] = response.json()["price_cents"]


def create_app(shop: Surroundings) -> FastAPI:
    """Serve carts, kept in memory."""
    app = FastAPI(title="cart")
    prices = Prices(shop.client("catalogue"), shop.faults)
    carts: dict[str, list[Item]] = defaultdict(list)

    @app.post("/carts/{user_id}/items", status_code=201)
    async def add(user_id: str, item: Item) -> dict[str, int]:
        carts[user_id] = [*carts[user_id], item][-MOST_ITEMS:]
        describe(user_id, carts[user_id])
        return {"items": len(carts[user_id])}

    @app.get("/carts/{user_id}")
    async def show(user_id: str) -> dict[str, Any]:
        items = carts[user_id]
        describe(user_id, items)
        cents = await prices.of(items)
        total = sum(price * item.quantity for price, item in zip(cents, items, strict=True))
        return {"items": [item.model_dump() for item in items], "total_cents": total}

    @app.delete("/carts/{user_id}")
    async def empty(user_id: str) -> Response:
        carts.pop(user_id, None)
        return Response(status_code=204)

    return app


def describe(user_id: str, items: list[Item]) -> None:
    """Say on the request's span whose cart it is and how full."""
    trace.get_current_span().set_attributes({"user.id": user_id, "cart.items": len(items)})
