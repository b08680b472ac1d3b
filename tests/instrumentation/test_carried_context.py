"""Where the context goes by itself, where it is carried, and where it must not stay."""

import asyncio
import contextlib
import contextvars
import multiprocessing
import pickle
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from queue import Queue
from typing import Any

import pytest
from opentelemetry import baggage, trace
from opentelemetry.context import Context, get_current
from opentelemetry.propagate import extract, inject
from opentelemetry.trace import get_current_span

from spanloom_instrumentation import attached, carrying, carrying_executor, links_to, traced
from tests.instrumentation.doubles import AgentDouble, run_program, spans
from tests.instrumentation.made import Made


def block(name: str) -> AbstractContextManager[trace.Span]:
    """A span of the provider that this test has."""
    return trace.get_tracer("test").start_as_current_span(name)


def current_name(*_: object) -> str:
    """The name of the current span; nothing where there is none."""
    return str(getattr(get_current_span(), "name", ""))


class Noted:
    """A callback that notes what is current when it is called."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._called = threading.Event()

    def __call__(self, *_: object) -> None:
        """Be called back."""
        self.names.append(current_name())
        self._called.set()

    def wait(self) -> list[str]:
        """What was current, once it has been called."""
        assert self._called.wait(10)
        return self.names


# Threads


def test_threads_and_timers_run_where_they_were_made(made: Made) -> None:
    """Without help a thread has no context; with it, that of who made it, even after that span's end."""
    noted = Noted()
    with block("request"):
        threads: list[threading.Thread] = [
            threading.Thread(target=noted),
            threading.Thread(target=carrying(noted)),
            threading.Timer(0.001, carrying(noted)),
        ]
    for thread in threads:
        thread.start()
        thread.join()
    assert noted.names == ["", "request", "request"]


