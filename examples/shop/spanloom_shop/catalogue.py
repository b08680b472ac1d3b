"""catalogue: the products, in SQLite. Now and then a search runs a query that nobody made an index for."""

import time
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException
from opentelemetry import trace

from spanloom_shop import database, products
from spanloom_shop.surroundings import Surroundings

SLOW_SEARCH_CHANCE = 0.08
SLOW_MS = 100

SEARCH = "SELECT id, name, price_cents FROM products WHERE name LIKE ? ORDER BY name LIMIT 20"
SEARCH_WITH_RELATED = """
SELECT id, name, price_cents, (
    SELECT count(*) FROM products AS other
    WHERE other.about LIKE '%' || p.name || '%' OR other.about LIKE '%' || p.kind
) AS related
FROM products AS p ORDER BY p.name LIKE ? DESC, related DESC LIMIT 20
"""
"""Compares every product with every other: 900,000 times, which takes some 300 ms."""


def create_app(shop: Surroundings) -> FastAPI:
    """Serve products by id and by word."""
    app = FastAPI(title="catalogue")
    path = shop.directory / "catalogue.sqlite"
    fill(path)

    # Not `async def`: FastAPI runs these on a thread, so that a slow query holds up nobody else.
    # The trace comes along, and each statement becomes a child span by itself.
    @app.get("/products/{product_id}")
    def product(product_id: int) -> dict[str, Any]:
        trace.get_current_span().set_attribute("product.id", product_id)
        with database.transaction(path) as cursor:
            cursor.execute("SELECT id, name, price_cents FROM products WHERE id = ?", (product_id,))
            row = cursor.fetchone()
        if row is None:
            raise HTTPException(404, "no such product")
        return as_product(row)

    @app.get("/products")
    def search(word: str = "") -> list[dict[str, Any]]:
        slow = bool(word) and shop.faults.strike("slow query", chance=SLOW_SEARCH_CHANCE)
        began = time.perf_counter()
        with database.transaction(path) as cursor:
            cursor.execute(SEARCH_WITH_RELATED if slow else SEARCH, (f"%{word}%",))
            rows = cursor.fetchall()
        describe_search(word, len(rows), (time.perf_counter() - began) * 1000)
        return [as_product(row) for row in rows]

    return app


def describe_search(word: str, count: int, milliseconds: float) -> None:
    """Say on the request's span what was searched; a slow query becomes an event of its own."""
    span = trace.get_current_span()
    span.set_attributes({"search.word": word, "search.result_count": count})
    if milliseconds > SLOW_MS:
        span.add_event("slow query", {"query.duration_ms": round(milliseconds), "query.rows": count})


def as_product(row: tuple[Any, ...]) -> dict[str, Any]:
    """The columns of one row by name."""
    return {"id": row[0], "name": row[1], "price_cents": row[2]}


def fill(path: Path) -> None:
    """Put what the shop sells into the database, unless it is there from the last run."""
    database.create(path, schema="catalogue.sql")
    with database.transaction(path) as cursor:
        # Past the tracing cursor: nobody asked for this, so it would be a trace of its own.
        insert = "INSERT OR IGNORE INTO products VALUES (?, ?, ?, ?, ?)"
        cursor.connection.executemany(insert, products.rows())
