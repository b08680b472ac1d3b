"""The same program on opentelemetry-sdk's provider and on ours sends the same OTLP.

What differs on purpose is listed in `DIFFERENCES`, each with its reason; nothing else may.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.sdk import resources
from opentelemetry.sdk.trace import SpanLimits as SdkLimits
from opentelemetry.sdk.trace import TracerProvider as SdkProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import DEFAULT_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TracerProvider,
    TraceState,
    set_span_in_context,
)
from opentelemetry.util.types import AnyValue

from spanloom_instrumentation import TracerProvider as OurProvider
from spanloom_instrumentation import UdpSpanExporter
from spanloom_instrumentation.limits import AttributeLimits, SpanLimits
from spanloom_instrumentation.resource import Resource
from spanloom_model import datagram
from spanloom_model.datagram import Datagram
from tests.instrumentation.doubles import traced

DIFFERENCES: Final = {
    "flags": "the SDK leaves out the trace flags, which OTLP wants in the lowest eight bits",
    "trace state of links": "the SDK leaves it out",
    "ot": "our sampler says in the trace state with what probability it kept a trace",
    "too many attributes": "the SDK drops the oldest, the specification wants the newest dropped",
    "long bytes": "the specification wants them cut, the SDK does not",
    "long strings that were something else": "likewise",
    "integers beyond 64 bits": "the specification wants them as strings, the SDK drops them",
    "half surrogate pairs": "the SDK loses all spans of the batch",
    "too many events": "the SDK drops the oldest, we keep the first, the latest and exceptions",
    "order of attributes": "means nothing",
    "frames of a traceback": "each library has its own",
}

LONGEST: Final = 12
MOST: Final = 3
NOW: Final = 2**50
"""Generated times are smaller, the clock's are greater, and no two runs have the same of these."""

RESOURCE: Final[Mapping[str, AnyValue]] = {"service.name": "shop", "replicas": 3}


@dataclass
class Ids:
    """The same ids in each run."""

    last: int = 0

    def generate_span_id(self) -> int:
        """The next number."""
        self.last += 1
        return self.last

    def generate_trace_id(self) -> int:
        """The next number, where a trace's id has its random bits too."""
        return self.generate_span_id() << 64 | 0xABCDEF

    def is_trace_id_random(self) -> bool:
        """So it says."""
        return True


Act = Callable[["Running", Span], None]
"""Something that a program does with a span."""


@dataclass
class Running:
    """One run of a program."""

    provider: TracerProvider

    def block(self, block: "Block") -> None:
        """Start a span, do with it what the program says, and end it."""
        tracer = self.provider.get_tracer(*block.scope)
        arguments: dict[str, Any] = {
            "kind": block.kind,
            "attributes": block.attributes,
            "links": [Link(context, told) for context, told in block.links],
            "start_time": block.start_ns,
            "record_exception": block.records,
            "set_status_on_exception": block.sets_status,
            "context": block.context,
        }
        try:
            if block.manner == "current":
                with tracer.start_as_current_span(block.name, end_on_exit=block.ends, **arguments) as span:
                    self.act(block, span)
                span.end(block.end_ns)
            elif block.manner == "with":
                with tracer.start_span(block.name, **arguments) as span:
                    self.act(block, span)
            else:
                span = tracer.start_span(block.name, **arguments)
                try:
                    self.act(block, span)
                finally:
                    span.end(block.end_ns)
        except (ValueError, KeyError):
            if block.lets_pass:
                raise

    def act(self, block: "Block", span: Span) -> None:
        """What happens in it."""
        for act in block.acts:
            act(self, span)
        if block.raises is not None:
            cls, text = block.raises
            raise cls(text)


@dataclass(kw_only=True)
class Block:
    """A span of a program, with what happens in it."""

    scope: tuple[str, str | None, str | None, Mapping[str, Any] | None]
    manner: str
    name: str
    kind: SpanKind
    attributes: Mapping[str, Any] | None
    links: list[tuple[SpanContext, Mapping[str, Any] | None]]
    context: Context | None
    start_ns: int
    end_ns: int
    records: bool
    sets_status: bool
    ends: bool
    acts: list[Act]
    raises: tuple[type[Exception], str] | None
    lets_pass: bool