def test_pool_carries_each_tasks_own_context(made: Made) -> None:
    """Of a thread that serves one request after the other, none leaks into the next or into nobody's."""
    with carrying_executor(ThreadPoolExecutor(1)) as pool:
        for number in range(3):
            with block(f"request {number}"):
                assert pool.submit(current_name).result() == f"request {number}"
                assert list(pool.map(current_name, [1, 2])) == [f"request {number}"] * 2
            assert pool.submit(current_name).result() == ""
        with block("failing"), pytest.raises(ZeroDivisionError):
            pool.submit(lambda: 1 // 0).result()
        assert pool.submit(current_name).result() == ""
        assert isinstance(pool, ThreadPoolExecutor)


def test_pool_that_is_used_at_the_same_time_mixes_nothing(made: Made) -> None:
    """Requests that share a pool, and a function that carries one context into several threads."""
    together = threading.Barrier(3)

    def work() -> str:
        together.wait(10)
        return current_name()

    with ThreadPoolExecutor(3) as plain, carrying_executor(ThreadPoolExecutor(3)) as pool:
        with block("shared"):
            shared = carrying(work)
        assert [one.result() for one in [plain.submit(shared) for _ in range(3)]] == ["shared"] * 3
        futures: list[Future[str]] = []
        for number in range(3):
            with block(f"request {number}"):
                futures.append(pool.submit(work))
        assert [one.result() for one in futures] == ["request 0", "request 1", "request 2"]


def test_callbacks_of_futures(made: Made) -> None:
    """A callback runs in whichever thread is there, but for the span that asked for it."""
    noted = Noted()
    with ThreadPoolExecutor(1) as pool:
        gate = threading.Event()
        future = pool.submit(gate.wait, 10)
        with block("request"):
            future.add_done_callback(carrying(noted))
        gate.set()
        assert noted.wait() == ["request"]


def test_baggage_is_carried_too(made: Made) -> None:
    """The whole context goes along, not its span alone; the application's own variables do not."""
    variable = contextvars.ContextVar("variable", default="thread's own")
    variable.set("caller's")
    with attached(baggage.set_baggage("customer", "c-1")):
        work = carrying(lambda: (baggage.get_baggage("customer"), variable.get()))
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() == ("c-1", "thread's own")


# asyncio


async def test_asyncio_needs_no_help(made: Made) -> None:
    """Tasks, threads of `to_thread`, callbacks and timers of the loop have the context of their maker."""
    loop = asyncio.get_running_loop()
    noted = Noted()
    future = loop.create_future()

    async def coroutine() -> str:
        return current_name()

    with block("request"):
        task = asyncio.create_task(coroutine())
        thread = asyncio.create_task(asyncio.to_thread(current_name))
        loop.call_soon(noted)
        loop.call_later(0.001, noted)
        future.add_done_callback(noted)
    future.set_result(None)
    assert [await task, await thread] == ["request"] * 2
    await asyncio.sleep(0.02)
    assert noted.names == ["request"] * 3


async def test_threads_give_the_loop_their_context(made: Made) -> None:
    """What a thread hands to the loop runs there for the thread's span."""
    loop = asyncio.get_running_loop()

    async def coroutine() -> str:
        return current_name()

    def in_thread() -> str:
        with block("thread"):
            return asyncio.run_coroutine_threadsafe(coroutine(), loop).result(10)

    assert await asyncio.to_thread(in_thread) == "thread"


async def test_run_in_executor_needs_help(made: Made) -> None:
    """`loop.run_in_executor` alone forgets the request; carrying the function or the pool does not."""
    loop = asyncio.get_running_loop()
    with carrying_executor(ThreadPoolExecutor(1)) as pool, block("request"):
        assert await loop.run_in_executor(None, current_name) == ""
        assert await loop.run_in_executor(None, carrying(current_name)) == "request"
        assert await loop.run_in_executor(pool, current_name) == "request"
        loop.set_default_executor(pool)
        assert await loop.run_in_executor(None, current_name) == "request"


async def test_jobs_in_a_queue_run_for_who_put_them_there(made: Made) -> None:
    """One worker serves many requests: coroutines and functions run for their own, the worker for none."""
    jobs: asyncio.Queue[Callable[[], Any]] = asyncio.Queue()
    seen: list[str] = []

    async def job() -> str:
        await asyncio.sleep(0)
        return current_name()

    async def worker() -> None:
        while True:
            result = (await jobs.get())()
            seen.append(await result if asyncio.iscoroutine(result) else result)
            seen.append(current_name())
            jobs.task_done()

    with block("start"):
        task = asyncio.create_task(worker(), context=contextvars.Context())
    for number in range(2):
        with block(f"request {number}"):
            jobs.put_nowait(carrying(job))
            jobs.put_nowait(carrying(current_name))
    await jobs.join()
    task.cancel()
    assert seen == ["request 0", "", "request 0", "", "request 1", "", "request 1", ""]


async def test_cancelled_job_leaves_nothing_behind(made: Made) -> None:
    """A carried coroutine that is cancelled gives the worker its own context back."""

    async def job() -> None:
        await asyncio.sleep(60)

    async def worker() -> str:
        try:
            await asyncio.wait_for(carried(), 0.01)
        except TimeoutError:
            return current_name()
        return "not cancelled"

    with block("request"):
        carried = carrying(job)
    assert await worker() == ""


async def test_threads_and_tasks_at_once(made: Made) -> None:
    """Requests of a loop whose work goes over a pool and back: each span below its own request."""

    @traced(name="query")
    def query(number: int) -> None:
        time.sleep(0.001)
        get_current_span().set_attribute("number", number)

    @traced(arguments=["number"], name="request")
    async def request(number: int) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(pool, query, number) for _ in range(3)))

    with carrying_executor(ThreadPoolExecutor(4)) as pool:
        await asyncio.gather(*(request(number) for number in range(20)))
    by_id = {span.context.span_id: span for span in made.all() if span.context}
    queries = [span for span in made.all() if span.name == "query"]
    assert len(queries) == 60
    for span in queries:
        assert span.parent is not None
        assert span.attributes == by_id[span.parent.span_id].attributes


# Greenlets


def test_greenlets_have_contexts_of_their_own(agent: AgentDouble) -> None:
    """Under gevent too, where threads are greenlets: spans do not mix, and contexts are carried."""
    program = """
import greenlet, spanloom_instrumentation
from opentelemetry import trace
spanloom_instrumentation.configure(service="checkout")
tracer = trace.get_tracer("test")
main = greenlet.getcurrent()
def work():
    tracer.start_span("work").end()
def request(name):
    with tracer.start_as_current_span(name):
        main.switch()
        tracer.start_span("query of " + name).end()
requests = [greenlet.greenlet(request) for _ in range(3)]
with tracer.start_as_current_span("main"):
    for number, one in enumerate(requests):
        one.switch(f"request {number}")
    for one in requests:
        one.switch()
    greenlet.greenlet(spanloom_instrumentation.carrying(work)).switch()
"""
    run_program(program, agent)
    sent = list(spans(agent.received()))
    name_of = {span.span_id: span.name for span in sent}
    parents = {span.name: name_of.get(span.parent_span_id) for span in sent}
    assert parents.pop("main") is None
    assert parents.pop("work") == "main"
    assert [parents.pop(f"query of request {number}") for number in range(3)] == [
        f"request {number}" for number in range(3)
    ]
    assert parents == dict.fromkeys((f"request {number}" for number in range(3)), None)


