"""Fork, threads, asyncio, signals and the interpreter's end: where tracing must be no trouble."""

import asyncio
import gc
import itertools
import logging
import sys
import threading
import time
import weakref
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry.context import Context
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import get_current_span, set_span_in_context

from spanloom_instrumentation import TracerProvider
from spanloom_instrumentation.datagrams import UdpSender
from spanloom_instrumentation.queue import SpanQueue
from spanloom_instrumentation.resource import Resource
from spanloom_model.datagram import Datagram
from tests.instrumentation.doubles import AgentDouble, Traced, attributes, names, run_program, spans

START = """
import atexit, os, signal, socket, sys, threading, time
import spanloom_instrumentation
from opentelemetry import trace
provider = spanloom_instrumentation.configure(service="checkout")
tracer = trace.get_tracer("shop")
"""


def resources(datagrams: list[Datagram]) -> list[dict[str, object]]:
    """The resource of each datagram."""
    return [
        attributes(ExportTraceServiceRequest.FromString(one.payload).resource_spans[0].resource)
        for one in datagrams
    ]


# Fork


def test_forked_workers_make_ids_of_their_own(agent: AgentDouble) -> None:
    """Two workers of one server never write to one trace."""
    program = """
tracer.start_span("parent").end()
for number in range(4):
    if os.fork() == 0:
        tracer.start_span(f"child {number}").end()
        provider.shutdown()
        os._exit(0)
    os.wait()
"""
    run_program(START + program, agent)
    sent = list(spans(agent.received()))
    assert len(sent) == 5
    assert len({span.trace_id for span in sent}) == len({span.span_id for span in sent}) == 5


def test_forked_worker_describes_itself(agent: AgentDouble) -> None:
    """A span says which process made it, not which process was forked."""
    program = """
tracer.start_span("parent").end()
if os.fork() == 0:
    tracer.start_span("child").end()
    provider.shutdown()
    os._exit(0)
os.wait()
"""
    run_program(START + program, agent, OTEL_RESOURCE_ATTRIBUTES="team=payments")
    child, parent = resources(agent.received())
    assert child["process.parent_pid"] == parent["process.pid"] != child["process.pid"]
    assert child["service.instance.id"] != parent["service.instance.id"]
    assert child["team"] == parent["team"] == "payments"
    assert child["service.name"] == "checkout"


def test_fork_at_full_load_leaves_a_worker_that_works(agent: AgentDouble) -> None:
    """Whatever other threads do at the moment of a fork, the child can trace and end."""
    program = """
done = False
def work():
    while not done:
        with tracer.start_as_current_span("busy", attributes={"a": 1}):
            pass
        time.sleep(0.0001)
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
for number in range(25):
    if os.fork() == 0:
        signal.alarm(5)
        with tracer.start_as_current_span("child"):
            pass
        provider.shutdown()
        os._exit(0)
    assert os.wait()[1] == 0
done = True
"""
    run_program(START + program, agent)
    assert Counter(names(agent.received()))["child"] == 25


# Threads


def test_threads_lose_and_repeat_nothing(here: Traced) -> None:
    """Each span of each thread arrives once, below its own parent, and the sequence adds up."""
    tracer = here.provider.get_tracer("shop")

    def work(thread: int) -> None:
        for number in range(150):
            with (
                tracer.start_as_current_span(f"{thread}"),
                tracer.start_as_current_span(f"{thread}.{number}"),
            ):
                pass

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent = here.spans()
    assert len(sent) == len({span.span_id for span in sent}) == 8 * 150 * 2
    by_id = {span.span_id: span for span in sent}
    for span in sent:
        if span.parent_span_id:
            assert span.name.split(".")[0] == by_id[span.parent_span_id].name
    expected = 0
    for one in here.datagrams:
        assert one.sequence == expected
        expected += one.span_count


def test_spans_that_threads_give_up_on_are_counted_exactly(agent: AgentDouble) -> None:
    """However many threads make more than the queue holds, sent and dropped are what was made."""
    program = """
def work():
    for _ in range(20_000):
        tracer.start_span("made").end()
sys.setswitchinterval(1e-5)
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
provider.shutdown()
"""
    run_program(START + program, agent, OTEL_BSP_MAX_QUEUE_SIZE="50", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="50")
    sent = sum(one.span_count for one in agent.received())
    (end,) = agent.ends
    assert end.dropped_count > 0
    assert (end.sequence, end.sequence + end.dropped_count) == (sent, 8 * 20_000)


def test_process_that_ends_says_how_much_there_was(agent: AgentDouble) -> None:
    """Even of the very last spans the agent knows how many it has missed; who has sent none says nothing."""
    run_program(START + "for _ in range(3): tracer.start_span('work').end()", agent)
    assert [one.span_count for one in agent.received()] == [3]
    (end,) = agent.ends
    assert (end.service, end.sequence, end.span_count, end.payload) == ("checkout", 3, 0, b"")
    run_program(START, agent)
    assert agent.received() == []
    assert len(agent.ends) == 1


