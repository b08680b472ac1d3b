"""The probability travels with the trace: through spans, processes, samplers and libraries of others."""

from typing import Any, Final

import pytest
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider as SdkProvider
from opentelemetry.sdk.trace._sampling_experimental import (
    composable_parent_threshold,
    composable_traceid_ratio_based,
    composite_sampler,
)
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler, SamplingResult
from opentelemetry.sdk.trace.sampling import Decision as SdkDecision
from opentelemetry.trace import Link, SpanContext, TraceFlags, TraceState

from spanloom_instrumentation import UdpSpanExporter, sampling
from spanloom_instrumentation.sampling.sampler import Intent
from spanloom_model import datagram
from spanloom_model.datagram import Datagram
from tests.instrumentation.doubles import spans, traced

HALF: Final = "ot=th:8,vendor=x"


class Highest:
    """Ids that every sampler keeps."""

    def generate_trace_id(self) -> int:
        """All bits."""
        return 2**128 - 1

    def generate_span_id(self) -> int:
        """Any."""
        return 7

    def is_trace_id_random(self) -> bool:
        """So it says."""
        return True


def requested(*, sampled: bool = True, state: str = HALF) -> Context:
    """A request that came over the network."""
    flags = "03" if sampled else "02"
    randomness = "f" * 14 if sampled else "0" * 14
    headers = {"traceparent": f"00-{'a' * 18}{randomness}-{'b' * 16}-{flags}", "tracestate": state}
    return propagate.extract(headers, Context())


def request_of(provider: Any, context: Context | None = None) -> dict[str, str]:
    """The headers that a program sends from inside two spans."""
    tracer = provider.get_tracer("lib")
    headers: dict[str, str] = {}
    with tracer.start_as_current_span("outer", context=context), tracer.start_as_current_span("inner"):
        propagate.inject(headers)
    return headers


SAMPLERS: Final = [
    sampling.parent_based(sampling.ALWAYS_OFF),
    sampling.rate_limited(1),
    sampling.rules(sampling.Rule(sampling.parent_based(sampling.ALWAYS_OFF))),
    sampling.annotating(sampling.parent_based(sampling.ALWAYS_OFF), {"a": 1}),
    sampling.remote("shop", endpoint="http://127.0.0.1:1"),
    ParentBased(ALWAYS_ON),
    composite_sampler(composable_parent_threshold(composable_traceid_ratio_based(0.001))),
]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
def test_through_a_process(sampler: Any) -> None:
    """Whatever decides there, what came in is on each span and goes out again, others' entries too."""
    here = traced(sampler=sampler)
    assert request_of(here.provider, requested())["tracestate"] == HALF
    assert [span.trace_state for span in here.spans()] == [HALF, HALF]
    here.provider.shutdown()


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
def test_unsampled_requests_claim_nothing(sampler: Any) -> None:
    """What was not kept stands for nothing, and what others wrote goes on."""
    here = traced(sampler=sampler)
    sent = request_of(here.provider, requested(sampled=False))
    assert (sent["tracestate"], sent["traceparent"][-2:]) == ("vendor=x", "02")
    assert here.spans() == []
    here.provider.shutdown()


@pytest.mark.parametrize(
    "sampler",
    [
        sampling.probability(0.5),
        composite_sampler(composable_traceid_ratio_based(0.5)),
        composite_sampler(composable_parent_threshold(composable_traceid_ratio_based(0.5))),
    ],
    ids=str,
)
def test_from_a_root_on(sampler: Any) -> None:
    """Ours and the SDK's consistent samplers say the same."""
    here = traced(sampler=sampler, ids=Highest())
    assert request_of(here.provider)["tracestate"] == "ot=th:8"
    assert [span.trace_state for span in here.spans()] == ["ot=th:8", "ot=th:8"]


def test_through_a_process_of_the_sdk() -> None:
    """A service with the SDK and our exporter, between two of ours, says and hands on what it was told."""
    datagrams: list[bytes] = []
    between = SdkProvider(shutdown_on_exit=False)
    between.add_span_processor(SimpleSpanProcessor(UdpSpanExporter("", send=datagrams.append)))
    first, last = traced(sampler=sampling.probability(0.5), ids=Highest()), traced()
    headers = request_of(between, propagate.extract(request_of(first.provider), Context()))
    request_of(last.provider, propagate.extract(headers, Context()))
    found = [one for data in datagrams if isinstance(one := datagram.decode(data), Datagram)]
    everywhere = [*first.spans(), *spans(found), *last.spans()]
    assert [span.trace_state for span in everywhere] == ["ot=th:8"] * 6


def test_through_links() -> None:
    """A batch that was made of sampled messages knows what each stands for."""
    here = traced()
    state = TraceState.from_header([HALF])
    message = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=state)
    tracer = here.provider.get_tracer("lib")
    with tracer.start_as_current_span("batch", links=[Link(message)]) as span:
        span.add_link(message)
    assert [link.trace_state for link in here.span().links] == [HALF, HALF]


class Odd(Sampler):
    """A sampler of the SDK that knows nothing of thresholds, and hands on all that it was given."""

    def __init__(self, decision: SdkDecision) -> None:
        self._decision = decision

    def should_sample(self, *given: Any) -> SamplingResult:
        """As it was told."""
        return SamplingResult(
            self._decision, None, trace.get_current_span(given[0]).get_span_context().trace_state
        )

    def get_description(self) -> str:
        """Describe it."""
        return "Odd"


@pytest.mark.parametrize(
    ("decision", "sampled", "expected"),
    [
        (SdkDecision.RECORD_AND_SAMPLE, True, HALF),
        (SdkDecision.RECORD_AND_SAMPLE, False, "vendor=x"),
        (SdkDecision.RECORD_ONLY, True, "vendor=x"),
        (SdkDecision.DROP, True, "vendor=x"),
    ],
)
def test_what_is_no_longer_true_is_not_handed_on(
    decision: SdkDecision, expected: str, *, sampled: bool
) -> None:
    """A sampler that decides against the threshold does not leave it there for others to multiply by."""
    here = traced(sampler=Odd(decision))
    assert request_of(here.provider, requested(sampled=sampled))["tracestate"] == expected


def test_a_sampler_that_fails_loses_nothing_of_others() -> None:
    """Its span is not recorded; the trace goes on, without a threshold that would say too much."""

    class Failing:
        follows_parent = False

        def intent(self, _: object) -> Any:
            raise ZeroDivisionError

        def shutdown(self) -> None:
            pass

    here = traced(sampler=Failing())
    sent = request_of(here.provider, requested())
    assert (sent["tracestate"], sent["traceparent"][-2:]) == ("vendor=x", "02")
    assert here.spans() == []


def test_what_is_kept_at_random_says_no_threshold() -> None:
    """A sampler that does not know what a span stands for keeps its part, unrelated to others' parts."""

    class Guess:
        follows_parent = False

        def intent(self, _: object) -> Any:
            return Intent(threshold=2**55, reliable=False)

        def shutdown(self) -> None:
            pass

    tracer = traced(sampler=Guess(), ids=Highest()).provider.get_tracer("lib")
    found = [tracer.start_span("made", context=Context()).get_span_context() for _ in range(400)]
    assert 120 < sum(one.trace_flags.sampled for one in found) < 280
    assert {one.trace_state.to_header() for one in found} == {""}
