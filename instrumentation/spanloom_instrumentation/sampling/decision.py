"""From what a sampler wants to what happens to a span."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import SystemRandom
from typing import Any, Final, TypeAlias

from opentelemetry.context import Context
from opentelemetry.trace import TraceState
from opentelemetry.util.types import Attributes

from spanloom_instrumentation.sampling.sampler import Sampler, Start
from spanloom_instrumentation.sampling.trace_state import telling, told_by
from spanloom_model import ot_entry
from spanloom_model.ot_entry import MOST, RANDOM_BITS

_EMPTY: Final = TraceState()
_RANDOM: Final = MOST - 1


@dataclass(slots=True)  # not frozen, which would double the time of making one
class Decision:
    """What becomes of a span."""

    recorded: bool
    sampled: bool
    trace_state: TraceState
    attributes: Attributes
    """All that the span starts with."""


Decide: TypeAlias = Callable[[Start, Context | None], Decision]


def consistent(sampler: Sampler) -> Decide:
    """Compares thresholds with random bits: those of the trace's id, or `rv` (CompositeSampler)."""

    def decide(start: Start, _: Context | None) -> Decision:
        trace_state = start.parent.trace_state if start.parent else _EMPTY
        told = told_by(trace_state)
        randomness = ot_entry.randomness_in(told)
        if randomness is None and start.parent is None and not start.random:
            # Ids from elsewhere need not be random; what stands in for them travels with the trace.
            randomness = SystemRandom().getrandbits(RANDOM_BITS)
            told = ot_entry.with_randomness(told, randomness)
        given = start.trace_id & _RANDOM if randomness is None else randomness
        start.parent_threshold = _believable(ot_entry.threshold_in(told), given, start)
        intent = sampler.intent(start)
        kept = intent.threshold is not None and intent.threshold <= given
        said = intent.threshold if kept and intent.reliable else None
        if told or trace_state:
            handed_on = telling(ot_entry.with_threshold(told, said), trace_state)
        else:
            handed_on = _telling(said)
        attributes = start.attributes
        if kept and intent.attributes:
            attributes = {**(attributes or {}), **intent.attributes}
        return Decision(kept, kept, handed_on, attributes)

    return decide


def _believable(threshold: int | None, randomness: int, start: Start) -> int | None:
    """The parent's threshold, unless its own decision contradicts it: then somebody has not updated it."""
    if threshold is None or start.parent is None:
        return None
    return threshold if (threshold <= randomness) == start.parent.trace_flags.sampled else None


@lru_cache(maxsize=64)
def _telling(threshold: int | None) -> TraceState:
    """What a new trace hands on; most have one of few thresholds."""
    return telling(ot_entry.with_threshold({}, threshold), _EMPTY)


def foreign(sampler: Any) -> Decide:
    """Asks a sampler that was written for `opentelemetry-sdk`."""

    def decide(start: Start, context: Context | None) -> Decision:
        result = sampler.should_sample(
            context, start.trace_id, start.name, start.kind, start.attributes, start.links
        )
        return Decision(
            result.decision.is_recording(),
            result.decision.is_sampled(),
            result.trace_state or _EMPTY,
            result.attributes,
        )

    return decide
