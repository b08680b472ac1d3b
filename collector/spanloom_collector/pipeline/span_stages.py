"""Stages that take spans out: keep, drop, sample."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from spanloom_collector.pipeline.stage import Stage
from spanloom_model import ot_entry, sampling
from spanloom_storage.conditions import Condition, Not, Owner
from spanloom_storage.draft import Draft
from spanloom_storage.search.matching import matching

_RANDOM_BITS: Final = np.uint64(ot_entry.MOST - 1)
_REMEMBERED: Final = 4096
_LONGEST_REMEMBERED: Final = 512
"""W3C's limit for a whole trace state; what is longer, as hostile ones are, is read each time."""


def keep(where: Condition, *, name: str = "keep") -> Stage:
    """Take all other spans out."""

    def change(draft: Draft) -> None:
        draft.keep(matching(draft.columns(), where))

    return Stage(name=name, change=change, reason="condition")


def drop(where: Condition, *, name: str = "drop") -> Stage:
    """Take these spans out."""
    return keep(Not(where), name=name)


@dataclass(frozen=True, slots=True)
class _Decision:
    """What becomes of spans with one trace state."""

    known: bool
    """Whether it tells with which threshold they were kept so far."""
    before: int
    """That threshold; 0 where it is unknown."""
    after: int
    """With which they are kept now."""
    randomness: int
    """-1: from the trace id."""
    state: sampling.TraceState

    def told(self, *, erased: bool) -> bytes:
        """The trace state of those that are kept; with erased, of those that theirs could not have kept."""
        return self.state.with_threshold(None if erased else self.after).encode()


def sample(probability: float, *, equalizing: bool = False, name: str = "sample") -> Stage:
    """Keep such a part of the traces, whole: the same ones on every collector that keeps as many.

    Proportional: so many of those that came. Equalizing: traces that were kept with a greater
    probability, until all are kept with this one.
    """
    decide = _decider(probability, equalizing=equalizing)
    remembered = lru_cache(_REMEMBERED)(decide)

    def change(draft: Draft) -> None:
        codes, words = draft.words(Owner.SPAN, "trace_state")
        decisions = [
            remembered(text) if len(text) <= _LONGEST_REMEMBERED else decide(text)
            for text in words.to_pylist()
        ]
        own = _numbers(decisions, lambda one: one.randomness)[codes]
        from_id = (draft.spans["trace_low"] & _RANDOM_BITS).astype(np.int64)
        randomness = np.where(own >= 0, own, from_id)
        known = np.array([one.known for one in decisions], np.bool_)[codes]
        honest = randomness >= _numbers(decisions, lambda one: one.before)[codes]
        unknown_after = remembered("").after
        after = np.where(honest, _numbers(decisions, lambda one: one.after)[codes], unknown_after)
        kept = randomness >= after
        raised = np.array([one.after != one.before for one in decisions], np.bool_)[codes]
        _retell(draft, codes, decisions, kept & known & honest & raised, kept & ~honest)
        draft.keep(kept)

    return Stage(name=name, change=change, reason="sampling")


def _decider(probability: float, *, equalizing: bool) -> Callable[[str], _Decision]:
    alone = ot_entry.threshold_of(probability)

    @lru_cache(_REMEMBERED)
    def then(before: int) -> int:
        return max(before, alone) if equalizing else sampling.proportional(before, probability)

    def decide(text: str) -> _Decision:
        state = sampling.read_trace_state(text)
        before = state.threshold
        after = alone if before is None else then(before)
        return _Decision(
            known=before is not None,
            before=before or 0,
            after=after,
            randomness=-1 if state.randomness is None else state.randomness,
            state=state,
        )

    return decide


def _numbers(decisions: Sequence[_Decision], number: Callable[[_Decision], int]) -> np.ndarray:
    return np.array([number(one) for one in decisions], np.int64)


def _retell(
    draft: Draft, codes: np.ndarray, decisions: Sequence[_Decision], raised: np.ndarray, erased: np.ndarray
) -> None:
    """Write what trace states say now, where it is something else."""
    rows = np.flatnonzero(raised | erased)
    if rows.size:
        used, new_codes = np.unique(codes[rows] * 2 + erased[rows], return_inverse=True)
        texts = [decisions[code // 2].told(erased=bool(code % 2)) for code in used.tolist()]
        draft.put_words(Owner.SPAN, "trace_state", rows, new_codes, texts)
