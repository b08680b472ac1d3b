"""What an application says carelessly, all day, does not stay in its memory."""

import contextlib
import gc
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AnyValue

from spanloom_instrumentation import TracerProvider
from spanloom_instrumentation.datagrams import UdpSender
from spanloom_instrumentation.queue import SpanQueue

ROUNDS = 20
MOST_BYTES = 4_000_000
"""Caches fill: 2 MB of attributes, 1,024 names of each kind."""


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    """One that sends to nobody."""
    found = TracerProvider(shutdown_on_exit=False)
    found.add_span_processor(SpanQueue(UdpSender("", send=lambda _: None)))
    yield found
    found.shutdown()


def names_of_their_own(provider: TracerProvider) -> None:
    """Spans that are called by what they are about."""
    tracer = provider.get_tracer("shop")
    for kind in SpanKind:
        for _ in range(100):
            tracer.start_span(f"GET /orders/{uuid4()}", kind=kind).end()


def long_names(provider: TracerProvider) -> None:
    """Whole queries as names, and keys that are values."""
    tracer = provider.get_tracer("shop")
    for _ in range(50):
        text = str(uuid4()) * 500
        with tracer.start_as_current_span(
            text, attributes={text: 1, f"{text}!": "x", f"{text}?": True}
        ) as span:
            span.add_event(text, {text: "x"})


def attributes_of_their_own(provider: TracerProvider) -> None:
    """Values that never come again, of many keys and types."""
    tracer = provider.get_tracer("shop")
    for number in range(100):
        said: dict[str, AnyValue] = {
            f"key {number}": str(uuid4()),
            f"key {uuid4()}": number,
            "id": uuid4().int,
            "ids": [str(uuid4())],
            "price": number / 7,
        }
        with tracer.start_as_current_span("buy", attributes=said) as span:
            span.add_event(str(uuid4()), {f"key {uuid4()}": str(uuid4())})


def a_tracer_for_each_request(provider: TracerProvider) -> None:
    """Scopes without number."""
    for _ in range(400):
        provider.get_tracer(f"request {uuid4()}", attributes={"id": str(uuid4())}).start_span("work").end()


def a_thread_for_each_request(provider: TracerProvider) -> None:
    """Threads that come and go, each of which fails."""
    tracer = provider.get_tracer("shop")

    def work() -> None:
        with contextlib.suppress(ValueError), tracer.start_as_current_span("work"):
            int(str(uuid4()) * 100)

    for _ in range(50):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()


@pytest.mark.parametrize(
    "habit",
    [
        names_of_their_own,
        long_names,
        attributes_of_their_own,
        a_tracer_for_each_request,
        a_thread_for_each_request,
    ],
)
def test_habits_of_applications_do_not_cost_ever_more_memory(
    provider: TracerProvider, habit: Callable[[TracerProvider], None]
) -> None:
    """A service that has run for a month holds what it held after an hour."""
    habit(provider)  # what is made once
    tracemalloc.start()
    try:
        for _ in range(ROUNDS):
            habit(provider)
            assert provider.force_flush()
            gc.collect()
            assert tracemalloc.get_traced_memory()[0] < MOST_BYTES
    finally:
        tracemalloc.stop()


def test_flushes_that_are_not_waited_for_leave_nothing() -> None:
    """A function that flushes after each call does not fill its memory while the network hangs."""
    hangs = threading.Event()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanQueue(UdpSender("", send=lambda _: hangs.wait())))
    provider.get_tracer("shop").start_span("work").end()
    tracemalloc.start()
    try:
        for _ in range(5000):
            assert not provider.force_flush(0)
        assert tracemalloc.get_traced_memory()[0] < 100_000
    finally:
        tracemalloc.stop()
        hangs.set()
        provider.shutdown()
