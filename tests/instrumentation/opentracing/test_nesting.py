"""OpenTracing's spans and OpenTelemetry's in one program: each other's parents, wherever code runs."""

import asyncio
import threading
from collections.abc import Callable

import gevent
import pytest
from opentelemetry import baggage, propagate, trace
from opentelemetry.context import attach, detach, get_value, set_value
from opentracing import ScopeManager
from opentracing.scope_managers import ThreadLocalScopeManager
from opentracing.scope_managers.asyncio import AsyncioScopeManager
from opentracing.scope_managers.contextvars import ContextVarsScopeManager, no_parent_scope
from opentracing.scope_managers.gevent import GeventScopeManager

from spanloom_instrumentation.opentracing import Tracer
from spanloom_instrumentation.sampling.samplers import ALWAYS_OFF, ALWAYS_ON, ParentBased
from tests.instrumentation.doubles import Traced, attributes, traced


def parents(here: Traced) -> dict[str, str | None]:
    """The name of each span's parent."""
    found = here.spans()
    names = {span.span_id: span.name for span in found}
    return {span.name: names.get(span.parent_span_id) for span in found}


def test_spans_of_both_are_each_others_parents(here: Traced, tracer: Tracer) -> None:
    """A library that moved to OpenTelemetry and one that did not are in one tree."""
    native = here.provider.get_tracer("lib")
    with (
        native.start_as_current_span("1 native"),
        tracer.start_active_span("2 open"),
        native.start_as_current_span("3 native"),
        tracer.start_active_span("4 open"),
    ):
        tracer.start_span("5 open").finish()
        native.start_span("5 native").end()
        tracer.start_span("root", ignore_active_span=True).finish()
    assert parents(here) == {
        "1 native": None,
        "2 open": "1 native",
        "3 native": "2 open",
        "4 open": "3 native",
        "5 open": "4 open",
        "5 native": "4 open",
        "root": None,
    }
    assert tracer.active_span is None


def test_scope_that_does_not_finish(here: Traced, tracer: Tracer) -> None:
    """A span goes on in another thread; its scope does not."""
    span = tracer.start_span("long")
    with tracer.scope_manager.activate(span, finish_on_close=False):
        tracer.start_span("first").finish()

    def work() -> None:
        assert tracer.active_span is None
        with tracer.scope_manager.activate(span, finish_on_close=True):
            tracer.start_span("second").finish()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert parents(here) == {"long": None, "first": "long", "second": "long"}


async def test_tasks_inherit_and_do_not_mix(here: Traced, tracer: Tracer) -> None:
    """Requests that are served at once have a tree each."""

    async def below(name: str) -> None:
        with tracer.start_active_span(name):
            await asyncio.sleep(0)
            tracer.start_span(f"{name}.1").finish()

    with tracer.start_active_span("root"):
        await asyncio.gather(*(below(name) for name in "abc"))
    children = dict.fromkeys("abc", "root") | {f"{name}.1": name for name in "abc"}
    assert parents(here) == {"root": None, **children}


def test_greenlets_do_not_mix(here: Traced, tracer: Tracer) -> None:
    """Under gevent each request has a tree of its own."""

    def below(name: str) -> None:
        with tracer.start_active_span(name):
            gevent.sleep(0)
            tracer.start_span(f"{name}.1").finish()

    gevent.joinall([gevent.spawn(below, name) for name in "abc"], raise_error=True)
    assert parents(here) == dict.fromkeys("abc") | {f"{name}.1": name for name in "abc"}


def in_a_thread(work: Callable[[], None]) -> None:
    """Run it as it is."""
    work()


def in_a_task(work: Callable[[], None]) -> None:
    """Run it in a task."""

    async def task() -> None:
        work()

    asyncio.run(task())


def in_a_greenlet(work: Callable[[], None]) -> None:
    """Run it in a greenlet."""
    gevent.joinall([gevent.spawn(work)], raise_error=True)


@pytest.mark.parametrize(
    ("manager", "run"),
    [
        (ThreadLocalScopeManager, in_a_thread),
        (ContextVarsScopeManager, in_a_task),
        (AsyncioScopeManager, in_a_task),
        (GeventScopeManager, in_a_greenlet),
    ],
)
def test_scope_managers_of_opentracing(
    here: Traced, manager: type[ScopeManager], run: Callable[[Callable[[], None]], None]
) -> None:
    """A service keeps the scope manager it had; OpenTelemetry's spans are still parents of the first."""
    tracer = Tracer(here.provider, scope_manager=manager())

    def work() -> None:
        with (
            here.provider.get_tracer("lib").start_as_current_span("native"),
            tracer.start_active_span("outer"),
            tracer.start_active_span("inner") as scope,
        ):
            assert tracer.active_span is scope.span

    run(work)
    assert parents(here) == {"native": None, "outer": "native", "inner": "outer"}


async def test_nothing_of_ours_is_in_the_way_of_no_parent_scope(here: Traced) -> None:
    """What OpenTracing's own manager offers besides works with it."""
    tracer = Tracer(here.provider, scope_manager=ContextVarsScopeManager())
    with tracer.start_active_span("outer"), no_parent_scope():
        tracer.start_span("inner").finish()
    assert parents(here) == {"outer": None, "inner": None}


