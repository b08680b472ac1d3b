"""OpenTelemetry's specification, trace/sdk.md: providers, processors, limits, sampling's results."""

import time
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from spanloom_instrumentation import TracerProvider
from spanloom_instrumentation.limits import AttributeLimits, SpanLimits
from tests.instrumentation.doubles import Traced, attributes, traced

LINKED = SpanContext(1, 2, is_remote=True)


class Fixed(Sampler):
    """A sampler of somebody else's."""

    def __init__(self, decision: Decision, **more: Any) -> None:
        self.result = SamplingResult(decision, **more)
        self.asked: list[tuple[Any, ...]] = []

    def should_sample(self, *arguments: Any, **more: Any) -> SamplingResult:
        """As fixed."""
        self.asked.append((*arguments, more))
        return self.result

    def get_description(self) -> str:
        """Nothing special."""
        return "fixed"


class Watcher(SpanProcessor):
    """A processor that remembers."""

    def __init__(self, *, flushes: bool = True) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.flushes = flushes

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        """A span has begun."""
        self.heard.append(("start", span.name))
        span.set_attribute("watched", value=True)

    def on_end(self, span: ReadableSpan) -> None:
        """A span has ended."""
        self.heard.append(("end", span))

    def shutdown(self) -> None:
        """No more will come."""
        self.heard.append(("shutdown", None))

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Somebody is in a hurry."""
        self.heard.append(("flush", timeout_millis))
        return self.flushes


@pytest.mark.parametrize("decision", Decision)
def test_decisions(decision: Decision) -> None:
    """What is only recorded reaches processors and is not sent.

    Specified in trace/sdk.md, Sampling.
    """
    recording, sampled = decision is not Decision.DROP, decision is Decision.RECORD_AND_SAMPLE
    here = traced(sampler=Fixed(decision))
    watcher = Watcher()
    here.provider.add_span_processor(watcher)
    span = here.provider.get_tracer("lib").start_span("made")
    assert (span.is_recording(), span.get_span_context().trace_flags.sampled) == (recording, sampled)
    span.end()
    assert [what for what, _ in watcher.heard] == (["start", "end"] if recording else [])
    assert len(here.spans()) == sampled


def test_sampler_sees_and_says(here: Traced) -> None:
    """It gets all that is known, its attributes and trace state are the span's.

    Specified in trace/sdk.md, ShouldSample.
    """
    sampler = Fixed(
        Decision.RECORD_AND_SAMPLE, attributes={"why": "luck"}, trace_state=TraceState([("v", "2")])
    )
    there = traced(sampler=sampler)
    link = Link(LINKED)
    span = there.provider.get_tracer("lib").start_span("made", attributes={"a": 1}, links=[link])
    span.end()
    ((_, trace_id, name, _, told, links, _),) = sampler.asked
    assert (trace_id, name, told, list(links)) == (span.get_span_context().trace_id, "made", {"a": 1}, [link])
    assert attributes(there.span()) == {"why": "luck"}
    assert there.span().trace_state == "v=2"


def test_unsampled_span_has_an_id_of_its_own() -> None:
    """Log lines of different unsampled spans can be told apart.

    Specified in trace/sdk.md, Sdk Span creation.
    """
    here = traced(sampler=Fixed(Decision.DROP))
    tracer = here.provider.get_tracer("lib")
    with tracer.start_as_current_span("parent") as parent, tracer.start_as_current_span("child") as child:
        assert parent.get_span_context().span_id != child.get_span_context().span_id != 0
        assert parent.get_span_context().trace_id == child.get_span_context().trace_id


def test_sampler_that_fails_costs_no_request() -> None:
    """Its exception stays with us.

    Specified in error-handling.md, Basic error handling principles.
    """

    class Broken(Fixed):
        def should_sample(self, *_: Any, **__: Any) -> SamplingResult:
            raise RuntimeError("broken")

    here = traced(sampler=Broken(Decision.DROP))
    with here.provider.get_tracer("lib").start_as_current_span("made") as span:
        assert not span.is_recording()


def test_random_flag_is_set_and_handed_on(here: Traced) -> None:
    """Other services know that the trace's id may be sampled by.

    Specified in trace/sdk.md, Random trace flag.
    """
    tracer = here.provider.get_tracer("lib")
    with tracer.start_as_current_span("root") as root:
        child = tracer.start_span("child")
    assert root.get_span_context().trace_flags == child.get_span_context().trace_flags == 3
    for bits in (1, 3):
        remote = NonRecordingSpan(SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(bits)))
        span = tracer.start_span("made", context=set_span_in_context(remote, Context()))
        assert span.get_span_context().trace_flags == bits


def test_flags_reach_the_store(here: Traced) -> None:
    """Trace flags, and whether the parent was remote, are part of the span.

    Specified in protocol: trace.proto, SpanFlags.
    """
    tracer = here.provider.get_tracer("lib")
    remote = NonRecordingSpan(SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1)))
    with tracer.start_as_current_span("server", context=set_span_in_context(remote, Context())):
        tracer.start_span("child").end()
    tracer.start_span("root", context=Context()).end()
    assert [span.flags for span in here.spans()] == [0x101, 0x301, 0x103]


def test_ids_come_from_the_generator() -> None:
    """Who wants other ids gets them, and says whether they are random.

    Specified in trace/sdk.md, Id Generators.
    """

    class Ids:
        def generate_trace_id(self) -> int:
            return 0xAA

        def generate_span_id(self) -> int:
            return 0xBB

        def is_trace_id_random(self) -> bool:
            return False

    here = traced(ids=Ids())
    context = here.provider.get_tracer("lib").start_span("made").get_span_context()
    assert (context.trace_id, context.span_id, context.trace_flags.random_trace_id) == (0xAA, 0xBB, False)


def test_attributes_beyond_the_limit_are_counted() -> None:
    """Of too many the last are discarded; those that are there can still be changed.

    Specified in common/README.md, Attribute Limits.
    """
    most = AttributeLimits(most=2)
    here = traced(limits=SpanLimits(span=most, event=most, link=most))
    span = here.provider.get_tracer("lib").start_span(
        "made", attributes={"a": 1, "b": 2, "c": 3}, links=[Link(LINKED, {"a": 1, "b": 2, "c": 3})]
    )
    span.set_attribute("d", 4)
    span.set_attributes({"a": 5, "e": 6})
    span.add_event("then", {"a": 1, "b": 2, "c": 3, "d": 4})
    span.end()
    sent = here.span()
    assert (attributes(sent), sent.dropped_attributes_count) == ({"a": 5, "b": 2}, 3)
    assert (attributes(sent.events[0]), sent.events[0].dropped_attributes_count) == ({"a": 1, "b": 2}, 2)
    assert (attributes(sent.links[0]), sent.links[0].dropped_attributes_count) == ({"a": 1, "b": 2}, 1)


def test_events_and_links_beyond_the_limit_are_counted() -> None:
    """A loop that adds events without end costs no memory.

    Specified in trace/sdk.md, Span Limits.
    """
    here = traced(limits=SpanLimits(events=2, links=1))
    span = here.provider.get_tracer("lib").start_span("made", links=[Link(LINKED), Link(LINKED)])
    for number in range(5):
        span.add_event(f"{number}")
    span.end()
    sent = here.span()
    assert ([event.name for event in sent.events], sent.dropped_events_count) == (["0", "4"], 3)
    assert (len(sent.links), sent.dropped_links_count) == (1, 1)


@pytest.mark.parametrize(
    ("value", "cut"),
    [
        ("abcdef", "abc"),
        ("üüüü", "üüü"),
        (b"abcdef", b"abc"),
        (["abcdef", "x"], ("abc", "x")),
        ({"k": "abcdef"}, {"k": "abc"}),
        ([{"k": ["abcdef", b"abcdef"]}], ({"k": ("abc", b"abc")},)),
        (123_456, 123_456),
        (True, True),
    ],
)
def test_long_values_are_cut(value: Any, cut: Any) -> None:
    """Strings by characters, bytes by bytes, whatever they stand in.

    Specified in common/README.md, Attribute Limits.
    """
    here = traced(limits=SpanLimits(span=AttributeLimits(longest=3)))
    tracer = here.provider.get_tracer("lib")
    tracer.start_span("made", attributes={"key": value}).end()
    span = tracer.start_span("made")
    span.set_attribute("key", value)
    span.end()
    assert [attributes(span) for span in here.spans()] == [{"key": cut}] * 2


def test_processors_are_called_in_order(here: Traced) -> None:
    """Those added later see what earlier ones have set.

    Specified in trace/sdk.md, Span Processor.
    """
    first, second = Watcher(), Watcher()
    here.provider.add_span_processor(first)
    here.provider.add_span_processor(second)
    here.provider.get_tracer("lib").start_span("made").end()
    for watcher in (first, second):
        (_, name), (_, ended) = watcher.heard
        assert (name, dict(ended.attributes)) == ("made", {"watched": True})
    assert attributes(here.span()) == {"watched": True}


def test_processor_may_come_late(here: Traced) -> None:
    """Tracers that exist already use it.

    Specified in trace/sdk.md, Tracer Provider Configuration.
    """
    tracer = here.provider.get_tracer("lib")
    watcher = Watcher()
    here.provider.add_span_processor(watcher)
    tracer.start_span("made").end()
    assert [what for what, _ in watcher.heard] == ["start", "end"]


def test_failing_processor_hurts_nobody(here: Traced) -> None:
    """Neither the application nor the processors behind it.

    Specified in error-handling.md, Basic error handling principles.
    """

    class Broken(SpanProcessor):
        def on_start(self, *_: Any, **__: Any) -> None:
            raise RuntimeError("broken")

        def on_end(self, *_: Any) -> None:
            raise RuntimeError("broken")

    watcher = Watcher()
    here.provider.add_span_processor(Broken())
    here.provider.add_span_processor(watcher)
    here.provider.get_tracer("lib").start_span("made").end()
    assert [what for what, _ in watcher.heard] == ["start", "end"]
    assert here.span().name == "made"


def test_failing_processor_alone_hurts_nobody() -> None:
    """Not even where there is no other, nor when it is asked to flush.

    Specified in error-handling.md, Basic error handling principles.
    """

    class Broken(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            raise RuntimeError("broken")

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            raise RuntimeError("broken")

        def shutdown(self) -> None:
            raise RuntimeError("broken")

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Broken())
    provider.get_tracer("lib").start_span("made").end()
    assert not provider.force_flush()
    provider.shutdown()


def test_processor_reads_a_span_that_begins(here: Traced) -> None:
    """What the SDK's spans have besides the API, ours have too.

    Specified in trace/sdk.md, OnStart.
    """
    seen: list[Any] = []

    class Reads(SpanProcessor):
        def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
            assert span.instrumentation_scope is not None
            seen.extend([span.name, span.kind, span.parent, span.context, span.start_time, span.end_time])
            seen.extend([span.instrumentation_scope.name, span.resource.attributes["service.name"]])
            seen.extend([dict(span.attributes or {}), span.events, span.links, span.status.status_code])

    here.provider.add_span_processor(Reads())
    with here.provider.get_tracer("lib").start_as_current_span("root", attributes={"a": 1}) as root:
        pass
    _, kind, parent, context, began, ended, *rest = seen
    assert (kind, parent, context, ended) == (SpanKind.INTERNAL, None, root.get_span_context(), None)
    assert began > 0
    assert rest == ["lib", "shop", {"a": 1}, (), (), StatusCode.UNSET]


def test_readable_span_has_all(here: Traced) -> None:
    """An exporter reads everything that was said, and the scope and resource.

    Specified in trace/sdk.md, Additional Span Interfaces.
    """
    kept = InMemorySpanExporter()
    provider = here.provider
    provider.add_span_processor(SimpleSpanProcessor(kept))
    with provider.get_tracer("lib", "1.0").start_as_current_span("made", links=[Link(LINKED)]) as span:
        span.add_event("then", {"a": 1})
    (read,) = kept.get_finished_spans()
    assert isinstance(read, ReadableSpan)
    assert (read.name, read.events[0].name, read.links[0].context) == ("made", "then", LINKED)
    assert read.context == span.get_span_context()
    assert read.resource.attributes["service.name"] == "shop"
    assert read.instrumentation_scope is not None
    assert (read.instrumentation_scope.name, read.instrumentation_scope.version) == ("lib", "1.0")
    assert read.end_time is not None
    assert read.start_time is not None
    assert read.end_time >= read.start_time
    assert '"made"' in read.to_json()


def test_flush_and_shutdown_reach_all(here: Traced) -> None:
    """Each processor hears of both, and the answer is the worst of theirs.

    Specified in trace/sdk.md, ForceFlush and Shutdown.
    """
    watcher = Watcher(flushes=False)
    here.provider.add_span_processor(watcher)
    assert not here.provider.force_flush(1000)
    here.provider.shutdown()
    (_, millis), last = watcher.heard
    assert 0 < millis <= 1000
    assert last == ("shutdown", None)


def test_after_shutdown_nothing_is_recorded(here: Traced) -> None:
    """New tracers do nothing, old ones hurt nobody.

    Specified in trace/sdk.md, Shutdown.
    """
    tracer = here.provider.get_tracer("lib")
    here.provider.shutdown()
    here.provider.shutdown()
    assert not here.provider.get_tracer("other").start_span("made").is_recording()
    tracer.start_span("made").end()
    assert here.datagrams == []


def test_flush_sends_what_has_ended() -> None:
    """A function that is frozen after its answer has sent its spans.

    Specified in trace/sdk.md, ForceFlush.
    """
    here = traced(send_interval_s=60)
    here.provider.get_tracer("lib").start_span("made").end()
    began = time.monotonic()
    assert here.provider.force_flush()
    assert time.monotonic() - began < 5, "it does not wait for others"
    assert len(here.datagrams) == 1
