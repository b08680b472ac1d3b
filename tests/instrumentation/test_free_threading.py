"""Threads that really run at the same time, as without the GIL: no span is lost, doubled or torn."""

import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from opentelemetry.trace import Span

from spanloom_instrumentation import TracerProvider
from spanloom_instrumentation.datagrams import UdpSender
from spanloom_instrumentation.queue import SpanQueue
from spanloom_instrumentation.resource import Resource
from tests.instrumentation.doubles import Traced, attributes, threads_in

THREADS = 8
TIMES = 200


@pytest.fixture(autouse=True)
def _busy() -> Iterator[None]:
    """Where there is a GIL, it changes hands as often as it can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@contextmanager
def roomy() -> Iterator[Traced]:
    """A provider whose queue holds all that these tests make."""
    found = Traced(TracerProvider(resource=Resource({"service.name": "shop"}), shutdown_on_exit=False))
    found.provider.add_span_processor(SpanQueue(UdpSender("", send=found.take), max_queued_spans=10**6))
    try:
        yield found
    finally:
        found.provider.shutdown()


def at_once(work: Callable[[int], None]) -> None:
    """Do it in all threads; raises what one of them raises."""
    start = threading.Barrier(THREADS)
    failed: list[Exception] = []

    def run(thread: int) -> None:
        try:
            start.wait()
            work(thread)
        except Exception as exc:  # noqa: BLE001  # raised again below
            failed.append(exc)

    threads = [threading.Thread(target=run, args=(thread,)) for thread in range(THREADS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    if failed:
        raise failed[0]


def test_spans_of_many_threads_arrive_once_and_whole() -> None:
    """What a span says of itself is what its own thread said, and the sequence has no gaps."""
    with roomy() as here:
        tracer = here.provider.get_tracer("shop")

        def work(thread: int) -> None:
            for number in range(TIMES * 10):
                said = f"{thread}/{number}"
                with tracer.start_as_current_span(said, attributes={"thread": thread, "said": said}) as span:
                    span.set_attribute("number", number)
                    span.add_event("event", {"said": said})

        at_once(work)
        sent = here.spans()
    assert {span.name for span in sent} == {f"{t}/{n}" for t in range(THREADS) for n in range(TIMES * 10)}
    assert len(sent) == len({span.span_id for span in sent}) == THREADS * TIMES * 10
    for span in sent:
        thread, _, number = span.name.partition("/")
        assert attributes(span) == {"thread": int(thread), "said": span.name, "number": int(number)}
        assert [attributes(event) for event in span.events] == [{"said": span.name}]
    counts = [one.span_count for one in here.datagrams]
    assert [one.sequence for one in here.datagrams] == list(itertools.accumulate(counts[:-1], initial=0))


def test_span_that_many_threads_end_arrives_once() -> None:
    """A request that ends by its answer and by its time-out at the same moment is one request."""
    with roomy() as here:
        tracer = here.provider.get_tracer("shop")
        shared = [tracer.start_span(f"{number}") for number in range(TIMES)]
        each_in_turn(shared, lambda span: span.end())
        assert sorted(int(span.name) for span in here.spans()) == list(range(TIMES))


def test_span_that_many_threads_speak_of_has_what_all_said() -> None:
    """Workers that share their request's span do not take its events from each other."""
    with roomy() as here:
        tracer = here.provider.get_tracer("shop")
        shared = [tracer.start_span(f"{number}") for number in range(TIMES)]
        each_in_turn(shared, lambda span: span.add_event("worked"))
        for one in shared:
            one.end()
        assert {len(span.events) for span in here.spans()} == {THREADS}


def each_in_turn(shared: list[Span], work: Callable[[Span], None]) -> None:
    """All threads do it with the first span at the same moment, then with the next."""
    step = threading.Barrier(THREADS)

    def run(_: int) -> None:
        for one in shared:
            step.wait()
            work(one)

    at_once(run)


def test_first_spans_of_many_threads_start_one_sender() -> None:
    """However a process begins, one thread sends."""
    for _ in range(20):
        with roomy() as here:
            before = threads_in(SpanQueue._run)
            tracer = here.provider.get_tracer("shop")
            each_in_turn([tracer.start_span("first") for _ in range(2)], lambda span: span.end())
            assert len(here.spans()) == 2
            assert threads_in(SpanQueue._run) == before + 1