def test_exception_is_logged(here: Traced, tracer: Tracer) -> None:
    """A block that raises leaves a failed span with the exception, as OpenTracing's own scopes do."""
    with pytest.raises(ValueError, match="no route"), tracer.start_active_span("one"):
        raise ValueError("no route")
    (event,) = here.span().events
    assert here.span().status.code == 2
    assert attributes(event)["exception.type"] == "ValueError"
    assert "no route" in attributes(event)["exception.stacktrace"]
    assert len(event.attributes) == 4, "nothing is said twice"


def test_kind_that_is_said_late(here: Traced, tracer: Tracer) -> None:
    """Most integrations set `span.kind` on a span that runs; service maps need it."""
    tracer.start_span("one").set_tag("span.kind", "client").set_tag("peer.service", "db").finish()
    assert here.span().kind == here.span().SPAN_KIND_CLIENT
    assert attributes(here.span()) == {"peer.service": "db"}


@pytest.mark.parametrize("kind", ["odd", ["client"], None])
def test_kind_that_is_none(here: Traced, tracer: Tracer, kind: object) -> None:
    """What is no kind stays a tag."""
    tracer.start_span("one", tags={"span.kind": kind}).finish()
    assert attributes(here.span()) == {"span.kind": str(kind)}
    assert here.span().kind == here.span().SPAN_KIND_INTERNAL


def test_baggage_reaches_children_and_requests(here: Traced, tracer: Tracer) -> None:
    """What is set on a span goes to all below it, through OpenTelemetry's libraries too, and no further."""
    native = here.provider.get_tracer("lib")
    with tracer.start_active_span("outer") as scope:
        scope.span.set_baggage_item("user", "17")
        with native.start_as_current_span("call"):
            headers: dict[str, str] = {}
            propagate.inject(headers)
            assert headers["baggage"] == "user=17"
        assert tracer.start_span("child").get_baggage_item("user") == "17"
        scope.span.set_baggage_item("user", None)
        assert not baggage.get_all()
        scope.span.set_baggage_item("user", "18")
    assert not baggage.get_all()


def test_activated_span_brings_its_own_baggage(tracer: Tracer) -> None:
    """One request's baggage does not get into another's that goes on in the same thread."""
    token = attach(baggage.set_baggage("user", "17"))
    with tracer.scope_manager.activate(
        tracer.start_span("other", ignore_active_span=True), finish_on_close=True
    ):
        assert not baggage.get_all()
    assert baggage.get_baggage("user") == "17"
    detach(token)


def test_activated_span_brings_nothing_else(tracer: Tracer) -> None:
    """What a library said of the moment at which a span began is not true of the one in which it goes on."""
    token = attach(set_value("suppressed", "yes"))
    span = tracer.start_span("one")
    detach(token)
    with tracer.scope_manager.activate(span, finish_on_close=True):
        assert get_value("suppressed") is None


def test_baggage_that_is_set_at_once_is_all_there(tracer: Tracer) -> None:
    """Threads that write to one span lose nothing of each other's."""
    span = tracer.start_span("one")

    def write(thread: int) -> None:
        for number in range(200):
            span.set_baggage_item(f"{thread}.{number}", "x")

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(span.context.baggage) == 800


NEVER = ParentBased(ALWAYS_OFF)


@pytest.mark.parametrize("sampler", [NEVER, ALWAYS_OFF], ids=str)
def test_priority_keeps(sampler: ParentBased) -> None:
    """`sampling.priority: 1` keeps a span and all below it, and tells other services."""
    here = traced(sampler=sampler)
    tracer = Tracer(here.provider)
    with (
        tracer.start_active_span("dropped"),
        tracer.start_active_span("kept", tags={"sampling.priority": 1}) as scope,
        here.provider.get_tracer("lib").start_as_current_span("native"),
    ):
        with tracer.start_active_span("inner"):
            pass
        assert trace.get_current_span().is_recording()
    assert sorted(parents(here)) == ["inner", "kept", "native"]
    carrier: dict[str, str] = {}
    tracer.inject(scope.span.context, "http_headers", carrier)
    assert int(carrier["traceparent"][-2:], 16) & 1


@pytest.mark.parametrize("priority", ["high", None, [1], "nan"])
def test_priority_that_is_none(here: Traced, tracer: Tracer, priority: object) -> None:
    """What is no number decides nothing, and fails nothing."""
    tracer.start_span("one", tags={"sampling.priority": priority}).finish()
    assert here.spans() if priority != "nan" else True


@pytest.mark.parametrize("above", [None, "above"])
def test_priority_drops(above: str | None) -> None:
    """`sampling.priority: 0` leaves out a span and all below it."""
    here = traced(sampler=ParentBased(ALWAYS_ON))
    tracer = Tracer(here.provider)
    parent = tracer.start_span(above) if above else None
    with tracer.start_active_span("dropped", child_of=parent, tags={"sampling.priority": 0}):
        tracer.start_span("below").finish()
    if parent:
        parent.finish()
    assert [span.name for span in here.spans()] == ([above] if above else [])


def test_times_that_are_none_are_now(here: Traced, tracer: Tracer) -> None:
    """A clock that says nonsense costs the time, not the request."""
    tracer.start_span("one", start_time=float("nan")).finish("soon")  # type: ignore[arg-type]  # the point
    assert 0 < here.span().start_time_unix_nano <= here.span().end_time_unix_nano