class Odd:
    """A value that is none of OTLP's."""

    def __str__(self) -> str:
        return "odd"


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=LONGEST + 5)
keys = st.sampled_from(["", "a", "b", "http.route", "ключ"])
plain_values = st.one_of(
    texts,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.binary(max_size=LONGEST),
    st.none(),
)
values = st.one_of(
    plain_values,
    st.lists(plain_values, max_size=3),
    st.dictionaries(keys, plain_values, max_size=2),
    st.lists(st.dictionaries(keys, st.lists(plain_values, max_size=2), max_size=2), max_size=2),
    st.builds(Odd),
)
attribute_maps = st.none() | st.dictionaries(keys, values, max_size=4)
times = st.integers(0, 2**40)
exceptions = st.tuples(st.sampled_from([ValueError, KeyError]), texts)
"""How to make one; the same twice would remember the first time."""
trace_states = st.sampled_from([TraceState(), TraceState([("vendor", "x"), ("other", "y")])])
contexts = st.builds(
    SpanContext,
    st.integers(0, 3) | st.integers(0, 2**128 - 1),
    st.integers(0, 2**64 - 1),
    is_remote=st.booleans(),
    trace_flags=st.integers(0, 3).map(TraceFlags),
    trace_state=trace_states,
)


def act(function: Callable[..., None], *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Act]:
    """An act with generated arguments."""
    return st.tuples(*arguments).map(lambda given: lambda _, span: function(span, *given))


acts = st.one_of(
    act(lambda span, key, value: span.set_attribute(key, value), keys, values),
    act(lambda span, told: span.set_attributes(told or {}), attribute_maps),
    act(lambda span, name, told, at: span.add_event(name, told, at), texts, attribute_maps, times),
    act(lambda span, context, told: span.add_link(context, told), contexts, attribute_maps),
    act(
        lambda span, exc, told, at, escaped: span.record_exception(exc[0](exc[1]), told, at, escaped),
        exceptions,
        attribute_maps,
        times,
        st.booleans(),
    ),
    act(
        lambda span, code, text: span.set_status(code, text),
        st.sampled_from(StatusCode),
        st.none() | texts,
    ),
    act(lambda span, name: span.update_name(name), texts),
    act(lambda span, at: span.end(at), times),
)
scopes = st.sampled_from(
    [
        ("shop", None, None, None),
        ("shop", "1.0", None, None),
        ("shop", "1.0", "https://opentelemetry.io/schemas/1.30.0", {"team": "payments"}),
        ("", None, None, None),
    ]
)


def inside(block: Block) -> Act:
    """A block as an act of the one around it."""
    return lambda running, _: running.block(block)


def blocks(inner: st.SearchStrategy[Act]) -> st.SearchStrategy[Block]:
    """Spans in which these acts happen."""
    return st.builds(
        Block,
        scope=scopes,
        manner=st.sampled_from(["current", "with", "plain"]),
        name=texts,
        kind=st.sampled_from(SpanKind),
        attributes=attribute_maps,
        links=st.lists(st.tuples(contexts, attribute_maps), max_size=MOST + 1),
        context=st.none()
        | st.builds(Context)
        | contexts.map(lambda one: set_span_in_context(NonRecordingSpan(one), Context())),
        start_ns=times,
        end_ns=times,
        records=st.booleans(),
        sets_status=st.booleans(),
        ends=st.booleans(),
        acts=st.lists(inner, max_size=5),
        raises=st.none() | exceptions,
        lets_pass=st.booleans(),
    )


programs = st.lists(
    blocks(st.recursive(acts, lambda inner: acts | blocks(inner).map(inside), max_leaves=8)), max_size=3
)


def run(program: list[Block], provider: TracerProvider) -> None:
    """Run it to its end."""
    for block in program:
        with contextlib.suppress(ValueError, KeyError):
            Running(provider).block(block)


