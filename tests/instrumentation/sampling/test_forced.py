"""Traces that somebody asked for: kept whatever the sampler says."""

from typing import Any, Final

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF as SDK_OFF
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    TraceFlags,
    TraceState,
    get_current_span,
    set_span_in_context,
)

from spanloom_instrumentation import sampling
from spanloom_instrumentation.sampling.forced import debug_id, force, is_forced
from tests.instrumentation.doubles import Traced, attributes, traced

OFF: Final = sampling.parent_based(sampling.ALWAYS_OFF)
SAMPLERS: Final = [OFF, sampling.ALWAYS_OFF, sampling.probability(0), SDK_OFF]


def below(*, sampled: bool, remote: bool = True, state: str = "") -> Context:
    """A context with a parent."""
    parent = SpanContext(
        0xC0_0000_0000_0000,
        2,
        is_remote=remote,
        trace_flags=TraceFlags(sampled | 2),
        trace_state=TraceState.from_header([state]),
    )
    return set_span_in_context(NonRecordingSpan(parent), Context())


def start(here: Traced, name: str, context: Context) -> Span:
    """Start and end a span."""
    span = here.provider.get_tracer("lib").start_span(name, context=context)
    span.end()
    return span


def test_the_mark_is_in_the_context_alone() -> None:
    """Only the request that asks for it is kept; what it wants to be found by has a bearable length."""
    context = Context()
    marked = force(context, "ticket-7")
    assert (is_forced(context), debug_id(context)) == (False, None)
    assert (is_forced(marked), debug_id(marked)) == (True, "ticket-7")
    assert (is_forced(force(context)), debug_id(force(context))) == (True, None)
    assert (is_forced(), debug_id()) == (False, None)
    assert len(debug_id(force(context, "x" * 10_000)) or "") == 256


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
def test_a_forced_root_is_kept_and_stands_for_itself(sampler: Any) -> None:
    """Every such trace is kept, so each counts as one; and it is found by its debug id."""
    here = traced(sampler=sampler)
    start(here, "usual", Context())
    start(here, "forced", force(Context(), "ticket-7"))
    sent = here.span()
    assert (sent.name, sent.trace_state, attributes(sent)) == (
        "forced",
        "ot=th:0",
        {"jaeger-debug-id": "ticket-7"},
    )


def test_a_root_that_is_forced_counts_as_one_though_the_sampler_would_have_kept_it() -> None:
    """One in two is kept anyway: those must not count twice, as they are not one in two."""
    here = traced(sampler=sampling.parent_based(sampling.probability(0.5)))
    for _ in range(50):
        start(here, "forced", force(Context()))
    assert [span.trace_state for span in here.spans()] == ["ot=th:0"] * 50


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
def test_a_request_from_elsewhere_is_kept_though_its_sender_was_not(sampler: Any) -> None:
    """It says nothing of what it stands for: others like it are counted by those that are sampled."""
    here = traced(sampler=sampler)
    context = below(sampled=False, state="ot=th:8;x:y,v=1")
    start(here, "usual", context)
    start(here, "forced", force(context, "ticket-7"))
    sent = here.span()
    assert (sent.name, sent.trace_state, attributes(sent)["jaeger-debug-id"]) == (
        "forced",
        "ot=x:y,v=1",
        "ticket-7",
    )


def test_a_request_from_a_sampled_sender_stays_what_it_is() -> None:
    """The sender's probability goes on, and the debug id is there."""
    here = traced(sampler=OFF)
    start(here, "forced", force(below(sampled=True, state="ot=th:8"), "ticket-7"))
    sent = here.span()
    assert (sent.trace_state, attributes(sent)) == ("ot=th:8", {"jaeger-debug-id": "ticket-7"})


@pytest.mark.parametrize("sampler", [OFF, sampling.ALWAYS_OFF], ids=str)
def test_all_that_a_forced_span_does_is_kept(sampler: Any) -> None:
    """Its children too, whose sampler may ask about each; the id is said once."""
    here = traced(sampler=sampler)
    tracer = here.provider.get_tracer("lib")
    with tracer.start_as_current_span("root", context=force(Context(), "ticket-7")) as root:
        context = force(set_span_in_context(root), "ticket-7")
        with tracer.start_as_current_span("child", context=context):
            pass
    told = {span.name: attributes(span) for span in here.spans()}
    assert told == {"root": {"jaeger-debug-id": "ticket-7"}, "child": {}}


def test_a_part_of_an_unsampled_trace_can_be_forced() -> None:
    """From there on the trace is kept, with its own ids, though what is above is not."""
    here = traced(sampler=OFF)
    tracer = here.provider.get_tracer("lib")
    with tracer.start_as_current_span("root") as root:
        marked = force(set_span_in_context(root, Context()))
        assert get_current_span(marked).get_span_context() == root.get_span_context()
        with (
            tracer.start_as_current_span("part", context=marked),
            tracer.start_as_current_span("inside"),
        ):
            pass
        with tracer.start_as_current_span("beside"):
            pass
    sent = {span.name: span for span in here.spans()}
    assert set(sent) == {"part", "inside"}
    assert int.from_bytes(sent["part"].trace_id) == root.get_span_context().trace_id
    assert int.from_bytes(sent["part"].parent_span_id) == root.get_span_context().span_id
    assert {span.trace_state for span in sent.values()} == {""}


def test_ids_that_are_not_random_keep_their_randomness() -> None:
    """A forced root hands on what its children's samplers go by."""

    class Ids:
        def generate_trace_id(self) -> int:
            return 7

        def generate_span_id(self) -> int:
            return 8

        def is_trace_id_random(self) -> bool:
            return False

    here = traced(sampler=OFF, ids=Ids())
    start(here, "forced", force(Context()))
    assert here.span().trace_state.startswith("ot=th:0;rv:")
