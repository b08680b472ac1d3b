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
from spanloom_instrumentation.sampling.trace_state import SILENT, OtState
from spanloom_model.threshold import LIMIT, RANDOM_BITS

_EMPTY: Final = TraceState()
_RANDOM: Final = LIMIT - 1


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
        state = OtState.of(trace_state) if trace_state else SILENT
        randomness = state.randomness
        if randomness is None and start.parent is None and not start.random:
            # Ids from elsewhere need not be random; what stands in for them travels with the trace.
            randomness = SystemRandom().getrandbits(RANDOM_BITS)
        given = start.trace_id & _RANDOM if randomness is None else randomness
        start.parent_threshold = _believable(state.threshold, given, start)
        intent = sampler.intent(start)
        kept = intent.threshold is not None and intent.threshold <= given
        said = intent.threshold if kept and intent.reliable else None
        if trace_state or randomness is not None:
            told = OtState(threshold=said, randomness=randomness, rest=state.rest).within(trace_state)
        else:
            told = _saying(said)
        attributes = start.attributes
        if kept and intent.attributes:
            attributes = {**(attributes or {}), **intent.attributes}
        return Decision(kept, kept, told, attributes)

    return decide


def _believable(threshold: int | None, randomness: int, start: Start) -> int | None:
    """The parent's threshold, unless its own decision contradicts it: then somebody has not updated it."""
    if threshold is None or start.parent is None:
        return None
    return threshold if (threshold <= randomness) == start.parent.trace_flags.sampled else None


@lru_cache(maxsize=64)
def _saying(threshold: int | None) -> TraceState:
    """What a new trace hands on; most have one of few thresholds."""
    return _EMPTY if threshold is None else OtState(threshold=threshold).within(_EMPTY)


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
