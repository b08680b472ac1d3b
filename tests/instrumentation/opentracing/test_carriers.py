"""Span contexts as headers and as bytes."""

import contextlib
import struct
from typing import Any

import opentracing
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import CarrierT, Getter, default_getter
from opentelemetry.sdk.trace import TracerProvider as SdkProvider
from opentracing import (
    Format,
    InvalidCarrierException,
    SpanContextCorruptedException,
    UnsupportedFormatException,
)

from spanloom_instrumentation.opentracing import Tracer
from spanloom_instrumentation.propagation.b3 import B3Single
from spanloom_instrumentation.propagation.named import composed
from spanloom_instrumentation.sampling.samplers import ALWAYS_OFF, ParentBased
from tests.instrumentation.doubles import Traced, attributes, traced
from tests.instrumentation.propagation.services import SPAN, TRACE

TRACER = Tracer(traced().provider)


def as_bytes(span: Any) -> bytearray:
    """What is appended."""
    carrier = bytearray()
    TRACER.inject(span.context, Format.BINARY, carrier)
    return carrier


@given(st.dictionaries(st.text(max_size=20), st.text(), max_size=5))
def test_bytes_say_all(items: dict[str, str]) -> None:
    """A message's context is the same at the other end, whatever its baggage."""
    span = TRACER.start_span("one")
    for key, value in items.items():
        span.set_baggage_item(key, value)
    found = TRACER.extract(Format.BINARY, as_bytes(span))
    assert found
    assert found.baggage == items
    assert found.span_context.is_remote
    assert (found.trace_id, found.span_id) == (span.context.trace_id, span.context.span_id)
    assert found.span_context.trace_state == span.context.span_context.trace_state
    assert found.span_context.trace_flags.sampled


def test_bytes_are_those_of_jaegers_clients() -> None:
    """Services that still have one of them read our messages, and we read theirs."""
    span = TRACER.start_span("one").set_baggage_item("a", "ü")
    ids = (span.context.trace_id >> 64, span.context.trace_id & (1 << 64) - 1, span.context.span_id)
    theirs = struct.pack(">QQQQBI", *ids, 0, 1, 1) + b"\0\0\0\1a\0\0\0\2\xc3\xbc"
    assert as_bytes(span).startswith(theirs)
    found = TRACER.extract(Format.BINARY, bytearray(theirs))
    assert found
    assert (found.trace_id, found.span_id) == (span.context.trace_id, span.context.span_id)
    assert found.baggage == {"a": "ü"}


def test_bytes_are_appended() -> None:
    """What the application has put before stays."""
    carrier = bytearray(b"before")
    TRACER.inject(TRACER.start_span("one").context, Format.BINARY, carrier)
    assert carrier.startswith(b"before")
    assert TRACER.extract(Format.BINARY, carrier[6:])


@given(st.binary(min_size=1) | st.binary().map(lambda tail: bytes(as_bytes(TRACER.start_span("one"))) + tail))
def test_hostile_bytes(data: bytes) -> None:
    """Bytes that are no context raise the one exception that says so, whatever they are."""
    with contextlib.suppress(SpanContextCorruptedException):
        TRACER.extract(Format.BINARY, bytearray(data))


@pytest.mark.parametrize(
    "tail",
    [
        struct.pack(">I", 1 << 31),
        struct.pack(">I", 1),
        struct.pack(">II", 1, 1),
        struct.pack(">IBIB", 1, 0x61, 2, 0x61),
        struct.pack(">IBIB", 1, 0xFF, 1, 0x61),
    ],
)
def test_bytes_that_end_early(tail: bytes) -> None:
    """A length that promises more than there is allocates nothing."""
    with pytest.raises(SpanContextCorruptedException):
        TRACER.extract(Format.BINARY, bytearray(struct.pack(">QQQQBI", 0, 1, 1, 0, 1, 1) + tail))


def test_bytes_with_too_much_baggage() -> None:
    """A count that nobody would send is refused before it is believed."""
    items = b"".join(struct.pack(">I8sI", 8, b"%08d" % number, 0) for number in range(200))
    for count in (200, 1 << 31):
        with pytest.raises(SpanContextCorruptedException):
            TRACER.extract(Format.BINARY, bytearray(struct.pack(">QQQQBI", 0, 1, 1, 0, 1, count) + items))


def test_bytes_say_that_a_trace_is_debugged() -> None:
    """Debugging goes on behind a queue."""
    here = traced(sampler=ParentBased(ALWAYS_OFF))
    tracer = Tracer(here.provider, http_headers=composed("b3"))
    came = tracer.extract(Format.HTTP_HEADERS, {"b3": "d"})
    carrier = bytearray()
    tracer.inject(tracer.start_span("sent", child_of=came).context, Format.BINARY, carrier)
    tracer.start_span("received", child_of=tracer.extract(Format.BINARY, carrier)).finish()
    assert [span.name for span in here.spans()] == ["received"]


