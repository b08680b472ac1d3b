"""OpenTelemetry's specification, trace/api.md: what applications call."""

import asyncio
import threading
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    get_current_span,
    set_span_in_context,
)

from tests.instrumentation.doubles import Traced, attributes

REMOTE = SpanContext(
    0xA1, 0xB2, is_remote=True, trace_flags=TraceFlags(3), trace_state=TraceState([("v", "1")])
)


def below(context: SpanContext) -> Context:
    """A context with a parent that came over the network."""
    return set_span_in_context(NonRecordingSpan(context), Context())


@pytest.mark.parametrize("name", ["", None])
def test_tracer_without_a_name_works(here: Traced, name: Any) -> None:
    """A library that names itself wrongly is traced all the same.

    Specified in trace/api.md, Get a Tracer.
    """
    here.provider.get_tracer(name).start_span("made").end()
    (request,) = here.requests()
    assert request.resource_spans[0].scope_spans[0].scope.name == ""


def test_scope_is_told(here: Traced) -> None:
    """Name, version, schema and attributes of the library reach the store.

    Specified in trace/api.md, Get a Tracer.
    """
    here.provider.get_tracer("lib", "1.2", "https://schema/1", {"team": "a"}).start_span("made").end()
    (request,) = here.requests()
    (scope_spans,) = request.resource_spans[0].scope_spans
    assert (scope_spans.scope.name, scope_spans.scope.version) == ("lib", "1.2")
    assert scope_spans.schema_url == "https://schema/1"
    assert attributes(scope_spans.scope) == {"team": "a"}


def test_equal_scopes_have_one_tracer(here: Traced) -> None:
    """Asking for a tracer at each request costs no memory.

    Specified in trace/api.md, Get a Tracer.
    """
    get = here.provider.get_tracer
    assert get("lib", "1", None, {"a": 1}) is get("lib", "1", None, {"a": 1})
    assert get("lib", "1", None, {"a": 1}) is not get("lib", "1", None, {"a": True})


def test_starting_does_not_make_current(here: Traced) -> None:
    """`start_span` changes nothing for others.

    Specified in trace/api.md, Span Creation.
    """
    here.provider.get_tracer("lib").start_span("made")
    assert get_current_span() is INVALID_SPAN


def test_block_makes_current_and_restores(here: Traced) -> None:
    """Within the block it is the current span, behind it what was before.

    Specified in trace/api.md, Context Interaction.
    """
    tracer = here.provider.get_tracer("lib")
    with tracer.start_as_current_span("outer") as outer:
        with tracer.start_as_current_span("inner") as inner:
            assert get_current_span() is inner
        assert get_current_span() is outer
    assert get_current_span() is INVALID_SPAN


def test_parent_is_taken_from_the_context(here: Traced) -> None:
    """Current, explicit or none: the span stands where the context says.

    Specified in trace/api.md, Determining the Parent Span.
    """
    tracer = here.provider.get_tracer("lib")
    with tracer.start_as_current_span("current") as current:
        tracer.start_span("child").end()
        tracer.start_span("root", context=Context()).end()
        tracer.start_span("remote child", context=below(REMOTE)).end()
    child, root, remote_child, _ = here.spans()
    assert int.from_bytes(child.parent_span_id) == current.get_span_context().span_id
    assert child.trace_id == current.get_span_context().trace_id.to_bytes(16)
    assert root.parent_span_id == b""
    assert root.trace_id != child.trace_id
    assert int.from_bytes(remote_child.parent_span_id) == REMOTE.span_id
    assert int.from_bytes(remote_child.trace_id) == REMOTE.trace_id


def test_invalid_parent_is_none(here: Traced) -> None:
    """Below a header full of zeros begins a new trace.

    Specified in trace/api.md, Determining the Parent Span.
    """
    with here.provider.get_tracer("lib").start_as_current_span(
        "made", context=below(INVALID_SPAN.get_span_context())
    ):
        pass
    assert here.span().parent_span_id == b""
    assert any(here.span().trace_id)


def test_ended_parent_is_a_parent(here: Traced) -> None:
    """Work that goes on after its request belongs to it.

    Specified in trace/api.md, Span Lifetime.
    """
    tracer = here.provider.get_tracer("lib")
    parent = tracer.start_span("parent")
    parent.end()
    tracer.start_span("late", context=set_span_in_context(parent, Context())).end()
    first, late = here.spans()
    assert late.parent_span_id == first.span_id


