"""OpenTelemetry's specification, trace/tracestate-probability-sampling.md and tracestate-handling.md."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState, set_span_in_context

from spanloom_instrumentation import sampling
from spanloom_instrumentation.sampling.samplers import ALWAYS_OFF, ALWAYS_ON, ParentBased, probability
from spanloom_instrumentation.sampling.trace_state import telling, told_by
from spanloom_model import ot_entry
from tests.instrumentation.doubles import attributes, traced

HALF = 2**55


class Ids:
    """Trace ids that end as a test wants."""

    def __init__(self, *randomness: int, random: bool = True) -> None:
        self._left = list(randomness)
        self._random = random

    def generate_trace_id(self) -> int:
        """The next, with something before."""
        return 0xAB << 120 | self._left.pop(0)

    def generate_span_id(self) -> int:
        """Always the same."""
        return 0xBB

    def is_trace_id_random(self) -> bool:
        """As said."""
        return self._random


def below(trace_id: int, *, sampled: bool, state: str = "", random: bool = True) -> Context:
    """A context with a parent that came over the network."""
    context = SpanContext(
        trace_id,
        2,
        is_remote=True,
        trace_flags=TraceFlags(sampled | random << 1),
        trace_state=TraceState.from_header([state]),
    )
    return set_span_in_context(NonRecordingSpan(context), Context())


def told(sampler: Any, context: Context | None = None, **settings: Any) -> tuple[bool, str]:
    """Whether a span is kept, and what it hands on."""
    tracer = traced(sampler=sampler, **settings).provider.get_tracer("lib")
    found = tracer.start_span("made", context=context).get_span_context()
    return found.trace_flags.sampled, found.trace_state.to_header()


@pytest.mark.parametrize(
    ("part", "text", "count"),
    [
        (1, "0", 1),
        (0.5, "8", 2),
        (0.25, "c", 4),
        (0.125, "e", 8),
        (1 / 3, "aaab", 3.0000457770657576),
        (1 / 5, "cccd", 5.000076295109),
        (1 / 10, "e666", 9.99938968568813),
        (1 / 100, "fd70a", 99.99771123402633),
        (1 / 1000, "ffbe77", 1000.012874769029),
        (1 / 10_000, "fff9724", 9999.97),
        (1 / 1_000_000, "ffffef39", 1_000_000),
        (2**-56, "ffffffffffffff", 2**56),
    ],
)
def test_thresholds_of_the_specification(part: float, text: str, count: float) -> None:
    """What a sampler's setting becomes in the header.

    Specified in trace/tracestate-probability-sampling.md, Converting floating-point probability to threshold.
    """
    found = ot_entry.threshold_of(part)
    assert ot_entry.with_threshold({}, found) == {"th": text}
    assert ot_entry.threshold_in({"th": text}) == found
    assert ot_entry.adjusted_count(found) == pytest.approx(count, rel=1e-4)


@given(st.integers(0, 2**56 - 1))
def test_any_threshold_is_read_as_it_was_written(value: int) -> None:
    """Zeros at its beginning are kept: 08 is not 8.

    Specified in trace/tracestate-handling.md, Sampling threshold value.
    """
    assert ot_entry.threshold_in(ot_entry.with_threshold({}, value)) == value


@given(st.floats(2**-56, 1))
def test_probabilities_are_rounded_a_little(part: float) -> None:
    """Four digits are enough for one in ten thousand.

    Specified in trace/tracestate-probability-sampling.md, Converting floating-point probability to threshold.
    """
    assert 1 / ot_entry.adjusted_count(ot_entry.threshold_of(part)) == pytest.approx(part, rel=2**-12)


@pytest.mark.parametrize("part", [-1, 2**-57, 1.5, float("nan")])
def test_other_numbers_are_no_probabilities(part: float) -> None:
    """A setting that makes no sense is refused when it is made.

    Specified in trace/tracestate-probability-sampling.md, Sampling Probability.
    """
    with pytest.raises(ValueError, match="a probability is"):
        probability(part)


@pytest.mark.parametrize("text", ["", "8" * 15, "A", "0x8", "8_0", " 8", "g", "-1"])
def test_malformed_thresholds_say_nothing(text: str) -> None:
    """Only one to fourteen lower-case digits are one.

    Specified in trace/tracestate-handling.md, Sampling threshold value.
    """
    assert ot_entry.threshold_in({"th": text}) is None


@pytest.mark.parametrize(
    ("randomness", "kept"), [(HALF, True), (HALF - 1, False), (2**56 - 1, True), (0, False)]
)
def test_a_root_is_kept_from_its_threshold_on(randomness: int, *, kept: bool) -> None:
    """R >= T, no more and no less; what is kept says T, what is not says nothing.

    Specified in trace/tracestate-probability-sampling.md, Consistent Sampling.
    """
    assert told(probability(0.5), ids=Ids(randomness)) == (kept, "ot=th:8" if kept else "")


def test_always_on_says_so_and_off_says_nothing() -> None:
    """A span that is always kept stands for exactly one.

    Specified in trace/sdk.md, ComposableAlwaysOn and ComposableAlwaysOff.
    """
    assert told(ALWAYS_ON) == (True, "ot=th:0")
    assert told(ALWAYS_OFF) == (False, "")
    assert told(probability(0)) == (False, "")


def test_children_keep_threshold_and_randomness() -> None:
    """In this process and beyond, each span of a trace says what it stands for.

    Specified in trace/tracestate-handling.md, General tracestate handling.
    """
    here = traced(sampler=ParentBased(probability(0.5)), ids=Ids(2**56 - 1))
    tracer = here.provider.get_tracer("lib")
    headers: dict[str, str] = {}
    with tracer.start_as_current_span("root"), tracer.start_as_current_span("child"):
        propagate.inject(headers)
    assert headers["tracestate"] == "ot=th:8"
    assert headers["traceparent"].endswith("-03")
    there = traced(sampler=ParentBased(ALWAYS_OFF))
    there.provider.get_tracer("lib").start_span("next", context=propagate.extract(headers)).end()
    assert {span.trace_state for span in (*here.spans(), *there.spans())} == {"ot=th:8"}


@pytest.mark.parametrize(
    ("sampled", "state", "expected"),
    [
        (True, "", (True, "")),
        (True, "ot=th:8", (True, "ot=th:8")),
        (True, "ot=th:8;rv:ffffffffffffff", (True, "ot=th:8;rv:ffffffffffffff")),
        (True, "ot=th:8;rv:00000000000000", (True, "ot=rv:00000000000000")),
        (True, "ot=th:f", (True, "")),
        (False, "ot=th:8", (False, "")),
        (False, "ot=th:8;x:y,v=1", (False, "ot=x:y,v=1")),
        (True, "v=1,ot=th:8;x:y", (True, "v=1,ot=th:8;x:y")),
        (True, "v=1,ot=x:y;th:8", (True, "v=1,ot=x:y;th:8")),
        (True, "ot=th:XYZ;x:y,v=1", (True, "ot=x:y,v=1")),
        (True, "ot=rv:123", (True, "ot=rv:123")),
    ],
)
def test_a_childs_state_is_its_parents(sampled: bool, state: str, expected: tuple[bool, str]) -> None:  # noqa: FBT001  # a parameter of the test
    """The parent's decision stands; a threshold that contradicts it is erased, others' entries are kept.

    Specified in trace/sdk.md, ComposableParentThreshold, and trace/tracestate-probability-sampling.md.
    """
    context = below(0xC0_0000_0000_0000, sampled=sampled, state=state)
    assert told(ParentBased(ALWAYS_OFF), context) == expected


def test_a_sampler_that_ignores_parents_uses_the_traces_randomness() -> None:
    """Services with different probabilities keep the same traces as far as both can.

    Specified in trace/tracestate-probability-sampling.md, Consistent Sampling.
    """
    context = below(0xC0_0000_0000_0000, sampled=False, state="v=1")
    assert told(probability(0.5), context) == (True, "ot=th:8,v=1")
    assert told(probability(0.125), context) == (False, "v=1")
    explicit = below(0xC0_0000_0000_0000, sampled=True, state="ot=th:0;rv:10000000000000")
    assert told(probability(0.5), explicit) == (False, "ot=rv:10000000000000")


def test_ids_that_are_not_random_get_randomness_once() -> None:
    """Of ids that count upwards some are kept too, and children keep what was drawn.

    Specified in trace/tracestate-handling.md, Explicit randomness value.
    """
    here = traced(sampler=ParentBased(ALWAYS_ON), ids=Ids(1, 2, random=False))
    tracer = here.provider.get_tracer("lib")
    with tracer.start_as_current_span("root") as root:
        child = tracer.start_span("child").get_span_context()
    state = told_by(root.get_span_context().trace_state)
    other = told_by(tracer.start_span("other", context=Context()).get_span_context().trace_state)
    assert ot_entry.randomness_in(state) is not None
    assert state["rv"] != other["rv"]
    assert child.trace_state == root.get_span_context().trace_state
    assert not child.trace_flags.random_trace_id


def test_state_stays_within_its_limits() -> None:
    """An entry has at most 256 characters, a state 32 entries: what is too much at the end goes.

    Specified in trace/tracestate-handling.md, General tracestate handling.
    """
    full = TraceState([(f"k{number}", "v") for number in range(32)])
    told_in_full = telling({"th": "0"}, full)
    assert len(told_in_full) == 32
    assert next(iter(told_in_full.items())) == ("ot", "th:0")
    assert "k31" not in told_in_full
    rest = {f"k{number}": "v" * 20 for number in range(12)}
    entry = telling(ot_entry.with_threshold(rest, 0), TraceState())["ot"]
    assert len(entry) <= 256
    assert entry.startswith("th:0;k0:")
    assert told_by(TraceState([("ot", "th:8;x:" + "x" * 250)])) == {}


@given(st.floats(0.001, 1))
def test_a_probability_keeps_its_part(part: float) -> None:
    """Of evenly spread traces so many are kept, and what they stand for adds up to all.

    Specified in trace/tracestate-probability-sampling.md, Adjusted count.
    """
    count = 200
    here = traced(sampler=probability(part), ids=Ids(*(number * 2**56 // count for number in range(count))))
    tracer = here.provider.get_tracer("lib")
    kept = [tracer.start_span("made").get_span_context().trace_flags.sampled for _ in range(count)]
    assert sum(kept) == pytest.approx(count * part, abs=1.1)


def test_rules_are_asked_in_their_order() -> None:
    """The first whose predicate is true says what is wanted; where none is, nothing is kept.

    Specified in trace/sdk.md, ComposableRuleBased.
    """
    sampler = sampling.rules(
        sampling.Rule(ALWAYS_OFF, when=lambda start: start.name == "made" and start.parent is None),
        sampling.Rule(probability(0.5), when=lambda start: start.name == "made"),
        sampling.Rule(ALWAYS_ON),
    )
    assert told(sampler) == (False, "")
    assert told(sampler, below(0xC0_0000_0000_0000, sampled=False)) == (True, "ot=th:8")
    assert told(sampling.rules(sampling.Rule(ALWAYS_ON, when=lambda _: False))) == (False, "")


def test_attributes_are_added_to_what_is_kept() -> None:
    """To the sampler's own and to the span's; the decision stays the other sampler's.

    Specified in trace/sdk.md, ComposableAnnotating.
    """
    inner = sampling.annotating(probability(0.5), {"inner": 1, "both": 1})
    sampler = sampling.annotating(inner, {"outer": 2, "both": 2})
    here = traced(sampler=sampler, ids=Ids(2**56 - 1, 0))
    tracer = here.provider.get_tracer("lib")
    for _ in range(2):
        with tracer.start_as_current_span("made", attributes={"own": 0}):
            tracer.start_span("below", attributes={"own": 0}).end()
    for span in here.spans():
        assert attributes(span) == {"own": 0, "inner": 1, "both": 2, "outer": 2}
        assert span.trace_state == "ot=th:8"
    assert len(here.spans()) == 2
