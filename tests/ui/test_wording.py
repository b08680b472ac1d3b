"""Numbers and times read as people write them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanloom_ui.wording import (
    MINUS,
    age,
    breakable,
    counted,
    duration,
    machine_moment,
    moment,
    number,
    offset,
    shortened,
)

SECOND = 1_000_000_000
ANY_NS = st.integers(-(2**70), 2**70)


@pytest.mark.parametrize(
    ("ns", "words"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (12_345, "12.3 µs"),
        (999_600, "1.00 ms"),
        (345_000_000, "345 ms"),
        (999_999_999, "1.00 s"),
        (1_240_000_000, "1.24 s"),
        (59_940_000_000, "59.9 s"),
        (59_990_000_000, "1 min"),
        (125 * SECOND, "2 min 5 s"),
        (3_600 * SECOND, "1 h"),
        (12_000 * SECOND, "3 h 20 min"),
        (90_000 * SECOND, "1 d 1 h"),
        (-2_000, f"{MINUS}2.00 µs"),
    ],
)
def test_durations_have_the_unit_and_the_digits_that_matter(ns: int, words: str) -> None:
    """A reader compares durations at a glance."""
    assert duration(ns) == words


@given(st.integers(1, 60 * SECOND - 1))
def test_a_short_duration_never_shows_four_digits_before_the_point(ns: int) -> None:
    """No "1000 ms" where the next unit says it better."""
    assert re.fullmatch(r"\d{1,3}(\.\d{1,2})? (ns|µs|ms|s)|1 min", duration(ns))


@given(ANY_NS, ANY_NS)
def test_every_time_can_be_said(then_ns: int, now_ns: int) -> None:
    """A client with a broken clock costs no page."""
    assert all((duration(then_ns), offset(then_ns), age(then_ns, now_ns=now_ns), moment(then_ns)))
    machine_moment(then_ns)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (12, "12 s ago"),
        (119, "1 min ago"),
        (7_200, "2 h ago"),
        (86_400 * 1_500, "1,500 d ago"),
        (-12, "in 12 s"),
    ],
)
def test_ages_are_said_in_one_unit(seconds: int, words: str) -> None:
    """A reader sees at once how old a trace is, and that a clock runs ahead."""
    assert age(1_790_000_000 * SECOND - seconds * SECOND, now_ns=1_790_000_000 * SECOND) == words


def test_a_moment_is_exact_and_in_utc() -> None:
    """Times can be compared with a log line."""
    assert moment(1_790_000_000_123_456_789) == "2026-09-21 14:13:20.123 UTC"
    assert machine_moment(1_790_000_000_123_456_789) == "2026-09-21T14:13:20.123Z"


def test_counts_agree_with_their_noun() -> None:
    """1 span, 12,345 spans."""
    assert (counted(1, "span"), counted(12_345, "span"), number(-5)) == (
        "1 span",
        "12,345 spans",
        f"{MINUS}5",
    )


@given(st.text(), st.integers(1, 50))
def test_shortened_text_is_never_longer_than_asked(text: str, most: int) -> None:
    """A name of ten thousand characters leaves room for the others."""
    assert len(shortened(text, most)) <= most


@given(st.text())
def test_a_breakable_text_is_the_same_text(text: str) -> None:
    """Where a line may end changes nothing of what is read or copied."""
    assert "".join(breakable(text)) == text