def test_trace_state_is_inherited(here: Traced) -> None:
    """Vendors' entries arrive at the next service.

    Specified in trace/api.md, Span Creation.
    """
    tracer = here.provider.get_tracer("lib")
    with tracer.start_as_current_span("remote child", context=below(REMOTE)):
        child = tracer.start_span("child")
        assert child.get_span_context().trace_state["v"] == "1"
        child.end()
    assert {span.trace_state for span in here.spans()} == {"v=1"}


def test_ids_are_valid_and_unique(here: Traced) -> None:
    """Each span can be told from all others.

    Specified in trace/api.md, SpanContext.
    """
    tracer = here.provider.get_tracer("lib")
    contexts = [tracer.start_span("made", context=Context()).get_span_context() for _ in range(1000)]
    assert all(context.is_valid and not context.is_remote for context in contexts)
    assert (
        len({context.span_id for context in contexts})
        == len({context.trace_id for context in contexts})
        == 1000
    )


def test_context_stays_the_same(here: Traced) -> None:
    """Also after the end, and for an unsampled span too.

    Specified in trace/api.md, Get Context.
    """
    span = here.provider.get_tracer("lib").start_span("made")
    unsampled = here.provider.get_tracer("lib").start_span("no", context=below(UNSAMPLED))
    for one in (span, unsampled):
        before = one.get_span_context()
        one.end()
        assert one.get_span_context() == before


UNSAMPLED = SpanContext(0xA1, 0xB2, is_remote=True, trace_flags=TraceFlags(2), trace_state=TraceState())


def test_recording_ends_with_the_span(here: Traced) -> None:
    """What is said afterwards is not sent, and hurts nobody.

    Specified in trace/api.md, IsRecording and End.
    """
    span = here.provider.get_tracer("lib").start_span("made")
    assert span.is_recording()
    span.end()
    assert not span.is_recording()
    span.set_attribute("late", 1)
    span.set_attributes({"late": 1})
    span.add_event("late")
    span.add_link(REMOTE)
    span.set_status(StatusCode.ERROR)
    span.record_exception(ValueError("late"))
    span.update_name("late")
    span.end(17)
    sent = here.span()
    assert sent.name == "made"
    assert not sent.attributes
    assert not sent.events
    assert not sent.links
    assert not sent.status.code
    assert sent.end_time_unix_nano > 17


def test_end_does_not_end_children(here: Traced) -> None:
    """A child may live longer than its parent.

    Specified in trace/api.md, End.
    """
    tracer = here.provider.get_tracer("lib")
    parent = tracer.start_span("parent")
    child = tracer.start_span("child", context=set_span_in_context(parent, Context()))
    parent.end()
    assert child.is_recording()
    child.end()
    assert [span.name for span in here.spans()] == ["parent", "child"]


def test_times_are_taken_or_made(here: Traced) -> None:
    """Explicit times are kept to the nanosecond.

    Specified in trace/api.md, Span Creation and End.
    """
    span = here.provider.get_tracer("lib").start_span("made", start_time=1_000_000_001)
    span.add_event("then", timestamp=1_000_000_002)
    span.end(1_000_000_003)
    here.provider.get_tracer("lib").start_span("now").end()
    made, now = here.spans()
    assert (made.start_time_unix_nano, made.end_time_unix_nano) == (1_000_000_001, 1_000_000_003)
    assert made.events[0].time_unix_nano == 1_000_000_002
    assert 0 <= now.end_time_unix_nano - now.start_time_unix_nano < 10**9


@pytest.mark.parametrize("kind", SpanKind)
def test_kind_is_told(here: Traced, kind: SpanKind) -> None:
    """Server, client and the others are what was said.

    Specified in trace/api.md, SpanKind.
    """
    here.provider.get_tracer("lib").start_span("made", kind=kind).end()
    assert here.span().kind == kind.value + 1


def test_last_value_of_a_key_counts(here: Traced) -> None:
    """Setting an attribute again replaces it.

    Specified in trace/api.md, Set Attributes.
    """
    span = here.provider.get_tracer("lib").start_span("made", attributes={"a": 1, "b": 1})
    span.set_attribute("a", "two")
    span.set_attributes({"b": 2.5, "c": True})
    span.end()
    assert attributes(here.span()) == {"a": "two", "b": 2.5, "c": True}


