"""Thresholds and trace states, against the specification's own numbers."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanloom_model.ot_entry import MOST, adjusted_count, threshold_of
from spanloom_model.sampling import probability_of, proportional, read_trace_state

PROBABILITIES = st.floats(2**-56, 1) | st.sampled_from([0.5, 0.25, 0.1, 0.001, 1.0])
THRESHOLDS = st.integers(0, MOST - 1)


def told(threshold: int) -> str:
    """As a trace state writes it."""
    return read_trace_state("").with_threshold(threshold).removeprefix("ot=th:")


@pytest.mark.parametrize(
    ("probability", "threshold", "count"),
    [
        (Fraction(1), "0", 1),
        (Fraction(1, 2), "8", 2),
        (Fraction(1, 4), "c", 4),
        (Fraction(1, 8), "e", 8),
        (Fraction(31, 32), "08", 32 / 31),
        (Fraction(1, 3), "aaab", 3.00004577706569),
        (Fraction(1, 5), "cccd", 5.0000762951094835),
        (Fraction(1, 10), "e666", 9.99938968568813),
        (Fraction(1, 100), "fd70a", 99.99771123402633),
        (Fraction(1, 1000), "ffbe77", 1000.012874769029),
        (Fraction(1, 10_000), "fff9724", 9999.830725674266),
        (Fraction(1, 1_000_000), "ffffef39", 999992.38556461),
        (Fraction(1, 2**56), "ffffffffffffff", 2**56),
    ],
)
def test_probabilities_are_told_as_the_specification_tells_them(
    probability: Fraction, threshold: str, count: float
) -> None:
    """Four digits behind the f's, leading zeros kept, and the count that follows exactly."""
    assert told(threshold_of(probability)) == threshold
    assert adjusted_count(threshold_of(probability)) == count


@given(PROBABILITIES)
def test_what_is_told_is_near_what_was_asked(probability: float) -> None:
    """Nobody who sets a probability gets one that differs in the first three digits."""
    assert float(probability_of(threshold_of(probability))) == pytest.approx(
        probability, rel=2e-4, abs=2**-56
    )


@given(THRESHOLDS)
def test_thresholds_come_back(threshold: int) -> None:
    """No digit is lost on the way through a trace state."""
    assert read_trace_state(f"ot=th:{told(threshold)}").threshold == threshold


@given(THRESHOLDS, PROBABILITIES)
def test_thresholds_are_only_raised(threshold: int, probability: float) -> None:
    """A later round never claims to have kept what an earlier one threw away."""
    raised = proportional(threshold, probability)
    assert threshold <= raised < MOST
    assert proportional(threshold, 1) == threshold


@pytest.mark.parametrize(
    ("text", "threshold", "randomness", "with_e", "without"),
    [
        ("", None, None, "ot=th:e", ""),
        ("ot=th:8", 2**55, None, "ot=th:e", ""),
        ("ot=th:08", 2**51, None, "ot=th:e", ""),
        ("ot=rv:00000000000001;th:c", 3 * 2**54, 1, "ot=rv:00000000000001;th:e", "ot=rv:00000000000001"),
        ("a=1, ot=x:y;th:0;z:w ,b=2", 0, None, "ot=x:y;th:e;z:w,a=1,b=2", "ot=x:y;z:w,a=1,b=2"),
        ("a=1,b=2", None, None, "ot=th:e,a=1,b=2", "a=1,b=2"),
        ("ot=th:8,a=1", 2**55, None, "ot=th:e,a=1", "a=1"),
    ],
)
def test_trace_states_are_read_and_retold(
    text: str, threshold: int | None, randomness: int | None, with_e: str, without: str
) -> None:
    """Members of other vendors, and what else ot says, stay; ot moves to the front where it is changed."""
    state = read_trace_state(text)
    assert (state.threshold, state.randomness) == (threshold, randomness)
    assert state.with_threshold(threshold_of(0.125)) == with_e
    assert state.with_threshold(None) == without


@pytest.mark.parametrize(
    "text",
    [
        "ot=",
        "ot=th",
        "ot=th:",
        "ot=th:8F",
        "ot=th:0x8",
        "ot=th:123456789012345",
        "ot=th:8;th:8",
        "ot=th:8;",
        "ot=th:8,ot=th:8",
        "ot=TH:8",
        "ot=th:8;k:" + "v" * 250,
        "o=th:8",
        "th:8",
    ],
)
def test_what_is_no_threshold_is_none(text: str) -> None:
    """A count that is wrong is worse than one that is unknown."""
    assert read_trace_state(text).threshold is None


@given(st.text(alphabet="ot=:;,thrv08aé \t", max_size=30))
def test_no_trace_state_is_too_odd(text: str) -> None:
    """Whatever a client sends is read, and taking a threshold out leaves none."""
    assert read_trace_state(read_trace_state(text).with_threshold(None)).threshold is None
