"""`annotate`, and how much one span may say."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from spanloom_instrumentation import annotate
from spanloom_instrumentation.limits import UNLIMITED, AttributeLimits, SpanLimits
from spanloom_instrumentation.sampling.samplers import ALWAYS_OFF
from spanloom_instrumentation.span import Span
from tests.instrumentation.doubles import AgentDouble, Traced, attributes, run_program, spans, traced
from tests.instrumentation.made import Made

LINKED = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))


def test_annotation_is_an_event_of_the_current_span(made: Made) -> None:
    """A text with its time and what belongs to it, on whichever span is current; nowhere without one."""
    annotate("lost")
    with trace.get_tracer("test").start_as_current_span("pay"):
        annotate("declined", provider="bank", attempt=1, text="is a name too")
    annotate("lost")
    span = made.only()
    (event,) = span.events
    assert event.name == "declined"
    assert dict(event.attributes or {}) == {"provider": "bank", "attempt": 1, "text": "is a name too"}
    assert span.start_time <= event.timestamp <= span.end_time  # type: ignore[operator]  # it has ended


def test_annotations_of_unsampled_spans_are_nothing() -> None:
    """Code that annotates need not ask whether anybody listens."""
    here = traced(sampler=ALWAYS_OFF)
    with here.provider.get_tracer("test").start_as_current_span("pay"):
        annotate("declined", provider="bank")
    assert here.spans() == []


# The bound on their number


def test_of_too_many_events_the_first_the_latest_and_exceptions_stay() -> None:
    """A loop that annotates for ever drives out neither how it began, nor what failed, nor how it ended."""
    here = traced(limits=SpanLimits(events=5))
    with here.provider.get_tracer("test").start_as_current_span("poll") as span:
        annotate("began")
        for number in range(100):
            annotate(f"poll {number}")
            if number in {10, 20}:
                span.record_exception(TimeoutError(f"after {number}"))
    sent = here.span()
    assert [event.name for event in sent.events] == ["began", "exception", "exception", "poll 98", "poll 99"]
    assert sent.dropped_events_count == 98


def test_of_too_many_exceptions_the_first_and_the_latest_stay() -> None:
    """The first is the cause, the last the end."""
    here = traced(limits=SpanLimits(events=3))
    with here.provider.get_tracer("test").start_as_current_span("poll") as span:
        for number in range(10):
            span.record_exception(TimeoutError(str(number)))
    sent = here.span()
    said = [attributes(event)["exception.message"] for event in sent.events]
    assert (said, sent.dropped_events_count) == (["0", "8", "9"], 7)


# The bound on their bytes


def span_of(here: Traced) -> Span:
    """A span that has begun."""
    span = here.provider.get_tracer("test").start_span("poll")
    assert isinstance(span, Span)
    return span


def test_memory_of_events_is_bounded_while_a_span_lasts() -> None:
    """A job that runs for days and logs all it does to its span does not fill the memory."""
    span = span_of(traced(limits=SpanLimits(annotation_bytes=10_000, events=UNLIMITED)))
    span.record_exception(KeyError("first"))
    for number in range(1000):
        span.add_event(f"line {number}", {"line": "x" * 300, "words": ["x" * 10] * 10, "raw": bytes(100)})
    held = sum(
        sum(len(value) for value in event.attributes.values() if isinstance(value, str | bytes))
        + sum(len(word) for word in event.attributes.get("words", ()))  # type: ignore[union-attr, misc, arg-type]  # words is a list of texts
        for event in span.events
    )
    assert 8_000 < held < 10_000
    assert len(span.events) + span.dropped_events == 1001
    assert [span.events[0].name, span.events[-1].name] == ["exception", "line 999"]


def test_one_huge_annotation_drives_nothing_out() -> None:
    """A whole document that somebody annotates is cut; what was said before and after stays."""
    here = traced(limits=SpanLimits(annotation_bytes=10_000))
    span = span_of(here)
    span.add_event("before", {"key": "value"})
    span.add_event(
        "huge", {"document": "x" * 10**6, "rows": ["x" * 100] * 1000, "k" * 10**5: 1, "short": "stays"}
    )
    assert sum(map(len, span.events[1].attributes)) < 10_000
    span.add_event("after", {"key": "value"})
    span.end()
    sent = here.span()
    assert [event.name for event in sent.events] == ["before", "huge", "after"]
    told = attributes(sent.events[1])
    assert (set(told), told["short"]) == ({"document", "short"}, "stays")
    assert 100 < len(told["document"]) < 5_000
    assert (sent.events[1].dropped_attributes_count, sent.dropped_events_count) == (3, 0)


def test_long_text_is_cut_not_dropped() -> None:
    """A text of many kilobytes still says how it begins, also where a datagram is the bound."""
    here = traced(limits=SpanLimits(annotation_bytes=10**7))
    span = span_of(here)
    span.add_event("x" * 10**6)
    span.add_event("after")
    span.end()
    sent = here.span()
    assert len(sent.events[0].name) > 60_000
    assert sent.events[1].name == "after"


SAID = st.lists(
    st.tuples(
        st.sampled_from(["attribute", "event", "exception", "link"]),
        st.integers(0, 3000),
        st.sampled_from(["x", "ü"]),
    ),
    max_size=30,
)


def tell(span: Span, said: list[tuple[str, int, str]]) -> None:
    """Say all of it."""
    for number, (what, size, letter) in enumerate(said):
        match what:
            case "attribute":
                span.set_attribute(f"key {number}", letter * size)
            case "event":
                span.add_event(f"event {number} {letter * (size // 2)}", {"text": letter * size})
            case "exception":
                span.record_exception(ValueError(letter * size))
            case _:
                span.add_link(LINKED, {"text": letter * size})


@settings(max_examples=200, deadline=None)
@given(SAID, st.integers(0, 5000))
def test_structure_is_never_displaced(said: list[tuple[str, int, str]], most_bytes: int) -> None:
    """However much an application says: the span arrives with its place, times, name, kind and status.

    All that was said takes no more than the bound, and what is missing is counted.
    """
    name, why = "n" * 300, "w" * 300
    no_limit = AttributeLimits(most=UNLIMITED)
    here = traced(limits=SpanLimits(annotation_bytes=most_bytes, span=no_limit, event=no_limit))
    span = here.provider.get_tracer("test").start_span(name, kind=SpanKind.SERVER, start_time=1)
    assert isinstance(span, Span)
    tell(span, said)
    span.set_status(Status(StatusCode.ERROR, why))
    span.end(2)
    sent = here.span()
    here.provider.shutdown()
    assert (sent.name, sent.kind, sent.start_time_unix_nano, sent.end_time_unix_nano) == (name, 2, 1, 2)
    assert (sent.status.message, sent.status.code) == (why, 2)
    assert (int.from_bytes(sent.trace_id), int.from_bytes(sent.span_id)) == span.get_span_context()[:2]
    assert said_bytes(sent) <= most_bytes + 30, "and the counts"
    kinds = [what for what, _, _ in said]
    assert len(sent.links) + sent.dropped_links_count == kinds.count("link")
    assert len(sent.events) + sent.dropped_events_count == kinds.count("event") + kinds.count("exception")
    missing = kinds.count("attribute") - len(sent.attributes)
    assert missing <= sent.dropped_attributes_count <= kinds.count("attribute")
    if sum(100 + size for _, size, _ in said) < most_bytes // 6:  # with its name, its time and its key
        assert not sent.dropped_events_count, "nothing goes without need"


def said_bytes(span: OtlpSpan) -> int:
    """How much of a span is not structure."""
    bare = OtlpSpan()
    bare.CopyFrom(span)
    for field in ("attributes", "events", "links"):
        bare.ClearField(field)
    return span.ByteSize() - bare.ByteSize()


def test_events_go_before_attributes_and_the_first_and_exceptions_last() -> None:
    """Where a span is far too large, it still says what it is about, how it began and what failed."""
    here = traced(limits=SpanLimits(annotation_bytes=3000, events=UNLIMITED))
    span = span_of(here)
    span.set_attribute("order.id", "o-17")
    span.add_event("began")
    for number in range(60):
        span.add_event(f"line {number}", {"line": "x" * 30})
        if number == 20:
            span.record_exception(KeyError("k"))
    for number in range(30):
        span.set_attribute(f"detail {number}", "x" * 40)
    span.add_event("ended")
    span.end()
    sent = here.span()
    assert attributes(sent)["order.id"] == "o-17"
    assert len(sent.attributes) == 31
    names = [event.name for event in sent.events]
    assert [name for name in names if not name.startswith("line")] == ["began", "exception", "ended"]


@pytest.mark.parametrize(
    ("said", "environment"),
    [("annotation_bytes=700", {}), ("", {"SPANLOOM_ANNOTATION_BYTES": "700"})],
    ids=["configure", "environment"],
)
def test_bound_is_a_setting(said: str, environment: dict[str, str], agent: AgentDouble) -> None:
    """Who runs a service bounds what its spans say, in the program or from outside."""
    program = f"""
import spanloom_instrumentation
from opentelemetry import trace
provider = spanloom_instrumentation.configure(service="checkout", {said})
with trace.get_tracer("test").start_as_current_span("pay") as span:
    span.set_attribute("long", "x" * 5000)
    span.set_attribute("short", "stays")
"""
    run_program(program, agent, **environment)
    (sent,) = spans(agent.received())
    told = attributes(sent)
    assert 500 < len(told["long"]) < 700
    assert (told["short"], sent.dropped_attributes_count) == ("stays", 1)
