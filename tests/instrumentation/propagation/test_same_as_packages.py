"""The same headers and contexts as with opentelemetry-propagator-b3 and -jaeger, where those are right.

What differs on purpose:

* a debug mark: theirs forget it (B3), or set it on all that is sampled (Jaeger)
* no decision: theirs make it up, sampled in the single header and not in the others
* ids of 64 bits: theirs pad them to 128, which services that count in 64 do not know as their own
* ids without their leading zeros, a `b3` that cannot be read beside headers that can: theirs give up
* Jaeger's parent id for spans that are not recorded; flags with one digit, as Jaeger's clients write them
"""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage
from opentelemetry.context import Context
from opentelemetry.propagators import b3, jaeger
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

from spanloom_instrumentation.propagation.b3 import B3Multi, B3Single
from spanloom_instrumentation.propagation.jaeger import Jaeger

TRACE_IDS = st.integers(1 << 64, (1 << 128) - 1)
SPAN_IDS = st.integers(1, (1 << 64) - 1)
PAIRS: list[tuple[TextMapPropagator, TextMapPropagator]] = [
    (B3Single(), b3.B3SingleFormat()),
    (B3Multi(), b3.B3MultiFormat()),
    (Jaeger(), jaeger.JaegerPropagator()),
]


def contexts() -> st.SearchStrategy[Context]:
    """Contexts as a service injects them, with baggage."""
    spans = st.builds(
        lambda trace_id, span_id, sampled: SpanContext(
            trace_id, span_id, is_remote=False, trace_flags=TraceFlags(sampled)
        ),
        TRACE_IDS,
        SPAN_IDS,
        st.booleans(),
    )
    items = st.dictionaries(
        st.from_regex(r"[a-z0-9_.-]{1,10}", fullmatch=True),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(str.strip),
        max_size=3,
    )
    return st.builds(with_items, spans, items)


def with_items(span: SpanContext, items: dict[str, str]) -> Context:
    """One context."""
    context = set_span_in_context(NonRecordingSpan(span), Context())
    for key, value in items.items():
        context = baggage.set_baggage(key, value, context)
    return context


def told(context: Context) -> tuple[Any, ...]:
    """What a context says that headers can."""
    found = get_current_span(context).get_span_context()
    return found.trace_id, found.span_id, found.trace_flags.sampled, dict(baggage.get_all(context))


def written(propagator: TextMapPropagator, context: Context) -> dict[str, str]:
    """Its headers."""
    headers: dict[str, str] = {}
    propagator.inject(headers, context)
    return headers


@given(contexts())
def test_each_reads_what_the_other_writes(context: Context) -> None:
    """A fleet moves service by service, and no trace breaks on the way."""
    for ours, theirs in PAIRS:
        for writer in (ours, theirs):
            headers = written(writer, context)
            assert told(ours.extract(headers)) == told(theirs.extract(headers))


@given(contexts())
def test_what_is_written_is_read_again(context: Context) -> None:
    """Nothing is lost between two of our services; B3 has no baggage."""
    for ours, _ in PAIRS:
        expected = told(context) if isinstance(ours, Jaeger) else (*told(context)[:3], {})
        assert told(ours.extract(written(ours, context))) == expected


@given(contexts())
def test_b3_is_the_same_to_the_letter(context: Context) -> None:
    """Proxies with rules on these headers see no change."""
    for ours, theirs in PAIRS[:2]:
        assert written(ours, context) == written(theirs, context)


PIECES = st.sampled_from(["-", ":", "0", "1", "d", "a" * 16, "b" * 32, "%3A", ",", "=", "x", "\u0660"])
VALUES = st.lists(PIECES, max_size=9).map("".join) | st.text(max_size=80)
NAMES = st.sampled_from(
    [
        "b3",
        "x-b3-traceid",
        "x-b3-spanid",
        "x-b3-sampled",
        "x-b3-flags",
        "uber-trace-id",
        "uberctx-a",
        "UBERCTX-B",
    ]
)


@given(st.dictionaries(NAMES | st.just("jaeger-baggage") | st.just("jaeger-debug-id"), VALUES))
def test_no_header_raises_anything(headers: dict[str, str]) -> None:
    """Whatever a stranger sends: what is read can be written, and is read the same again."""
    for ours, _ in PAIRS:
        context = ours.extract(headers)
        again = ours.extract(written(ours, context))
        if get_current_span(context).get_span_context().is_valid:
            assert told(again) == told(context)


@given(st.dictionaries(NAMES, VALUES))
def test_what_they_understand_we_do(headers: dict[str, str]) -> None:
    """No trace is lost by changing to ours; of Jaeger's, theirs takes much for numbers that is none."""
    for ours, theirs in PAIRS[:2]:
        expected = get_current_span(theirs.extract(headers)).get_span_context()
        found = get_current_span(ours.extract(headers)).get_span_context()
        if expected.is_valid:
            assert (found.trace_id, found.span_id) == (expected.trace_id, expected.span_id)
