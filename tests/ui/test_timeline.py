"""Bars and ticks stand where their times are."""

from hypothesis import given
from hypothesis import strategies as st

from spanloom_ui.timeline import bar, ticks

ANY_NS = st.integers(-(2**63), 2**63)


def share(percent: str) -> float:
    """The number in "12.5%"."""
    assert percent.endswith("%")
    return float(percent[:-1])


def test_ticks_are_round() -> None:
    """The axis counts as people do."""
    assert [tick.label for tick in ticks(588_000_000)] == [
        "0",
        "100 ms",
        "200 ms",
        "300 ms",
        "400 ms",
        "500 ms",
    ]
    assert [tick.label for tick in ticks(10_000_000_000)] == ["0", "2 s", "4 s", "6 s", "8 s", "10 s"]
    assert [tick.label for tick in ticks(180_000_000_000)] == ["0", "1 min", "2 min", "3 min"]
    assert [tick.label for tick in ticks(1_040_000_000)] == ["0", "0.2 s", "0.4 s", "0.6 s", "0.8 s", "1 s"]
    assert [tick.label for tick in ticks(90_000_000_000)] == ["0", "30 s", "1 min", "1 min 30 s"]
    assert [tick.label for tick in ticks(36 * 3_600_000_000_000)][1:] == ["12 h", "1 d", "1 d 12 h"]
    assert [tick.label for tick in ticks(7)] == ["0", "2 ns", "4 ns", "6 ns"]


@given(st.integers(0, 2**63), st.integers(2, 12))
def test_there_are_few_ticks_and_they_rise(duration_ns: int, most: int) -> None:
    """No trace, however short or long, gets an axis that cannot be read."""
    places = [share(tick.x) for tick in ticks(duration_ns, most=most)]
    assert 1 <= len(places) <= most
    assert places == sorted(set(places))
    assert places[0] == 0
    assert places[-1] <= 100


@given(ANY_NS, ANY_NS, st.lists(ANY_NS), ANY_NS)
def test_no_bar_leaves_its_lane(offset_ns: int, duration_ns: int, events: list[int], trace_ns: int) -> None:
    """A span with an impossible time is drawn at the edge, not across the page."""
    drawn = bar(offset_ns, duration_ns, events, trace_ns=trace_ns)
    assert 0 <= share(drawn.x) <= 100
    assert share(drawn.width) >= 0
    assert share(drawn.x) + share(drawn.width) <= 100.001
    assert all(0 <= share(event) <= 100 for event in drawn.events)


def test_labels_stand_on_one_side_unless_cut() -> None:
    """The last label is where the others are, as long as it fits."""
    assert not any(tick.late for tick in ticks(588_000_000))
    assert [tick.late for tick in ticks(1_040_000_000)] == [False] * 5 + [True]
    assert [tick.label for tick in ticks(535_000_000)][-2:] == ["400 ms", ""]


def test_a_label_stands_where_there_is_room() -> None:
    """The duration can be read beside a short bar and inside of a long one."""
    assert bar(0, 50, [], trace_ns=100).label_side == "after"
    assert bar(90, 10, [], trace_ns=100).label_side == "before"
    assert bar(0, 100, [], trace_ns=100).label_side == "inside"
