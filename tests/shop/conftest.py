"""A shop for each test, with the spans kept in memory."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.sqlite3 import SQLite3Instrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from spanloom_shop import checkout, outbox, payment, recommendations, settlement, warehouse

from .in_process import ShopInProcess
from .spans import Spans

SPAN_MAKERS = (recommendations, payment, checkout, outbox, warehouse, settlement)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    """All spans that the shop makes during the test."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    # OpenTelemetry lets a process set its provider once; a test has one of its own.
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    for module in SPAN_MAKERS:
        monkeypatch.setattr(module, "tracer", provider.get_tracer(module.__name__))
    SQLite3Instrumentor().instrument(tracer_provider=provider)
    yield Spans(exporter)
    SQLite3Instrumentor().uninstrument()
    provider.shutdown()


@pytest.fixture
async def shop(spans: Spans, tmp_path: Path) -> AsyncIterator[ShopInProcess]:
    """A shop in which nothing goes wrong unless the test says so."""
    shop = ShopInProcess(tmp_path)
    yield shop
    await shop.close()