def test_attributes_are_those_of_the_call(here: Traced) -> None:
    """A dictionary or list that the program goes on to use does not change the span.

    Specified in trace/api.md, Set Attributes.
    """
    told: dict[str, Any] = {"list": [1, 2]}
    span = here.provider.get_tracer("lib").start_span("made", attributes=told)
    told["list"].append(3)
    told["late"] = 1
    event = {"list": [1]}
    span.add_event("then", event)
    event["list"].append(2)
    span.end()
    assert attributes(here.span()) == {"list": (1, 2)}
    assert attributes(here.span().events[0]) == {"list": (1,)}


def test_events_are_told_in_order(here: Traced) -> None:
    """Name, time and attributes of each.

    Specified in trace/api.md, Add Events.
    """
    span = here.provider.get_tracer("lib").start_span("made")
    span.add_event("first")
    span.add_event("second", {"retry": 2})
    span.end()
    first, second = here.span().events
    assert (first.name, second.name) == ("first", "second")
    assert first.time_unix_nano <= second.time_unix_nano
    assert attributes(second) == {"retry": 2}


def test_links_at_start_and_later(here: Traced) -> None:
    """Both kinds are told, with state, flags and attributes.

    Specified in trace/api.md, Link.
    """
    span = here.provider.get_tracer("lib").start_span("made", links=[Link(REMOTE, {"why": "batch"})])
    span.add_link(REMOTE)
    span.end()
    first, second = here.span().links
    assert (int.from_bytes(first.trace_id), int.from_bytes(first.span_id)) == (
        REMOTE.trace_id,
        REMOTE.span_id,
    )
    assert (first.trace_state, attributes(first)) == ("v=1", {"why": "batch"})
    assert first.flags == 0x303
    assert not second.attributes


def test_links_that_say_nothing_are_left_out(here: Traced) -> None:
    """An invalid context is kept only for its attributes or state.

    Specified in trace/api.md, Link.
    """
    nothing = SpanContext(0, 0, is_remote=False)
    state = SpanContext(0, 0, is_remote=False, trace_state=TraceState([("v", "1")]))
    links = [Link(nothing), Link(nothing, {"why": "unknown"}), Link(state)]
    here.provider.get_tracer("lib").start_span("made", links=links).end()
    assert [attributes(link) for link in here.span().links] == [{"why": "unknown"}, {}]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], (0, "")),
        ([(StatusCode.ERROR, "bad")], (2, "bad")),
        ([(StatusCode.OK, None)], (1, "")),
        ([(StatusCode.OK, "why not")], (1, "")),
        ([(StatusCode.ERROR, "bad"), (StatusCode.UNSET, None)], (2, "bad")),
        ([(StatusCode.ERROR, "bad"), (StatusCode.ERROR, "worse")], (2, "worse")),
        ([(StatusCode.ERROR, "bad"), (StatusCode.OK, None)], (1, "")),
        ([(StatusCode.OK, None), (StatusCode.ERROR, "bad")], (1, "")),
    ],
)
def test_status_has_an_order(
    here: Traced, said: list[tuple[StatusCode, str | None]], expected: tuple[int, str]
) -> None:
    """OK is final, unset changes nothing, only errors have a description.

    Specified in trace/api.md, Set Status.
    """
    for form in (lambda code, text: (Status(code, text),), lambda code, text: (code, text)):
        span = here.provider.get_tracer("lib").start_span("made")
        for code, text in said:
            span.set_status(*form(code, text))
        span.end()
    assert [(span.status.code, span.status.message) for span in here.spans()] == [expected] * 2


def test_name_can_be_updated(here: Traced) -> None:
    """A route that is known late names the span.

    Specified in trace/api.md, UpdateName.
    """
    span = here.provider.get_tracer("lib").start_span("made")
    span.update_name("GET /orders")
    span.end()
    assert here.span().name == "GET /orders"


class TooBadError(Exception):
    """Something of the application's own."""


def test_exception_is_an_event(here: Traced) -> None:
    """Type, message and stack trace; what is said besides goes before.

    Specified in trace/api.md, Record Exception.
    """
    span = here.provider.get_tracer("lib").start_span("made")
    try:
        raise TooBadError("no")  # noqa: TRY301  # so that it has a traceback
    except TooBadError as exc:
        span.record_exception(exc, {"exception.message": "secret", "retry": True}, timestamp=17)
    span.end()
    (event,) = here.span().events
    told = attributes(event)
    assert (event.name, event.time_unix_nano) == ("exception", 17)
    assert told["exception.type"].endswith("test_trace_api.TooBadError")
    assert told["exception.message"] == "secret"
    assert told["exception.stacktrace"].startswith("Traceback")
    assert told["exception.stacktrace"].endswith("TooBadError: no\n")
    assert told["retry"] is True


