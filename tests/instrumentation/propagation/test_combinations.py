"""Several propagators at once: a fleet that moves from one to another."""

import itertools

import pytest
from opentelemetry import baggage

from spanloom_instrumentation.propagation.named import composed
from spanloom_instrumentation.sampling.samplers import ParentBased, probability
from tests.instrumentation.propagation.services import ALWAYS, NEVER, SPAN, TRACE, Service, read

W3C = {"traceparent": f"00-{TRACE}-{SPAN}-03", "tracestate": "ot=th:8,other=1"}
B3 = {"b3": f"{TRACE}-{SPAN}-1"}
JAEGER = {"uber-trace-id": f"{TRACE}:{SPAN}:0:1"}
ORDERS = [",".join(order) for order in itertools.permutations(["tracecontext", "b3", "b3multi", "jaeger"])]


@pytest.mark.parametrize("names", ORDERS)
def test_trace_state_stays_whatever_the_order(names: str) -> None:
    """Statistics know what a span stands for, though other headers tell the same trace without it."""
    found = read(composed(names), {**W3C, **B3, **JAEGER})
    assert found.trace_state.to_header() == "ot=th:8,other=1"
    assert found.trace_flags.random_trace_id


def test_trace_state_of_another_trace_does_not_stay() -> None:
    """Whoever continues the trace of `b3` says nothing of another's probability."""
    other = {"b3": f"{TRACE[::-1]}-{SPAN}-1"}
    assert not read(composed("tracecontext,b3"), {**W3C, **other}).trace_state


def test_decision_stays_where_another_leaves_it_open() -> None:
    """A proxy's B3 ids without a decision do not undo what traceparent decided."""
    service = Service("tracecontext,b3", sampler=NEVER)
    service.asked({**W3C, "b3": f"{TRACE}-{SPAN}"})
    assert service.sent() == ["call", "serve"]


@pytest.mark.parametrize("names", ["tracecontext,b3", "b3,tracecontext"])
def test_decision_without_ids_is_for_roots_only(names: str) -> None:
    """`b3: 0` beside a traceparent that was sampled tears no hole into that trace."""
    service = Service(names, sampler=ALWAYS)
    service.asked({**W3C, "b3": "0"})
    assert service.sent() == ["call", "serve"]


@pytest.mark.parametrize("names", ["tracecontext,b3", "b3,tracecontext"])
def test_debug_reaches_a_trace_of_another_header(names: str) -> None:
    """Who adds `X-B3-Flags: 1` by hand sees the request, though a gateway has begun its trace unsampled."""
    service = Service(names, sampler=NEVER)
    sent = service.asked({"traceparent": f"00-{TRACE}-{SPAN}-00", "x-b3-flags": "1"})
    assert service.sent() == ["call", "serve"]
    assert sent["traceparent"].startswith(f"00-{TRACE}-")
    assert sent["b3"].endswith("-d")


def test_debug_goes_before_denial() -> None:
    """A proxy that switches tracing off for a path does not keep a person from looking at it."""
    service = Service("b3,jaeger", sampler=NEVER)
    service.asked({"b3": "0", "jaeger-debug-id": "17"})
    assert service.sent() == ["call", "serve"]


def test_all_that_is_written_tells_the_same() -> None:
    """Whichever header the next service reads, it goes on with the same trace, parent and decision."""
    for sampler in (ALWAYS, NEVER):
        sent = Service("tracecontext,b3,b3multi,jaeger", sampler=sampler).asked({})
        found = {
            (context.trace_id, context.span_id, context.trace_flags.sampled)
            for name in ("tracecontext", "b3", "b3multi", "jaeger")
            for context in [
                read(composed(name), {key: sent[key] for key in composed(name).fields if key in sent})
            ]
        }
        assert len(found) == 1


def test_probability_travels_beside_b3() -> None:
    """With `tracecontext` beside B3 the next service's spans say what they stand for; without they cannot."""
    for names, known in (("tracecontext,b3", True), ("b3", False)):
        first = Service(names, sampler=ParentBased(probability(0.9999)))
        then = Service(names)
        sent = next(sent for sent in (first.asked({}) for _ in range(100)) if sent["b3"].endswith("-1"))
        then.asked(sent)
        assert {"th:" in span.trace_state for span in then.here.spans()} == {known}


def test_baggage_of_both_kinds_is_one() -> None:
    """Services that write W3C's baggage and such that write Jaeger's give a request what both know."""
    headers = {"baggage": "a=1,b=1", "uberctx-b": "2", "uberctx-c": "2"}
    found = baggage.get_all(composed("baggage,jaeger").extract(headers))
    assert dict(found) == {"a": "1", "b": "2", "c": "2"}


def test_context_that_was_attached_does_not_leak_into_the_next_request() -> None:
    """A debugged request makes no others debugged."""
    service = Service("b3", sampler=NEVER)
    service.asked({"b3": "d"})
    assert service.asked({})["b3"].endswith("-0")
    assert service.sent() == ["call", "serve"]
