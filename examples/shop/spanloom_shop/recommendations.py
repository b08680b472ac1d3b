"""recommendations: what others bought. One page asks the catalogue for 30 products at once."""

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI
from opentelemetry import trace

from spanloom_shop.products import PRODUCTS
from spanloom_shop.surroundings import Surroundings

tracer = trace.get_tracer(__name__)

CANDIDATES = 30


def create_app(shop: Surroundings) -> FastAPI:
    """Serve the products to show beside one product."""
    app = FastAPI(title="recommendations")
    catalogue = shop.client("catalogue")

    @app.get("/recommendations/{product_id}")
    async def recommend(product_id: int) -> list[dict[str, Any]]:
        trace.get_current_span().set_attribute("product.id", product_id)
        products = await fetch(catalogue, candidates(product_id))
        with tracer.start_as_current_span("rank products") as span:
            best = sorted(products, key=lambda product: int(product["price_cents"]))[:5]
            span.set_attributes({"ranking.candidates": len(products), "ranking.chosen": len(best)})
        return best

    return app


async def fetch(catalogue: httpx.AsyncClient, ids: list[int]) -> list[dict[str, Any]]:
    """Ask for all products at once: the span's children lie side by side, not one after another."""
    with tracer.start_as_current_span("fetch candidates", attributes={"fetch.candidates": len(ids)}):
        responses = await asyncio.gather(*(catalogue.get(f"/products/{product_id}") for product_id in ids))
    return [response.json() for response in responses if response.is_success]


def candidates(product_id: int) -> list[int]:
    """The products bought together with this one: far apart, so that no cache would help."""
    return [(product_id + 31 * step) % PRODUCTS + 1 for step in range(1, CANDIDATES + 1)]
