"""The page about overhead says what was measured, and how sure it is."""

import pytest

from benchmarks.overhead.changes import Estimate, change_percent


def test_change_is_that_within_each_round() -> None:
    """A machine that was slow for one round does not make the traced service look slow."""
    untraced = [{"cpu": 1.0}, {"cpu": 2.0}, {"cpu": 4.0}]
    traced = [{"cpu": 1.1}, {"cpu": 2.2}, {"cpu": 4.4}]
    change = change_percent(traced, untraced, "cpu")
    assert change.mean == pytest.approx(10)
    assert change.error == pytest.approx(0, abs=1e-9)


def test_error_is_students() -> None:
    """With few rounds little is sure: with three, 4.3 standard errors to each side."""
    change = Estimate.of([1.0, 2.0, 3.0])
    assert change.mean == 2
    assert change.error == pytest.approx(4.30 / 3**0.5)
