"""A web application that knows nothing of Spanloom; its answers say which spans were made for them."""

import contextlib
import os
import sqlite3

from flask import Flask
from opentelemetry import trace

app = Flask(__name__)


@app.get("/work")
def work() -> dict[str, object]:
    """Make one span below the server's."""
    server = trace.get_current_span().get_span_context().span_id
    with trace.get_tracer("shop").start_as_current_span("work") as span:
        return {"pid": os.getpid(), "spans": [f"{server:016x}", f"{span.get_span_context().span_id:016x}"]}


@app.get("/orders/<int:number>")
def order(number: int) -> dict[str, object]:
    """Ask a database by its driver."""
    with contextlib.closing(sqlite3.connect(":memory:")) as plain:
        plain.cursor().execute("SELECT 2")
    return {"number": number}
