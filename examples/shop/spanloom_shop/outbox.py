"""The queue between checkout, warehouse and settlement: a table, and the trace travels in each row."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.propagate import extract, inject
from opentelemetry.trace import SpanKind

from spanloom_shop import database

tracer = trace.get_tracer(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message and the headers that came with it."""

    id: int
    topic: str
    body: dict[str, Any]
    headers: dict[str, str]

    def context(self) -> Context:
        """The context of the span that sent this message: to be its child, or to link to it."""
        return extract(self.headers)


def send(cursor: sqlite3.Cursor, topic: str, body: dict[str, Any]) -> None:
    """Put a message into the queue, in the transaction of *cursor*: with the order, or not at all."""
    with tracer.start_as_current_span(f"send {topic}", kind=SpanKind.PRODUCER) as span:
        headers: dict[str, str] = {}
        inject(headers)  # after the span has begun, so that the consumer continues this very span
        cursor.execute(
            "INSERT INTO messages (topic, body, headers) VALUES (?, ?, ?)",
            (topic, json.dumps(body), json.dumps(headers)),
        )
        span.set_attributes(attributes(topic, operation="send"))
        span.set_attribute("messaging.message.id", str(cursor.lastrowid))


def waiting(path: Path, topic: str, *, most: int) -> list[Message]:
    """The oldest messages of *topic*. They stay until `done`, so each topic has one consumer."""
    # Asking five times a second would bury the shop's traces under those of an empty queue.
    with suppress_instrumentation(), database.transaction(path) as cursor:
        oldest = "SELECT id, body, headers FROM messages WHERE topic = ? ORDER BY id LIMIT ?"
        cursor.execute(oldest, (topic, most))
        return [
            Message(id=id_, topic=topic, body=json.loads(body), headers=json.loads(headers))
            for id_, body, headers in cursor.fetchall()
        ]


def done(cursor: sqlite3.Cursor, messages: Sequence[Message]) -> None:
    """Remove messages in the transaction that stores their effect: no message counts twice."""
    cursor.executemany("DELETE FROM messages WHERE id = ?", [(message.id,) for message in messages])


def attributes(topic: str, *, operation: str) -> dict[str, str]:
    """The attributes that every span of a queue has, by OpenTelemetry's conventions."""
    return {
        "messaging.system": "sqlite",
        "messaging.destination.name": topic,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
    }