# Messages


def test_messages_take_their_context_along(made: Made) -> None:
    """A consumer's span is a child of the producer's, with its baggage, however many there are between."""
    messages: Queue[tuple[Context, str]] = Queue()
    for number in range(2):
        with block(f"send {number}"), attached(baggage.set_baggage("number", str(number))):
            messages.put((get_current(), str(number)))

    def consume() -> None:
        while not messages.empty():
            sent_in, body = messages.get()
            with attached(sent_in), block(f"process {body}"):
                assert baggage.get_baggage("number") == body
            assert current_name() == ""

    thread = threading.Thread(target=consume)
    thread.start()
    thread.join()
    assert made.parents() == {
        "send 0": None,
        "send 1": None,
        "process 0": "send 0",
        "process 1": "send 1",
    }


def test_batch_links_to_each_cause_once(made: Made) -> None:
    """A batch has many causes; what came without a span, or twice from one, is not linked to for that."""
    contexts = [Context()]
    for number in range(3):
        with block(f"send {number}"):
            headers: dict[str, str] = {}
            inject(headers)
            contexts += [get_current(), extract(headers)]
    links = links_to(contexts)
    assert len(links) == 3
    with trace.get_tracer("test").start_as_current_span("process", links=links):
        pass
    *sent, batch = made.all()
    assert batch.parent is None
    assert [link.context.span_id for link in batch.links] == [
        one.context and one.context.span_id for one in sent
    ]


def test_attached_context_ends_with_its_block(made: Made) -> None:
    """A request that fails leaves no context for the next on the same thread."""
    with block("before"):
        carrier: dict[str, str] = {}
        inject(carrier)
    with contextlib.suppress(KeyError), attached(extract(carrier)):
        assert get_current_span().get_span_context().is_remote
        raise KeyError
    assert not get_current_span().get_span_context().is_valid


# Processes

WORKERS = """
import spanloom_instrumentation
spanloom_instrumentation.configure(service="checkout")
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
from opentelemetry import trace
from spanloom_instrumentation import carrying, carrying_executor, traced
@traced
def work(number=0):
    return number + 1
if __name__ == "__main__":
    how = multiprocessing.get_context(sys.argv[1])
    with trace.get_tracer("test").start_as_current_span("request"):
        process = how.Process(target=carrying(work))
        process.start()
        process.join()
        with carrying_executor(ProcessPoolExecutor(2, mp_context=how)) as pool:
            print(list(pool.map(work, [1, 2, 3])), process.exitcode)
"""


@pytest.mark.parametrize("how", multiprocessing.get_all_start_methods())
def test_spans_of_other_processes_join_the_trace(how: str, agent: AgentDouble, tmp_path: Any) -> None:
    """Work that is spread over processes is one trace; each sends its last spans before it ends.

    A worker that ends sooner than spans wait for others must not lose them, though nobody asks
    `atexit` there.
    """
    program = tmp_path / "program.py"
    program.write_text(WORKERS)
    start = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    if how != "fork":  # children import the program by its path
        start = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]], check=True)"
    run = run_program(start, agent, arguments=[str(program), how], OTEL_BSP_SCHEDULE_DELAY="60000")
    assert (run.stdout, run.stderr) == ("[2, 3, 4] 0\n", "")
    sent = list(spans(agent.received()))
    assert sorted(span.name for span in sent) == ["request", "work", "work", "work", "work"]
    (request,) = (span for span in sent if span.name == "request")
    assert {span.parent_span_id for span in sent if span.name == "work"} == {request.span_id}


def test_functions_are_pickled_with_their_context(made: Made) -> None:
    """What a pool of processes does to a task: the trace goes along, as in headers."""
    with block("request") as span, attached(baggage.set_baggage("customer", "c-1")):
        data = pickle.dumps(carrying(get_current))
    arrived = pickle.loads(data)()  # noqa: S301  # our own
    found = get_current_span(arrived).get_span_context()
    assert (found.trace_id, found.span_id) == span.get_span_context()[:2]
    assert found.is_remote
    assert baggage.get_baggage("customer", arrived) == "c-1"
