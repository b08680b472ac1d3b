"""A service as teams write them: orders from a database, what is in stock of them from another service.

python -m benchmarks.overhead.service untraced|packages|spanloom|sdk PORT STOCK_URL
"""

import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import httpx
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

ORDERS: Final = 1000
LINES: Final = 12
PRODUCTS: Final = 200

SCHEMA: Final = """
CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, price_cents INTEGER);
CREATE TABLE lines (order_id INTEGER, product_id INTEGER, quantity INTEGER);
CREATE INDEX lines_by_order ON lines (order_id);
"""
QUERY: Final = """
SELECT product_id, name, quantity, quantity * price_cents AS total_cents
FROM lines JOIN products ON products.id = product_id WHERE order_id = ? ORDER BY total_cents DESC
"""


class Line(BaseModel):
    """What was ordered of one product, and whether it is there."""

    product_id: int
    name: str
    quantity: int
    total_cents: int
    in_stock: bool


class Order(BaseModel):
    """An order, as a client sees it."""

    id: int
    total_cents: int
    lines: list[Line]


def database() -> sqlite3.Connection:
    """All orders, in memory; opened after the instrumentation, which looks at what is opened."""
    found = sqlite3.connect(":memory:")
    found.executescript(SCHEMA)
    found.executemany(
        "INSERT INTO products VALUES (?, ?, ?)",
        [(number, f"product {number}", 100 + number * 7) for number in range(PRODUCTS)],
    )
    found.executemany(
        "INSERT INTO lines VALUES (?, ?, ?)",
        [
            (order, (order * 7 + line * 13) % PRODUCTS, 1 + (order + line) % 3)
            for order in range(ORDERS)
            for line in range(LINES)
        ],
    )
    return found


def create_app(stock_url: str) -> FastAPI:
    """One route: a query, a call of another service, JSON."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.database = database()
        async with httpx.AsyncClient(base_url=stock_url) as app.state.stock:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/orders/{order_id}")
    async def order(order_id: int) -> Order:
        rows = app.state.database.execute(QUERY, (order_id,)).fetchall()
        stock = (await app.state.stock.get("/stock")).json()
        lines = [
            Line(
                product_id=product_id,
                name=name,
                quantity=quantity,
                total_cents=total_cents,
                in_stock=stock[product_id % len(stock)] >= quantity,
            )
            for product_id, name, quantity, total_cents in rows
        ]
        return Order(id=order_id, total_cents=sum(line.total_cents for line in lines), lines=lines)

    return app


def instrumented(app: FastAPI) -> None:
    """OpenTelemetry's packages for what the service uses, with all that they do by default."""
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415  # untraced has none
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor  # noqa: PLC0415  # as above
    from opentelemetry.instrumentation.sqlite3 import SQLite3Instrumentor  # noqa: PLC0415  # as above

    FastAPIInstrumentor.instrument_app(app)
    HTTPXClientInstrumentor().instrument()
    SQLite3Instrumentor().instrument()


def ours() -> None:
    """Spanloom's tracer."""
    import spanloom_instrumentation  # noqa: PLC0415  # only who is measured with it

    spanloom_instrumentation.configure()


def theirs() -> None:
    """OpenTelemetry's SDK, as its documentation sets it up."""
    from opentelemetry import trace  # noqa: PLC0415  # only who is measured with it
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  # as above
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  # as above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  # as above

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


TRACERS: Final[Mapping[str, Callable[[], None]]] = {
    "packages": lambda: None,
    "spanloom": ours,
    "sdk": theirs,
}


def main() -> None:
    """Serve, until told to end."""
    traced, port, stock_url = sys.argv[1:]
    app = create_app(stock_url)
    if traced != "untraced":
        TRACERS[traced]()
        instrumented(app)
    uvicorn.run(app, port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
