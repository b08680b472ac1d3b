"""The same for ASGI, with another database."""

import os

from fastapi import FastAPI
from opentelemetry import trace
from sqlalchemy import create_engine, text

app = FastAPI()


@app.get("/work")
async def work() -> dict[str, object]:
    """Make one span below the server's."""
    server = trace.get_current_span().get_span_context().span_id
    with trace.get_tracer("shop").start_as_current_span("work") as span:
        return {"pid": os.getpid(), "spans": [f"{server:016x}", f"{span.get_span_context().span_id:016x}"]}


@app.get("/orders/{number}")
def order(number: int) -> dict[str, object]:
    """Ask a database through SQLAlchemy."""
    with create_engine("sqlite://").connect() as connection:
        connection.execute(text("SELECT 1")).one()
    return {"number": number}