def test_flushes_beside_the_end_send_nothing_twice() -> None:
    """Threads that flush while the program ends neither fail nor disturb the sequence."""
    here = Traced(TracerProvider(resource=Resource({"service.name": "shop"}), shutdown_on_exit=False))

    def take(data: bytes) -> None:
        time.sleep(0.001)
        here.take(data)

    here.provider.add_span_processor(SpanQueue(UdpSender("", send=take), batch_spans=10))
    tracer = here.provider.get_tracer("shop")
    for _ in range(1000):
        tracer.start_span("made").end()
    with ThreadPoolExecutor(6) as threads:
        flushes = [threads.submit(here.provider.force_flush, 100) for _ in range(200)]
        here.provider.shutdown()
        for one in flushes:
            one.result()
    sequence = [one.sequence for one in here.datagrams]
    assert sequence == list(itertools.accumulate((one.span_count for one in here.datagrams[:-1]), initial=0))
    assert (sequence[-1], here.datagrams[-1].dropped_count) == (1000, 0)


def test_program_does_not_wait_for_a_stuck_network(agent: AgentDouble) -> None:
    """A resolver that hangs for a minute costs spans, but no time, not even at the end."""
    program = """
import socket
socket.getaddrinfo = lambda *_, **__: time.sleep(60)
began = time.monotonic()
for number in range(20_000):
    tracer.start_span("made").end()
print(time.monotonic() - began < 2)
began = time.monotonic()
print(provider.force_flush(200), time.monotonic() - began < 1)
"""
    began = time.monotonic()
    assert run_program(START + program, agent).stdout.split() == ["True", "False", "True"]
    assert time.monotonic() - began < 8


def test_long_chains_of_spans_are_forgotten(here: Traced) -> None:
    """A job that starts the next one, for ever, does not keep all that went before in memory."""
    tracer = here.provider.get_tracer("shop")
    first = span = tracer.start_span("job")
    for _ in range(100):
        span.end()
        span = tracer.start_span("job", context=set_span_in_context(span, Context()))
    gone = weakref.ref(first)
    del first
    assert here.provider.force_flush()
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("order", ["gevent first", "configure first"])
def test_gevent_does_not_wait(order: str, agent: AgentDouble) -> None:
    """Whether gevent patches before or after: greenlets go on while spans are sent, and all arrive."""
    patch = "from gevent import monkey; monkey.patch_all()\n"
    program = """
import gevent
def work(number):
    for turn in range(20):
        with tracer.start_as_current_span(f"{number}"):
            gevent.sleep(0.001)
gevent.joinall([gevent.spawn(work, number) for number in range(10)])
tracer.start_span("last").end()
print(provider.force_flush(5000))
time.sleep(0.3)
"""
    run = run_program(patch + START + program if order == "gevent first" else START + patch + program, agent)
    assert (run.stdout, run.stderr) == ("True\n", "")
    assert Counter(names(agent.received())) == {"last": 1} | {f"{number}": 20 for number in range(10)}


# asyncio


async def test_tasks_have_parents_of_their_own(here: Traced) -> None:
    """Requests that are served at the same time do not mix."""
    tracer = here.provider.get_tracer("shop")

    async def request(number: int) -> None:
        with tracer.start_as_current_span(f"request {number}"):
            await asyncio.sleep(0.001)
            with tracer.start_as_current_span(f"query {number}"):
                await asyncio.sleep(0.001)

    await asyncio.gather(*(request(number) for number in range(50)))
    by_id = {span.span_id: span for span in here.spans()}
    for span in by_id.values():
        if span.name.startswith("query"):
            assert by_id[span.parent_span_id].name == span.name.replace("query", "request")


async def test_generator_that_is_left_early_is_no_trouble(
    here: Traced, caplog: pytest.LogCaptureFixture
) -> None:
    """A stream that its reader gives up on ends its span elsewhere; nothing is logged or stays current."""
    tracer = here.provider.get_tracer("shop")

    async def stream() -> AsyncIterator[int]:
        with tracer.start_as_current_span("stream"):
            for number in range(10):
                yield number

    async def read() -> None:
        async for _ in stream():
            break

    await asyncio.create_task(read())
    gc.collect()
    await asyncio.sleep(0.01)
    assert here.span().name == "stream"
    assert not get_current_span().get_span_context().is_valid
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


# Signals