def sdk_provider(exporter: SpanExporter) -> SdkProvider:
    """The SDK's, with limits."""
    provider = SdkProvider(
        resource=resources.Resource(RESOURCE),
        id_generator=Ids(),  # type: ignore[arg-type]  # it has all that is called
        span_limits=SdkLimits(max_events=MOST, max_links=MOST, max_attribute_length=LONGEST),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


def our_settings(**settings: Any) -> dict[str, Any]:
    """The same for ours."""
    attributes = AttributeLimits(longest=LONGEST)
    limits = SpanLimits(span=attributes, event=attributes, link=attributes, events=MOST, links=MOST)
    return {"resource": Resource(RESOURCE), "ids": Ids(), "limits": limits, **settings}


def on_the_sdk(program: list[Block]) -> list[str]:
    """What the SDK sends."""
    kept = InMemorySpanExporter()
    run(program, sdk_provider(kept))
    return list(normal([encode_spans(kept.get_finished_spans())]))


def on_ours(program: list[Block], **settings: Any) -> list[str]:
    """What we send."""
    here = traced(**our_settings(**settings))
    run(program, here.provider)
    found = list(normal(here.requests()))
    here.provider.shutdown()
    return found


def with_our_exporter(program: list[Block]) -> list[str]:
    """What the SDK sends through our exporter."""
    datagrams: list[bytes] = []
    run(program, sdk_provider(UdpSpanExporter("", send=datagrams.append)))
    found = [datagram.decode(data) for data in datagrams]
    return list(
        normal(
            [ExportTraceServiceRequest.FromString(one.payload) for one in found if isinstance(one, Datagram)]
        )
    )


def with_their_exporter(program: list[Block]) -> list[str]:
    """What we send through theirs."""
    kept = InMemorySpanExporter()
    provider = OurProvider(shutdown_on_exit=False, **our_settings())
    provider.add_span_processor(SimpleSpanProcessor(kept))
    run(program, provider)
    return list(normal([encode_spans(kept.get_finished_spans())]))


def normal(requests: list[ExportTraceServiceRequest]) -> Iterator[str]:
    """Each span with what is around it, without the differences, by its id."""
    found = [
        (span, resource_spans.resource, scope_spans.scope, scope_spans.schema_url, resource_spans.schema_url)
        for request in requests
        for resource_spans in request.resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    ]
    for span, *around in sorted(found, key=lambda one: one[0].span_id):
        even(span)
        holders: list[Any] = [span, *span.events, *span.links, *around[:2]]
        for holder in holders:
            pairs = sorted(holder.attributes, key=lambda pair: pair.key)
            del holder.attributes[:]
            holder.attributes.extend(pairs)
        yield "\n".join(map(str, (span, *around)))


def even(span: OtlpSpan) -> None:
    """Take the differences away."""
    span.flags &= ~0xFF
    span.end_time_unix_nano = min(span.end_time_unix_nano, NOW)
    told = [member for member in span.trace_state.split(",") if not member.startswith("ot=")]
    span.trace_state = ",".join(told)
    for link in span.links:
        link.flags &= ~0xFF
        link.trace_state = ""
    if span.dropped_events_count:
        del span.events[:]
    for event in span.events:
        event.time_unix_nano = min(event.time_unix_nano, NOW)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(programs)
def test_programs_send_what_they_would_with_the_sdk(program: list[Block]) -> None:
    """Whoever changes from the SDK to this finds the same spans, to the last attribute."""
    expected = on_the_sdk(program)
    assert on_ours(program) == expected
    assert on_ours(program, sampler=DEFAULT_ON) == expected, "with a sampler of the SDK"


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(programs)
def test_exporters_fit_the_other_provider(program: list[Block]) -> None:
    """Ours in the SDK's pipeline, and the SDK's in ours, get the same spans."""
    expected = on_the_sdk(program)
    assert with_our_exporter(program) == expected
    assert with_their_exporter(program) == expected
