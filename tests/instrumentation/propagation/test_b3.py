"""What B3 says that OpenTelemetry's contexts do not, and what clients of all ages write."""

import pytest
from opentelemetry.sdk.trace import TracerProvider as SdkProvider
from opentelemetry.trace import set_span_in_context

from spanloom_instrumentation.propagation.b3 import B3Multi, B3Single
from spanloom_instrumentation.sampling.samplers import ALWAYS_ON, ParentBased, probability
from tests.instrumentation.propagation.services import ALWAYS, NEVER, SPAN, TRACE, Service, passed_on, read


@pytest.mark.parametrize("headers", [{"b3": "0"}, {"x-b3-sampled": "0"}, {"x-b3-sampled": "false"}])
@pytest.mark.parametrize("sampler", [ALWAYS, ALWAYS_ON], ids=str)
def test_denial_without_ids_is_for_the_root(headers: dict[str, str], sampler: ParentBased) -> None:
    """A health check that says `b3: 0` leaves no spans, here and behind."""
    service = Service("b3", sampler=sampler)
    sent = service.asked(headers)["b3"]
    assert service.sent() == ([] if sampler is ALWAYS else ["call"]), "who asks nobody keeps what is below"
    assert len(sent.split("-")) == 3
    assert sent.endswith("-0") is (sampler is ALWAYS)


@pytest.mark.parametrize("headers", [{"b3": "1"}, {"x-b3-sampled": "1"}, {"x-b3-sampled": "True"}])
def test_acceptance_without_ids_is_for_the_root(headers: dict[str, str]) -> None:
    """A load balancer that says `b3: 1` has the request traced; it is not debugged for that."""
    service = Service("b3", sampler=NEVER)
    assert service.asked(headers)["b3"].endswith("-1")
    assert service.sent() == ["call", "serve"]
    assert {span.trace_state for span in service.here.spans()} == {""}, "nobody knows what it stands for"


@pytest.mark.parametrize("headers", [{"b3": "d"}, {"b3": "D"}, {"x-b3-flags": "1"}])
def test_debug_without_ids_is_for_the_root(headers: dict[str, str]) -> None:
    """`curl -H 'X-B3-Flags: 1'` is all that it takes to see one request."""
    service = Service("b3multi", sampler=NEVER)
    assert service.asked(headers)["x-b3-flags"] == "1"
    assert service.sent() == ["call", "serve"]


UNDECIDED = [
    {"b3": f"{TRACE}-{SPAN}"},
    {"x-b3-traceid": TRACE, "x-b3-spanid": SPAN},
    {"x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-sampled": "perhaps"},
]


@pytest.mark.parametrize("headers", UNDECIDED)
@pytest.mark.parametrize(("sampler", "kept"), [(ALWAYS, ["call", "serve"]), (NEVER, [])], ids=["all", "none"])
def test_decision_that_is_left_to_the_receiver(
    headers: dict[str, str], sampler: ParentBased, kept: list[str]
) -> None:
    """A proxy that only gives out ids leaves sampling to the first service, which tells all others."""
    service = Service("b3", sampler=sampler)
    sent = service.asked(headers)["b3"]
    assert sent.startswith(f"{TRACE}-")
    assert sent.endswith("-1" if kept else "-0")
    assert service.sent() == kept


def test_root_of_an_undecided_trace_says_its_probability() -> None:
    """What is decided here counts as much as what begins here; and it stands below the proxy's span."""
    service = Service("b3", sampler=ParentBased(probability(0.9999)))
    for number in range(1, 20):
        service.asked({"b3": f"{number:x}{TRACE[2:]}-{SPAN}"})
    assert service.here.spans()
    for span in service.here.spans():
        assert "th:" in span.trace_state
        assert span.name == "call" or span.parent_span_id.hex() == SPAN


@pytest.mark.parametrize(
    "value", ["0", "1", "d", f"{TRACE}-{SPAN}", f"{TRACE}-{SPAN}-0", f"{TRACE}-{SPAN}-d"]
)
def test_service_without_spans_hands_on_what_came(value: str) -> None:
    """Tracing that is switched off in one service does not break the trace of the others."""
    assert passed_on("b3", {"b3": value}) == {"b3": value}
    assert passed_on("b3", passed_on("b3multi", {"b3": value})) == {"b3": value}


def test_ids_of_64_bits_go_on_as_they_came() -> None:
    """A fleet that counts in 64 bits finds its own ids again, in headers and in spans."""
    service = Service("b3,b3multi,jaeger")
    sent = service.asked({"b3": f"{SPAN}-{SPAN}-1"})
    assert sent["b3"].startswith(f"{SPAN}-")
    assert sent["x-b3-traceid"] == SPAN
    assert sent["uber-trace-id"].startswith(f"{SPAN}:")
    assert {span.trace_id.hex() for span in service.here.spans()} == {"0" * 16 + SPAN}


@pytest.mark.parametrize(
    ("value", "ids"),
    [("abc-1-1", (0xABC, 1)), (f"{TRACE.upper()}-{SPAN.upper()}-1", (int(TRACE, 16), int(SPAN, 16)))],
)
def test_careless_clients_are_understood(value: str, ids: tuple[int, int]) -> None:
    """Zeros that were left out and capitals are no reason to lose a trace."""
    found = read(B3Single(), {"b3": value})
    assert (found.trace_id, found.span_id) == ids


@pytest.mark.parametrize("parent", ["0020000000000001", "", "nonsense", "a-b-c"])
def test_parent_is_not_ours_to_use(parent: str) -> None:
    """What stands there, or does not, changes nothing."""
    assert read(B3Single(), {"b3": f"{TRACE}-{SPAN}-1-{parent}"}).trace_flags.sampled


def test_names_in_any_case() -> None:
    """A plain dictionary of headers works however the client spelled them."""
    names = {"X-B3-TraceId": TRACE, "X-B3-SPANID": SPAN, "x-b3-sampled": "1"}
    found = read(B3Multi(), {"Host": "a", **{name.title(): value for name, value in names.items()}})
    assert (found.trace_id, found.trace_flags.sampled) == (int(TRACE, 16), True)
    assert read(B3Single(), {"B3": f"{TRACE}-{SPAN}-1"}).trace_id == int(TRACE, 16)


def test_flags_are_debug_or_nothing() -> None:
    """Other numbers than one in `X-B3-Flags` mean nothing."""
    service = Service("b3", sampler=NEVER)
    service.asked({"x-b3-flags": "3"})
    assert service.sent() == []


def test_ids_that_are_none_leave_the_decision() -> None:
    """A client that spoils its ids still has its word on sampling."""
    service = Service("b3multi", sampler=ALWAYS)
    service.asked({"x-b3-traceid": "x", "x-b3-spanid": SPAN, "x-b3-sampled": "0"})
    assert service.sent() == []


@pytest.mark.parametrize(("state", "sampled"), [("1", True), ("d", True), ("0", False)])
def test_providers_of_others_work_with_it(*, state: str, sampled: bool) -> None:
    """In a service with opentelemetry-sdk a decision that came with ids is followed, and told to the next."""
    context = B3Single().extract({"b3": f"{TRACE}-{SPAN}-{state}"})
    span = SdkProvider(shutdown_on_exit=False).get_tracer("lib").start_span("serve", context=context)
    assert span.get_span_context().trace_flags.sampled is sampled
    sent: dict[str, str] = {}
    B3Single().inject(sent, set_span_in_context(span, context))
    assert sent["b3"].endswith(f"-{state}")
