"""Trace states as text, with what they tell of sampling; and what a second round does to it.

Spans that were kept tell with what threshold (`ot_entry.py`), so each stands for a known number of
spans. Who decides later may only raise it. Where a span does not tell one, its probability is
unknown, and stays so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from spanloom_model import ot_entry
from spanloom_model.ot_entry import MOST, threshold_of


def probability_of(threshold: int) -> Fraction:
    """The probability with which a threshold keeps a trace."""
    return Fraction(MOST - threshold, MOST)


def proportional(threshold: int, probability: Fraction | float) -> int:
    """The threshold that keeps such a part of what a threshold has kept."""
    if probability == 1:  # rounding could raise it
        return threshold
    return max(threshold, threshold_of(Fraction(probability) * probability_of(threshold)))


@dataclass(frozen=True, slots=True)
class TraceState:
    """A W3C trace state, with what it tells of sampling."""

    told: Mapping[str, str]
    """By `ot`."""
    others: tuple[str, ...]
    """The members of other vendors; all where `ot` is not as it must be."""

    @property
    def threshold(self) -> int | None:
        """None: unknown."""
        return ot_entry.threshold_in(self.told)

    @property
    def randomness(self) -> int | None:
        """None: the last 56 bits of the trace id are R."""
        return ot_entry.randomness_in(self.told)

    def with_threshold(self, threshold: int | None) -> str:
        """The text with another threshold, or none; who changes a member moves it to the front."""
        entry = ot_entry.written(ot_entry.with_threshold(self.told, threshold))
        return ",".join((f"ot={entry}", *self.others) if entry else self.others)


def read_trace_state(text: str) -> TraceState:
    """A trace state. One whose `ot` is not as it must be tells nothing, and keeps it as it is."""
    members = tuple(member for each in text.split(",") if (member := each.strip(" \t")))
    ours = [member[3:] for member in members if member.startswith("ot=")]
    told = ot_entry.read(ours[0]) if len(ours) == 1 else {}
    if not told:
        return TraceState({}, members)
    return TraceState(told, tuple(member for member in members if not member.startswith("ot=")))
