"""OpenTelemetry's specification, compatibility/opentracing.md."""

from typing import Any

import opentracing
import pytest
from opentelemetry import baggage, trace
from opentelemetry.context import attach, detach
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from opentracing import Format, child_of, follows_from

from spanloom_instrumentation.opentracing import Tracer
from spanloom_instrumentation.propagation.b3 import B3Single
from spanloom_instrumentation.propagation.jaeger import Jaeger
from spanloom_instrumentation.resource import VERSION
from spanloom_instrumentation.sampling.sampler import Intent, Start
from spanloom_instrumentation.sampling.samplers import ALWAYS_OFF
from tests.instrumentation.doubles import Traced, attributes, traced


@pytest.fixture
def tracer(here: Traced) -> Tracer:
    """A tracer over `here`."""
    return Tracer(here.provider)


def by_name(here: Traced) -> dict[str, OtlpSpan]:
    """All spans sent so far."""
    return {span.name: span for span in here.spans()}


def links(span: OtlpSpan) -> list[tuple[bytes, dict[str, Any]]]:
    """What a span is linked to, and as what."""
    return [(link.span_id, attributes(link)) for link in span.links]


def event(here: Traced, fields: Any) -> tuple[str, dict[str, Any]]:
    """What becomes of a log."""
    Tracer(here.provider).start_span("one").log_kv(fields).finish()
    (found,) = here.span().events
    return found.name, attributes(found)


def status(here: Traced, *values: object) -> Status:
    """What becomes of the tag `error`, set once or more."""
    span = Tracer(here.provider).start_span("one")
    for value in values:
        span.set_tag("error", value)
    span.finish()
    return here.span().status


def test_tracer_is_named(here: Traced, tracer: Tracer) -> None:
    """Spans say that they came through OpenTracing.

    Specified in compatibility/opentracing.md, Create an OpenTracing Tracer Shim.
    """
    tracer.start_span("one").finish()
    (request,) = here.requests()
    scope = request.resource_spans[0].scope_spans[0].scope
    assert (scope.name, scope.version) == ("opentracing-shim", VERSION)


def test_propagators_for_each_format(here: Traced) -> None:
    """A service may write other headers for messages than for HTTP.

    Specified in compatibility/opentracing.md, Create an OpenTracing Tracer Shim.
    """
    tracer = Tracer(here.provider, text_map=B3Single(), http_headers=Jaeger())
    context = tracer.start_span("one").context
    for format_, names in ((Format.TEXT_MAP, {"b3"}), (Format.HTTP_HEADERS, {"uber-trace-id"})):
        carrier: dict[str, str] = {}
        tracer.inject(context, format_, carrier)
        assert carrier.keys() == names
        found = tracer.extract(format_, carrier)
        assert found
        assert found.span_id == context.span_id


def test_first_child_of_is_the_parent(here: Traced, tracer: Tracer) -> None:
    """Of several references one is the parent, and all are links with their type.

    Specified in compatibility/opentracing.md, Start a new Span.
    """
    first, second = tracer.start_span("first"), tracer.start_span("second")
    tracer.start_span("both", references=[follows_from(first.context), child_of(second.context)]).finish()
    tracer.start_span("follows", references=[follows_from(first.context)]).finish()
    first.finish()
    second.finish()
    found = by_name(here)
    assert found["both"].parent_span_id == found["second"].span_id
    assert links(found["both"]) == [
        (found["first"].span_id, {"opentracing.ref_type": "follows_from"}),
        (found["second"].span_id, {"opentracing.ref_type": "child_of"}),
    ]
    assert found["follows"].parent_span_id == found["first"].span_id
    assert found["follows"].trace_id == found["first"].trace_id


def test_baggage_of_all_references_is_one(tracer: Tracer) -> None:
    """A span that joins two requests knows what both carry.

    Specified in compatibility/opentracing.md, Start a new Span.
    """
    first, second = tracer.start_span("first"), tracer.start_span("second")
    first.set_baggage_item("a", "1").set_baggage_item("b", "1")
    second.set_baggage_item("c", "2")
    joined = tracer.start_span("both", references=[child_of(first.context), follows_from(second.context)])
    assert joined.context.baggage == {"a": "1", "b": "1", "c": "2"}


def test_current_baggage_is_the_first(tracer: Tracer) -> None:
    """What OpenTelemetry's side carries is there for OpenTracing's.

    Specified in compatibility/opentracing.md, Start a new Span.
    """
    token = attach(baggage.set_baggage("a", "1"))
    try:
        assert tracer.start_span("one").get_baggage_item("a") == "1"
        assert tracer.start_span("one", ignore_active_span=True).context.baggage == {}
    finally:
        detach(token)


