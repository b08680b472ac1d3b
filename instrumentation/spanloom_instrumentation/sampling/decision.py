"""From what a sampler wants to what happens to a span."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from inspect import signature
from typing import Any, Final, TypeAlias

from opentelemetry.context import Context
from opentelemetry.trace import TraceState
from opentelemetry.util.types import Attributes

from spanloom_instrumentation.ids import RandomIds
from spanloom_instrumentation.notices import warn_once
from spanloom_instrumentation.sampling.forced import FORCED, debug_id
from spanloom_instrumentation.sampling.sampler import Sampler, Start
from spanloom_instrumentation.sampling.trace_state import telling, told_by
from spanloom_model import ot_entry
from spanloom_model.ot_entry import MOST

DEBUG_ID: Final = "jaeger-debug-id"
"""The attribute by which Jaeger's users find what they have asked for."""

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


Decide: TypeAlias = Callable[[Start, Context], Decision]


def is_foreign(sampler: Sampler | Any) -> bool:
    """Whether it was written for `opentelemetry-sdk`."""
    return hasattr(sampler, "should_sample")


def deciding(sampler: Sampler | Any) -> Decide:
    """As the sampler wants; where the context is forced, the span is kept anyway. Never raises."""
    decide = foreign(sampler) if is_foreign(sampler) else consistent(sampler)

    def decided(start: Start, context: Context) -> Decision:
        try:
            decision = decide(start, context)
        except Exception as exc:  # noqa: BLE001  # a sampler of the application's must not cost it a request
            warn_once("The sampler failed, and the span is not recorded: %r", exc)
            decision = Decision(
                recorded=False,
                sampled=False,
                trace_state=_with_threshold(_handed_down(start), None),
                attributes=start.attributes,
            )
        return _kept(decision, start, context) if FORCED in context else decision

    return decided


def _kept(decision: Decision, start: Start, context: Context) -> Decision:
    """The same for a span that is kept whatever the sampler says."""
    parent, trace_state, attributes = start.parent, decision.trace_state, decision.attributes
    if parent is None:
        # All such traces are kept, so each stands for one. What begins below an unsampled parent says
        # nothing: others like it are counted already, by those that the parent's sampler keeps.
        trace_state = _with_threshold(trace_state, 0)
    first_here = parent is None or parent.is_remote or not parent.trace_flags.sampled
    if first_here and (found := debug_id(context)):
        attributes = {**(attributes or {}), DEBUG_ID: found}
    return Decision(recorded=True, sampled=True, trace_state=trace_state, attributes=attributes)


def consistent(sampler: Sampler) -> Decide:
    """Compares thresholds with random bits: those of the trace's id, or `rv` (CompositeSampler)."""

    def decide(start: Start, _: Context) -> Decision:
        trace_state = _handed_down(start)
        told = told_by(trace_state)
        randomness = ot_entry.randomness_in(told)
        if randomness is None and start.parent is None and not start.random:
            # Ids from elsewhere need not be random; what stands in for them travels with the trace.
            randomness = _fresh()
            told = ot_entry.with_randomness(told, randomness)
        given = start.trace_id & _RANDOM if randomness is None else randomness
        if start.parent:
            # One that the parent's own decision contradicts was not updated by somebody.
            start.parent_threshold = _believable(told, given, sampled=start.parent.trace_flags.sampled)
        intent = sampler.intent(start)
        kept = intent.threshold is not None and intent.threshold <= (given if intent.reliable else _fresh())
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


def _believable(told: Mapping[str, str], randomness: int, *, sampled: bool) -> int | None:
    """The threshold that a span's state tells, unless the span was kept or not against it."""
    threshold = ot_entry.threshold_in(told)
    return threshold if threshold is not None and (threshold <= randomness) == sampled else None


def _fresh() -> int:
    """Random bits that have nothing to do with the trace's."""
    return RandomIds.generate_span_id() & _RANDOM


def _handed_down(start: Start) -> TraceState:
    return start.parent.trace_state if start.parent else _EMPTY


def _with_threshold(trace_state: TraceState, threshold: int | None) -> TraceState:
    return telling(ot_entry.with_threshold(told_by(trace_state), threshold), trace_state)


@lru_cache(maxsize=64)
def _telling(threshold: int | None) -> TraceState:
    """What a new trace hands on; most have one of few thresholds."""
    return telling(ot_entry.with_threshold({}, threshold), _EMPTY)


def foreign(sampler: Any) -> Decide:
    """Asks a sampler that was written for `opentelemetry-sdk`."""
    # The SDK does not hand them the parent's state, so not all can take it; those that can need it.
    takes_state = "trace_state" in signature(sampler.should_sample).parameters

    def decide(start: Start, context: Context) -> Decision:
        more = {"trace_state": _handed_down(start)} if takes_state else {}
        result = sampler.should_sample(
            context, start.trace_id, start.name, start.kind, start.attributes, start.links, **more
        )
        sampled = result.decision.is_sampled()
        trace_state = result.trace_state or _EMPTY
        if told := told_by(trace_state):
            randomness = ot_entry.randomness_in(told)
            given = start.trace_id & _RANDOM if randomness is None else randomness
            said = _believable(told, given, sampled=True) if sampled else None
            trace_state = _with_threshold(trace_state, said)
        return Decision(result.decision.is_recording(), sampled, trace_state, result.attributes)

    return decide
