"""What is kept because of what it is."""

from collections.abc import Mapping
from typing import Any, Final, get_args

import pytest
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

from spanloom_instrumentation import sampling
from spanloom_instrumentation.sampling.rule_based import Parent
from spanloom_instrumentation.sampling.sampler import Sampler
from tests.instrumentation.doubles import attributes, traced

ALWAYS: Final = sampling.ALWAYS_ON


def is_kept(sampler: Sampler, name: str = "made", **more: Any) -> bool:
    """Whether such a span is."""
    tracer = traced(sampler=sampler).provider.get_tracer("lib")
    return tracer.start_span(name, **{"context": Context(), **more}).get_span_context().trace_flags.sampled


def below(*, remote: bool) -> Context:
    """A context with a parent."""
    parent = SpanContext(1, 2, is_remote=remote, trace_flags=TraceFlags(0))
    return set_span_in_context(NonRecordingSpan(parent), Context())


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("GET /health", "GET /health", True),
        ("GET /health", "GET /healthy", False),
        ("GET /health", "get /health", False),
        ("GET *", "GET /orders\n/1", True),
        ("*", "", True),
        ("order-?", "order-1", True),
        ("order-?", "order-12", False),
        ("a[bc]", "ab", False),
        ("a[bc]", "a[bc]", True),
        ("a.c", "abc", False),
        (["GET *", "HEAD *"], "HEAD /", True),
        (["GET *", "HEAD *"], "PUT /", False),
        ([], "anything", False),
        ("*a*a*a*a*a*a*a*a*a*a*a*b", "a" * 20_000, False),
    ],
)
def test_names_fit_patterns(pattern: Any, name: str, *, fits: bool) -> None:
    """Stars and question marks mean what they mean elsewhere, and no name, however long, is dear."""
    assert is_kept(sampling.rules(sampling.Rule(ALWAYS, name=pattern)), name) == fits


@pytest.mark.parametrize(
    ("wanted", "told", "fits"),
    [
        ({"http.route": "/pay/*"}, {"http.route": "/pay/card"}, True),
        ({"http.route": "/pay/*"}, {"http.route": "/cart"}, False),
        ({"http.route": "*"}, None, False),
        ({"http.route": "*"}, {"other": "x"}, False),
        ({"status": "4??"}, {"status": 404}, True),
        ({"status": "4??"}, {"status": 500}, False),
        ({"beta": "true"}, {"beta": True}, True),
        ({"beta": "True"}, {"beta": True}, False),
        ({"tags": ["b", "c"]}, {"tags": ("a", "b")}, True),
        ({"tags": "ab"}, {"tags": ("a", "b")}, False),
        ({"a": "1", "b": "2"}, {"a": "1", "b": "2"}, True),
        ({"a": "1", "b": "2"}, {"a": "1"}, False),
    ],
)
def test_attributes_fit_patterns(
    wanted: Mapping[str, Any], told: Mapping[str, Any] | None, *, fits: bool
) -> None:
    """Numbers, truth and lists are compared as they are written; all that is asked for must be there."""
    assert is_kept(sampling.rules(sampling.Rule(ALWAYS, attributes=wanted)), attributes=told) == fits


def test_kinds_and_parents() -> None:
    """Servers are sampled otherwise than what they do inside, first spans otherwise than the rest."""
    servers = sampling.rules(sampling.Rule(ALWAYS, kinds=[SpanKind.SERVER]))
    assert is_kept(servers, kind=SpanKind.SERVER)
    assert not is_kept(servers, kind=SpanKind.CLIENT)
    contexts = {"none": Context(), "remote": below(remote=True), "local": below(remote=False)}
    for wanted in get_args(Parent):
        rules = sampling.rules(sampling.Rule(ALWAYS, parents=[wanted]))
        assert [where for where, context in contexts.items() if is_kept(rules, context=context)] == [wanted]
    with pytest.raises(ValueError, match="a parent is one of"):
        sampling.Rule(ALWAYS, parents=["everywhere"])  # type: ignore[list-item]  # a mistake


def test_the_first_rule_that_fits_wins() -> None:
    """Exceptions stand before what they are exceptions of, and the rest goes by a rule of its own."""
    sampler = sampling.rules(
        sampling.Rule(sampling.ALWAYS_OFF, name="GET /health"),
        sampling.Rule(ALWAYS, name="GET *", kinds=[SpanKind.SERVER]),
        sampling.Rule(ALWAYS, when=lambda start: len(start.links) > 0 or start.name == "job"),
    )
    assert not is_kept(sampler, "GET /health", kind=SpanKind.SERVER)
    assert is_kept(sampler, "GET /pay", kind=SpanKind.SERVER)
    assert not is_kept(sampler, "GET /pay"), "all conditions of a rule must be met"
    assert is_kept(sampler, "job")
    assert is_kept(sampling.rules(otherwise=ALWAYS))
    assert not is_kept(sampling.rules())


def test_what_a_rule_keeps_says_its_probability() -> None:
    """Of pages one in two, of payments all: each span says which."""
    here = traced(
        sampler=sampling.parent_based(
            sampling.rules(
                sampling.Rule(ALWAYS, name="pay"),
                otherwise=sampling.annotating(ALWAYS, {"sampled.by": "rest"}),
            )
        )
    )
    tracer = here.provider.get_tracer("lib")
    with tracer.start_as_current_span("pay"), tracer.start_as_current_span("inside"):
        pass
    tracer.start_span("page", attributes={"own": 1}).end()
    told = {span.name: attributes(span) for span in here.spans()}
    assert told == {"pay": {}, "inside": {}, "page": {"own": 1, "sampled.by": "rest"}}
    halves = traced(sampler=sampling.rules(sampling.Rule(sampling.probability(0.5), name="page")))
    states = {
        halves.provider.get_tracer("lib").start_span("page").get_span_context().trace_state.to_header()
        for _ in range(100)
    }
    assert states == {"", "ot=th:8"}


def test_a_rule_that_fails_costs_a_span_and_no_request() -> None:
    """A condition with a mistake in it does not break the application, nor what others wrote in the trace."""
    sampler = sampling.rules(sampling.Rule(ALWAYS, when=lambda start: start.attributes["a"] == 1))  # type: ignore[index]  # the mistake
    assert not is_kept(sampler)
    assert is_kept(sampler, attributes={"a": 1})


def test_samplers_say_what_they_are() -> None:
    """In a log one can read what was set."""
    sampler = sampling.parent_based(
        sampling.rules(
            sampling.Rule(sampling.ALWAYS_OFF, name="GET /health"), otherwise=sampling.rate_limited(10)
        )
    )
    assert str(sampler) == (
        "ParentBased{root=RuleBased{(name=GET /health:AlwaysOff),(:ParentBased{root=RateLimited{10}})}}"
    )
    assert str(sampling.annotating(ALWAYS, {"a": 1})) == "Annotating{AlwaysOn,{'a': 1}}"