def test_tags_are_there_for_the_sampler() -> None:
    """Rules on tags see those that a span begins with.

    Specified in compatibility/opentracing.md, Start a new Span.
    """
    seen: list[tuple[Any, trace.SpanKind]] = []

    class Sees:
        follows_parent = False

        def intent(self, start: Start) -> Intent:
            seen.append((start.attributes, start.kind))
            return Intent(threshold=0)

        def shutdown(self) -> None:
            pass

        def __str__(self) -> str:
            return "Sees"

    tags = {"http.method": "GET", "span.kind": "client", "error": True, "odd": ["a"]}
    Tracer(traced(sampler=Sees()).provider).start_span("one", tags=tags)
    assert seen == [({"http.method": "GET", "odd": "['a']"}, trace.SpanKind.CLIENT)]
    assert len(tags) == 4, "the caller's own"


def test_error_among_the_first_tags(here: Traced, tracer: Tracer) -> None:
    """A span that begins as a failure is one.

    Specified in compatibility/opentracing.md, Start a new Span.
    """
    tracer.start_span("one", tags={"error": True}).finish()
    assert here.span().status.code == Status.STATUS_CODE_ERROR
    assert attributes(here.span()) == {}


def test_times_are_seconds(here: Traced, tracer: Tracer) -> None:
    """Explicit times arrive to the microsecond.

    Specified in compatibility/opentracing.md, Start a new Span, Log and Finish.
    """
    span = tracer.start_span("one", start_time=1_700_000_000.123456)
    span.log_kv({"event": "a"}, timestamp=1_700_000_001.000001)
    span.finish(1_700_000_002.999999)
    found = here.span()
    assert found.start_time_unix_nano == 1_700_000_000_123_456_000
    assert found.events[0].time_unix_nano == 1_700_000_001_000_001_000
    assert found.end_time_unix_nano == 1_700_000_002_999_999_000


def test_baggage_is_injected_without_a_span(here: Traced) -> None:
    """What a request carries goes on also where nothing is traced.

    Specified in compatibility/opentracing.md, Inject.
    """
    tracer = Tracer(here.provider, text_map=Jaeger())
    extracted = tracer.extract(Format.TEXT_MAP, {"uberctx-a": "1"})
    assert extracted
    assert extracted.baggage == {"a": "1"}
    carrier: dict[str, str] = {}
    tracer.inject(extracted, Format.TEXT_MAP, carrier)
    assert carrier == {"uberctx-a": "1"}


@pytest.mark.parametrize("format_", [Format.TEXT_MAP, Format.HTTP_HEADERS, Format.BINARY])
def test_nothing_extracted_is_none(tracer: Tracer, format_: str) -> None:
    """A request without headers begins a trace.

    Specified in compatibility/opentracing.md, Extract.
    """
    assert tracer.extract(format_, bytearray() if format_ == Format.BINARY else {"a": "b"}) is None


def test_context_does_not_change(tracer: Tracer) -> None:
    """Baggage that is set later is not in a context that was taken before.

    Specified in compatibility/opentracing.md, Span Shim and SpanContext Shim relationship.
    """
    span = tracer.start_span("one")
    before = span.context
    span.set_baggage_item("a", "1")
    assert before.baggage == {}
    assert span.context.baggage == {"a": "1"}
    before.baggage["b"] = "2"
    assert before.baggage == {}
    between = span.context
    span.set_baggage_item("a", "2")
    assert between.baggage == {"a": "1"}


@pytest.mark.parametrize(
    ("values", "code", "message"),
    [
        ((True,), Status.STATUS_CODE_ERROR, ""),
        (("true",), Status.STATUS_CODE_ERROR, ""),
        ((False,), Status.STATUS_CODE_OK, ""),
        (("False",), Status.STATUS_CODE_OK, ""),
        ((None,), Status.STATUS_CODE_UNSET, ""),
        ((), Status.STATUS_CODE_UNSET, ""),
        (("no route",), Status.STATUS_CODE_ERROR, "no route"),
        ((ValueError("no route"),), Status.STATUS_CODE_ERROR, "no route"),
    ],
)
def test_error_is_the_status(
    here: Traced, values: tuple[object, ...], code: Status.StatusCode.ValueType, message: str
) -> None:
    """Failed spans are red in every view; what else was put into the tag is the message.

    Specified in compatibility/opentracing.md, Set Tag.
    """
    found = status(here, *values)
    assert (found.code, found.message) == (code, message)
    assert attributes(here.span()) == {}