def test_failed_block_says_so(here: Traced) -> None:
    """An exception that leaves the block is an event and an error.

    Specified in trace/exceptions.md, Recording an Exception.
    """
    with pytest.raises(TooBadError), here.provider.get_tracer("lib").start_as_current_span("made"):
        raise TooBadError("no")
    sent = here.span()
    assert (sent.status.code, sent.status.message) == (2, "TooBadError: no")
    assert [event.name for event in sent.events] == ["exception"]


def test_cancelling_is_no_failure(here: Traced) -> None:
    """A cancelled task, Ctrl-C or sys.exit leaves no error behind.

    Specified in trace/exceptions.md, Recording an Exception.
    """
    for exc in (KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit):
        with pytest.raises(exc), here.provider.get_tracer("lib").start_as_current_span("made"):
            raise exc
    assert [(span.status.code, len(span.events)) for span in here.spans()] == [(0, 0)] * 4


def test_failed_block_says_only_what_is_wanted(here: Traced) -> None:
    """Each half can be switched off.

    Specified in trace/exceptions.md, Recording an Exception.
    """
    tracer = here.provider.get_tracer("lib")
    for wanted in ({"record_exception": False}, {"set_status_on_exception": False}):
        with pytest.raises(TooBadError), tracer.start_as_current_span("made", **wanted):  # type: ignore[arg-type]  # they are truths
            raise TooBadError("no")
    assert [(span.status.code, len(span.events)) for span in here.spans()] == [(2, 0), (0, 1)]


def test_exception_that_cannot_be_said_hurts_nobody(here: Traced) -> None:
    """The application's exception leaves the block, not one of ours.

    Specified in error-handling.md, Basic error handling principles.
    """

    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    with pytest.raises(MuteError), here.provider.get_tracer("lib").start_as_current_span("made"):
        raise MuteError
    assert here.span().status.code == 2


def test_wrapped_context_is_no_recording_span(here: Traced) -> None:
    """It only hands on.

    Specified in trace/api.md, Wrapping a SpanContext in a Span.
    """
    wrapped = NonRecordingSpan(REMOTE)
    wrapped.set_attribute("a", 1)
    wrapped.end()
    assert not wrapped.is_recording()
    assert here.spans() == []


def test_decorator_traces_each_call(here: Traced) -> None:
    """A decorated function has a span of its own for each call, and its name.

    Specified in trace/api.md, Span Creation.
    """
    tracer = here.provider.get_tracer("lib")

    @tracer.start_as_current_span("call", attributes={"a": 1})
    def work(number: int) -> int:
        """What it does."""
        return work(number - 1) + 1 if number else 0

    assert work(2) == 2
    assert work.__doc__ == "What it does."
    inner, middle, outer = here.spans()
    assert inner.parent_span_id == middle.span_id
    assert middle.parent_span_id == outer.span_id


async def test_decorator_waits_for_coroutines(here: Traced) -> None:
    """The span of a coroutine ends when it is done, not when it is made.

    Specified in trace/api.md, Span Creation.
    """
    tracer = here.provider.get_tracer("lib")

    @tracer.start_as_current_span("call")
    async def work() -> int:
        await asyncio.sleep(0.02)
        return 17

    pending = work()
    assert here.spans() == []
    assert await pending == 17
    assert here.span().end_time_unix_nano - here.span().start_time_unix_nano >= 20_000_000


def test_many_threads_use_one_span(here: Traced) -> None:
    """Nothing that one thread says is lost to another.

    Specified in trace/api.md, Concurrency requirements.
    """
    span = here.provider.get_tracer("lib").start_span("made")

    def work(thread: int) -> None:
        for number in range(10):
            span.set_attribute(f"{thread}.{number}", number)
            span.add_event("hit")

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    span.end()
    assert len(attributes(here.span())) == len(here.span().events) == 80


def test_spans_are_made_by_tracers_of_the_api(here: Traced) -> None:
    """A tracer asked for before tracing begins works afterwards.

    Specified in trace/api.md, Get a Tracer.
    """
    proxy = trace.ProxyTracer("early")
    proxy._real_tracer = here.provider.get_tracer("early")
    with proxy.start_as_current_span("made"):
        pass
    assert here.span().name == "made"