def test_signal_handlers_may_trace(agent: AgentDouble) -> None:
    """A handler that makes spans interrupts the main thread anywhere in ours; nobody waits for himself."""
    program = """
watchdog = threading.Timer(20, os._exit, (3,))
watchdog.daemon = True
watchdog.start()
handled = made = 0
def handle(*_):
    global handled
    handled += 1
    span = tracer.start_span("handled", attributes={"number": handled})
    trace.get_current_span().set_attribute("handled", handled)
    trace.get_current_span().add_event("handled")
    span.end()
    if handled % 50 == 0:
        provider.force_flush(1000)
signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
deadline = time.monotonic() + 2
while time.monotonic() < deadline:
    with tracer.start_as_current_span("made"):
        made += 1
signal.setitimer(signal.ITIMER_REAL, 0)
provider.force_flush()
tracer.start_span("last").end()
print(made + handled + 1)
"""
    run = run_program(START + program, agent)
    assert run.stderr == ""
    made = int(run.stdout)
    datagrams = agent.received()
    assert len({span.span_id for span in spans(datagrams)}) == sum(one.span_count for one in datagrams)
    assert sum(one.span_count for one in datagrams) + datagrams[-1].dropped_count == made


def test_sigterm_that_ends_the_program_in_order_loses_nothing(agent: AgentDouble) -> None:
    """A container that is stopped has sent its last span."""
    program = """
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with tracer.start_as_current_span("work"):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
"""
    run_program(START + program, agent)
    (sent,) = spans(agent.received())
    assert (sent.name, sent.status.code) == ("work", 0)


# The interpreter's end


def test_spans_that_end_after_everything_are_no_trouble(agent: AgentDouble) -> None:
    """Handlers that run after ours and objects that die last end spans; nothing is printed or raised."""
    program = """
class Last:
    def __init__(self): self.span = tracer.start_span("last")
    def __del__(self):
        self.span.set_attribute("late", 1)
        self.span.add_event("late")
        self.span.end()
        with tracer.start_as_current_span("even later"): pass
kept = Last()
cycle = [Last()]; cycle.append(cycle)
"""
    early = """
import atexit
def late():
    with tracer.start_as_current_span("late"): pass
    print(provider.force_flush())
atexit.register(late)
"""
    run = run_program(early + START + program, agent)
    assert run.stderr == ""
    assert run.stdout == "True\n"


def test_threads_that_go_on_are_no_trouble(agent: AgentDouble) -> None:
    """Daemon threads that still make spans when the interpreter ends do not crash it."""
    program = """
def work():
    while True:
        with tracer.start_as_current_span("busy"):
            pass
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.1)
"""
    assert run_program(START + program, agent).stderr == ""


def test_neither_sdk_nor_protobuf_is_imported(agent: AgentDouble) -> None:
    """A service waits for what it uses: the SDK and protobuf double the time of its start."""
    program = """
with tracer.start_as_current_span("work", attributes={"a": [1]}): pass
provider.shutdown()
dear = "opentelemetry.sdk", "google", "importlib.metadata", "encodings.idna"
print([name for name in sys.modules if name.startswith(dear)])
"""
    assert run_program(START + program, agent).stdout == "[]\n"
    assert names(agent.received()) == ["work"]


# Whatever the application does


def test_exception_at_the_end_of_the_stack_is_still_that_exception(here: Traced) -> None:
    """Where there is no room left to record an error, the application gets its own, not one of ours."""
    tracer = here.provider.get_tracer("shop")

    def down(depth: int) -> None:
        if depth:
            down(depth - 1)
        else:
            with tracer.start_as_current_span("deep"):
                raise KeyError("its own")

    def down_to(room: int) -> type[BaseException] | None:
        frame, depth = sys._getframe(), 0
        while frame := frame.f_back:  # type: ignore[assignment]  # until there is none
            depth += 1
        try:
            down(sys.getrecursionlimit() - depth - room)
        except (KeyError, RecursionError) as exc:
            return type(exc)
        return None

    with tracer.start_as_current_span("request"):
        raised = [down_to(room) for room in range(60)]
    first = raised.index(KeyError)
    assert first < 20, "where there is room for the span there is for its end"
    assert set(raised[first:]) == {KeyError}


def test_event_may_be_called_anything(here: Traced) -> None:
    """Who adds an exception as an event, instead of its text, learns what it says."""

    class Unspeakable:
        def __str__(self) -> str:
            raise ValueError

    with here.provider.get_tracer("shop").start_as_current_span("made") as span:
        span.add_event(TimeoutError("after 3 s"))  # type: ignore[arg-type]  # a mistake
        span.add_event(Unspeakable())  # type: ignore[arg-type]  # wrong on purpose
        span.record_exception("a text")  # type: ignore[arg-type]  # wrong on purpose
    assert [event.name for event in here.span().events] == ["after 3 s", "(its __str__ raises)", "exception"]
    assert attributes(here.span().events[2])["exception.message"] == "a text"


def test_tracers_named_after_requests_are_forgotten(here: Traced) -> None:
    """A service that asks for a tracer of a new name at each request does not grow for ever."""
    first = weakref.ref(here.provider.get_tracer("shop"))
    assert here.provider.get_tracer("shop") is first()
    for number in range(2000):
        here.provider.get_tracer(f"request {number}")
    gc.collect()
    assert first() is None
