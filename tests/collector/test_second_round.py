"""The second round of sampling: whole traces, everywhere the same, and counts that stay right."""

import dataclasses
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanloom_collector.pipeline.span_stages import sample
from spanloom_model.ids import SpanId, TraceId
from spanloom_model.ot_entry import MOST, adjusted_count, threshold_of
from spanloom_model.sampling import probability_of, read_trace_state
from spanloom_model.span import Span
from spanloom_storage import otlp
from spanloom_storage.draft import Draft
from spanloom_storage.spans import spans_of
from spanloom_storage.testing.requests import checked_of
from spanloom_storage.testing.samples import span

thorough = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
PROBABILITIES = st.sampled_from([1.0, 0.5, 0.1, 1 / 3, 2**-20]) | st.floats(2**-56, 1)
RANDOMNESS = st.integers(0, MOST - 1)


@st.composite
def sampled_spans(draw: st.DrawFn) -> Span:
    """Spans whose R is near the thresholds that they tell, or not; some tell none."""
    randomness = draw(RANDOMNESS)
    threshold = draw(st.none() | st.floats(2**-56, 1).map(threshold_of) | st.just(randomness))
    own = draw(st.booleans())
    members = [f"rv:{randomness:014x}"] if own else []
    if threshold is not None:
        members.append("th:" + (f"{threshold:014x}".rstrip("0") or "0"))
    others = draw(st.sampled_from(["", "vendor=x"]))
    of_trace = draw(RANDOMNESS) if own else randomness
    return span(
        trace_id=TraceId(b"t" * 9 + of_trace.to_bytes(7, "big")),
        span_id=SpanId(draw(st.integers(1, 9)).to_bytes(8, "big")),
        trace_state=",".join(filter(None, ["ot=" + ";".join(members) if members else "", others])),
    )


def randomness_of(one: Span) -> int:
    """R, as the specification has it."""
    told = read_trace_state(one.trace_state).randomness
    return int.from_bytes(one.trace_id[9:], "big") if told is None else told


def sampled(spans: Iterable[Span], probability: float, *, equalizing: bool = False) -> list[Span]:
    """What a stage leaves, in the order of spans."""
    draft = Draft(checked_of(spans))
    sample(probability, equalizing=equalizing).change(draft)
    return draft_spans(draft)


def draft_spans(draft: Draft) -> list[Span]:
    """A draft's spans in order."""
    batch = otlp.batch_of_rows(draft.rows())
    return [spans_of(batch.slice(row, 1))[0] for row in range(batch.num_rows)]


def expected(one: Span, probability: float, *, equalizing: bool) -> Span | None:
    """The contract, for one span: what it is stored as, or None."""
    state, randomness = read_trace_state(one.trace_state), randomness_of(one)
    threshold = state.threshold
    if threshold is not None and randomness < threshold:  # nobody can have kept it with that
        one = dataclasses.replace(one, trace_state=state.with_threshold(None))
        threshold = None
    alone = threshold_of(probability)
    if threshold is None:
        return one if randomness >= alone else None
    if equalizing:
        after = max(threshold, alone)
    elif probability == 1:
        after = threshold
    else:
        after = max(threshold, threshold_of(Fraction(probability) * probability_of(threshold)))
    if randomness < after:
        return None
    if after != threshold:
        one = dataclasses.replace(one, trace_state=state.with_threshold(after))
    return one


@thorough
@given(
    spans=st.lists(sampled_spans(), min_size=1, max_size=12),
    probability=PROBABILITIES,
    equalizing=st.booleans(),
)
def test_each_span_is_judged_by_the_contract(
    *, spans: list[Span], probability: float, equalizing: bool
) -> None:
    """Thresholds are told exactly, raised only, and unknown ones stay unknown."""
    found = sampled(spans, probability, equalizing=equalizing)
    wanted = [expected(one, probability, equalizing=equalizing) for one in spans]
    assert found == [one for one in wanted if one is not None]