@pytest.mark.parametrize("format_", [Format.TEXT_MAP, Format.HTTP_HEADERS])
def test_headers_in_any_case(format_: str) -> None:
    """A dictionary of headers as any framework hands it over is read."""
    found = TRACER.extract(format_, {"TraceParent": f"00-{TRACE}-{SPAN}-01", "Baggage": "a=1"})
    assert found
    assert (found.trace_id, found.span_id) == (int(TRACE, 16), int(SPAN, 16))
    assert found.baggage == {"a": "1"}
    assert TRACER.extract(format_, {"TraceParent": "nonsense", 1: "a"}) is None


def test_baggage_alone_is_no_parent_and_no_link(here: Traced) -> None:
    """A request that only carries baggage begins a trace, and the trace has the baggage."""
    tracer = Tracer(here.provider)
    came = tracer.extract(Format.TEXT_MAP, {"baggage": "a=1"})
    span = tracer.start_span("one", references=[opentracing.follows_from(came)])
    span.finish()
    assert span.get_baggage_item("a") == "1"
    assert not here.span().parent_span_id
    assert not here.span().links


def test_debug_goes_on_over_providers_of_others() -> None:
    """A service with opentelemetry-sdk's provider hands the mark on too."""
    tracer = Tracer(SdkProvider(shutdown_on_exit=False), http_headers=composed("b3"))
    span = tracer.start_span("one", child_of=tracer.extract(Format.HTTP_HEADERS, {"b3": f"{TRACE}-{SPAN}-d"}))
    carrier: dict[str, str] = {}
    tracer.inject(span.context, Format.HTTP_HEADERS, carrier)
    assert carrier["b3"].endswith("-d")


def test_propagators_that_ask_in_capitals(here: Traced) -> None:
    """Those of other packages find their headers too."""

    class Capitals(B3Single):
        def extract(
            self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
        ) -> Context:
            (value,) = getter.get(carrier, "X-Mine") or [""]
            return super().extract({"b3": value}, context)

    found = Tracer(here.provider, text_map=Capitals()).extract(
        Format.TEXT_MAP, {"x-mine": f"{TRACE}-{SPAN}-1"}
    )
    assert found
    assert found.trace_id == int(TRACE, 16)


def test_debug_id_reaches_the_root() -> None:
    """`jaeger-debug-id` works in a service that was Jaeger's."""
    here = traced(sampler=ParentBased(ALWAYS_OFF))
    tracer = Tracer(here.provider, http_headers=composed("jaeger"))
    came = tracer.extract(Format.HTTP_HEADERS, {"jaeger-debug-id": "17"})
    tracer.start_span("serve", child_of=came).finish()
    assert attributes(here.span()) == {"jaeger-debug-id": "17"}


@pytest.mark.parametrize("carrier", [None, 1, "text", b"bytes", []])
def test_carriers_that_are_none(carrier: Any) -> None:
    """A programmer's mistake is told as OpenTracing tells it."""
    context = TRACER.start_span("one").context
    for format_ in (Format.TEXT_MAP, Format.HTTP_HEADERS, Format.BINARY):
        with pytest.raises(InvalidCarrierException):
            TRACER.inject(context, format_, carrier)
        if format_ != Format.BINARY or not isinstance(carrier, bytes):
            with pytest.raises(InvalidCarrierException):
                TRACER.extract(format_, carrier)


@pytest.mark.parametrize("format_", ["zipkin-span-format", None, 1])
def test_formats_that_there_are_not(format_: Any) -> None:
    """The same for a format."""
    with pytest.raises(UnsupportedFormatException):
        TRACER.inject(TRACER.start_span("one").context, format_, {})
    with pytest.raises(UnsupportedFormatException):
        TRACER.extract(format_, {})


@pytest.mark.parametrize(
    "context", [None, opentracing.SpanContext(), opentracing.Tracer().start_span("noop")]
)
def test_contexts_of_others_write_nothing(here: Traced, context: Any) -> None:
    """A span of OpenTracing's own tracer, which does nothing, is no parent and leaves no headers."""
    carrier: dict[str, str] = {}
    TRACER.inject(context, Format.HTTP_HEADERS, carrier)
    assert carrier == {}
    tracer = Tracer(here.provider)
    tracer.start_span("one", child_of=context, references=opentracing.follows_from(context)).finish()
    assert not here.span().parent_span_id
    assert not here.span().links


def test_span_may_stand_for_its_context(here: Traced, tracer: Tracer) -> None:
    """As with Jaeger's client, and so may one reference for a list of one."""
    parent = tracer.start_span("parent")
    carrier: dict[str, str] = {}
    tracer.inject(parent, Format.HTTP_HEADERS, carrier)
    assert f"{parent.context.span_id:016x}" in carrier["traceparent"]
    tracer.start_span("child", references=opentracing.child_of(parent)).finish()
    assert here.span().parent_span_id.hex() == f"{parent.context.span_id:016x}"