def test_values_of_other_types_become_text(here: Traced, tracer: Tracer) -> None:
    """Any object may be a tag's value.

    Specified in compatibility/opentracing.md, Set Tag.
    """

    class Sullen:
        def __str__(self) -> str:
            raise ValueError

    span = tracer.start_span("one")
    values = {"s": "a", "b": True, "i": 1, "f": 0.5, "d": {"a": 1}, "n": None, "c": int, "o": Sullen()}
    for key, value in values.items():
        span.set_tag(key, value)
    span.finish()
    assert attributes(here.span()) == {
        "s": "a",
        "b": True,
        "i": 1,
        "f": 0.5,
        "d": "{'a': 1}",
        "n": "None",
        "c": "int",
        "o": "(Sullen that cannot be written)",
    }


@pytest.mark.parametrize(
    ("fields", "name", "expected"),
    [
        ({"event": "cache miss", "key": "a"}, "cache miss", {"key": "a"}),
        ({"key": 1}, "log", {"key": 1}),
        ({"event": 17}, "17", {}),
        ({}, "log", {}),
        (None, "log", {}),
        ({"event": "soft error", "message": "a"}, "soft error", {"message": "a"}),
    ],
)
def test_log_is_an_event(here: Traced, fields: Any, name: str, expected: dict[str, Any]) -> None:
    """A log is called by its field `event`, which is not said again.

    Specified in compatibility/opentracing.md, Log.
    """
    assert event(here, fields) == (name, expected)


def test_logged_exception(here: Traced) -> None:
    """An exception object is recorded as OpenTelemetry's own, with what else was said.

    Specified in compatibility/opentracing.md, Log.
    """
    error = ValueError("no route")
    fields = {"event": "error", "error.object": error, "error.kind": ValueError, "message": "no route"}
    name, found = event(here, {**fields, "attempt": 2})
    assert name == "exception"
    assert found.keys() == {
        *("exception.type", "exception.message", "exception.stacktrace", "exception.escaped"),
        "attempt",
    }
    assert (found["exception.type"], found["exception.message"]) == ("ValueError", "no route")


def test_logged_error_without_an_object(here: Traced) -> None:
    """What a library says in words has the names that searches for exceptions use.

    Specified in compatibility/opentracing.md, Log.
    """
    fields = {"event": "error", "error.kind": "IOError", "message": "no disk", "stack": "line 1", "n": 1}
    assert event(here, fields) == (
        "exception",
        {
            "exception.type": "IOError",
            "exception.message": "no disk",
            "exception.stacktrace": "line 1",
            "n": 1,
        },
    )


def test_active_span_of_both(tracer: Tracer) -> None:
    """What one side activates is the other's current span.

    Specified in compatibility/opentracing.md, ScopeManager Shim.
    """
    with tracer.start_active_span("outer") as scope:
        assert trace.get_current_span() is scope.span.otel
        assert tracer.active_span is scope.span
    assert tracer.active_span is None


def test_active_span_of_another_side_with_its_baggage(here: Traced, tracer: Tracer) -> None:
    """OpenTelemetry's current span can be written to, and its baggage read.

    Specified in compatibility/opentracing.md, Get the active Span.
    """
    with here.provider.get_tracer("lib").start_as_current_span("native"):
        token = attach(baggage.set_baggage("a", "1"))
        active = tracer.active_span
        assert active.get_baggage_item("a") == "1"
        active.set_tag("b", 2)
        tracer.scope_manager.active.close()  # is not ours to end
        detach(token)
    assert attributes(here.span()) == {"b": 2}


def test_active_baggage_without_a_span(tracer: Tracer) -> None:
    """A request's baggage can be read where nothing is traced.

    Specified in compatibility/opentracing.md, Get the active Span.
    """
    token = attach(baggage.set_baggage("a", "1"))
    assert tracer.active_span.get_baggage_item("a") == "1"
    detach(token)
    assert tracer.active_span is None


def test_nobodys_span_hides_what_is_active(tracer: Tracer) -> None:
    """`activate(None)` is how OpenTracing's users begin anew.

    Specified in compatibility/opentracing.md, Activate a Span.
    """
    with tracer.start_active_span("outer"):
        with tracer.scope_manager.activate(None, finish_on_close=True):
            assert not trace.get_current_span().get_span_context().is_valid
        assert tracer.active_span


def test_unsampled_spans_are_active_too() -> None:
    """Whether a trace is kept does not change how a program runs.

    Specified in compatibility/opentracing.md, Activate a Span.
    """
    tracer = Tracer(traced(sampler=ALWAYS_OFF).provider)
    with tracer.start_active_span("outer") as scope:
        assert tracer.active_span is scope.span
        assert isinstance(scope, opentracing.Scope)