@thorough
@given(st.lists(sampled_spans(), min_size=1, max_size=8), st.lists(PROBABILITIES, min_size=1, max_size=3))
def test_rounds_never_contradict_each_other(spans: list[Span], probabilities: list[float]) -> None:
    """However many collectors a span passes, what it tells is a threshold that its R reaches."""
    left = spans
    for probability in probabilities:
        left = sampled(left, probability) if left else []
    for one in left:
        threshold = read_trace_state(one.trace_state).threshold
        assert threshold is None or randomness_of(one) >= threshold


def random_traces(count: int, thresholds: Sequence[str], seed: int) -> list[Span]:
    """Spans that a first round has kept, each with its threshold."""
    random = np.random.default_rng(seed)
    spans = []
    for number in range(count):
        th = thresholds[number % len(thresholds)]
        threshold = int(th.ljust(14, "0"), 16)
        randomness = int(random.integers(threshold, MOST))
        spans.append(
            span(
                trace_id=TraceId(random.bytes(9) + randomness.to_bytes(7, "big")),
                trace_state=f"ot=th:{th}",
            )
        )
    return spans


@pytest.mark.parametrize("equalizing", [False, True])
@pytest.mark.parametrize("probability", [0.5, 0.1, 0.013])
def test_counts_stay_right(probability: float, *, equalizing: bool) -> None:
    """Traffic that is estimated from what was kept is the traffic that there was."""
    sent = random_traces(6000, ["0", "8", "fd70a", "08"], seed=20261124)
    before = np.array([adjusted_count(int(one.trace_state[6:].ljust(14, "0"), 16)) for one in sent])
    left = sampled(sent, probability, equalizing=equalizing)
    after = [adjusted_count(int(one.trace_state[6:].ljust(14, "0"), 16)) for one in left]
    assert len(left) < len(sent)
    kept_with = before / probability if not equalizing else np.maximum(before, 1 / probability)
    deviation = np.sqrt(np.sum(before * (kept_with - before)))
    assert abs(sum(after) - before.sum()) < 4 * deviation


@pytest.mark.parametrize("th", ["", "ot=th:8"])
def test_traces_stay_or_go_as_a_whole_on_all_collectors(th: str) -> None:
    """Spans of one trace that reach different collectors share its fate; nobody asks anybody."""
    random = np.random.default_rng(7)
    traces = [TraceId(random.bytes(9) + random.bytes(7)) for _ in range(300)]
    traces = [one for one in traces if not th or one[9] >= 0x80]  # what the first round has kept
    parts = [
        [span(trace_id=trace, span_id=SpanId(bytes([number] * 8)), trace_state=th) for trace in traces]
        for number in (1, 2, 3)
    ]
    fates = [{one.trace_id for one in sampled(part, 0.3)} for part in parts]
    assert fates[0] == fates[1] == fates[2]
    assert 0 < len(fates[0]) < len(traces)


def test_traces_that_tell_their_threshold_in_part_stay_whole_when_equalized() -> None:
    """OpenTelemetry's Python SDK tells it on the root alone."""
    spans = [
        span(trace_id=TraceId(b"t" * 9 + bytes([first]) + bytes(6)), trace_state=state)
        for first in range(0x80, 0x100)
        for state in ("ot=th:8", "")
    ]
    left = sampled(spans, 0.25, equalizing=True)
    assert len(left) == 2 * 0x40
    assert {one.trace_id for one in left[::2]} == {one.trace_id for one in left[1::2]}
    assert {one.trace_state for one in left} == {"ot=th:c", ""}


def test_a_lower_number_keeps_a_part_of_the_same_traces() -> None:
    """Turning the number while running tears no trace that is kept after the turn."""
    spans = [dataclasses.replace(one, trace_state="") for one in random_traces(500, ["0"], seed=3)]
    more, fewer = ({one.trace_id for one in sampled(spans, probability)} for probability in (0.5, 0.2))
    assert fewer < more
