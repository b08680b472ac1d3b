"""What headers tell of a trace, however they spell it: into a context, and out of one."""

from typing import Final, NamedTuple

from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    NonRecordingSpan,
    Span,
    SpanContext,
    TraceFlags,
    TraceState,
    get_current_span,
    set_span_in_context,
)

from spanloom_instrumentation.heritage import Heritage
from spanloom_instrumentation.remote_span import RemoteSpan
from spanloom_instrumentation.sampling.forced import force, is_forced

_SAMPLED: Final = 1
_DEBUG: Final = 2


class Told(NamedTuple):
    """One caller's word."""

    trace_id: int = 0
    span_id: int = 0
    """Both zero where only a decision is told."""
    sampled: bool | None = None
    """None leaves it to the receiver."""
    debug: bool = False
    """Whether it is to be kept by all means, which implies `sampled`; whoever hands it on says so too."""
    trace_state: TraceState | None = None

    @property
    def flags(self) -> int:
        """The decision as Jaeger writes it, who does not know of any that is left to others."""
        return _SAMPLED | _DEBUG if self.debug else bool(self.sampled)

    @classmethod
    def by_flags(
        cls, trace_id: int, span_id: int, flags: int, trace_state: TraceState | None = None
    ) -> "Told":
        """What Jaeger says; nothing where an id is none."""
        if not trace_id or not span_id:
            return cls()
        debug = bool(flags & _DEBUG)
        return cls(trace_id, span_id, bool(flags & _SAMPLED) or debug, debug, trace_state=trace_state)


def with_told(context: Context | None, told: Told) -> Context:
    """The context below which spans continue what was told.

    What another propagator has read of the same trace stays where this one says nothing: its trace
    state, and its decision. A decision without ids is for roots, and changes nothing below a span.
    """
    into = Context() if context is None else context
    before = get_current_span(into)
    if told.trace_id:
        into = set_span_in_context(_caller(told, before), into)
    elif told.sampled is not None and not before.get_span_context().is_valid:
        into = set_span_in_context(RemoteSpan(INVALID_SPAN_CONTEXT, wanted=told.sampled), into)
    return force(into) if told.debug and not is_forced(into) else into


def _caller(told: Told, before: Span) -> NonRecordingSpan:
    known = before.get_span_context()
    sampled, flags, trace_state = told.sampled, 0, told.trace_state
    if known.trace_id == told.trace_id:
        flags, trace_state = known.trace_flags & TraceFlags.RANDOM_TRACE_ID, trace_state or known.trace_state
        if sampled is None and not isinstance(before, RemoteSpan):
            sampled = known.trace_flags.sampled
    context = SpanContext(
        told.trace_id,
        told.span_id,
        is_remote=True,
        trace_flags=TraceFlags(flags | bool(sampled)),
        trace_state=trace_state,
    )
    return RemoteSpan(context) if sampled is None else NonRecordingSpan(context)


def told_of(context: Context | None) -> Told | None:
    """What to tell the next one; None where there is nothing to tell."""
    span = get_current_span(context)
    heritage = getattr(span, "heritage", None)
    debug = is_forced(context) or (isinstance(heritage, Heritage) and heritage.forced is not None)
    found = span.get_span_context()
    if found.is_valid:
        sampled = None if isinstance(span, RemoteSpan) else found.trace_flags.sampled
        return Told(found.trace_id, found.span_id, sampled, debug, found.trace_state)
    wanted = span.wanted if isinstance(span, RemoteSpan) else None
    return None if wanted is None and not debug else Told(sampled=wanted, debug=debug)


def parent_id(context: Context | None) -> int:
    """Told by Jaeger's clients, and listened to by the oldest of them only; zero is none."""
    parent = getattr(get_current_span(context), "parent", None)
    return parent.span_id if isinstance(parent, SpanContext) else 0


def hexadecimal(trace_id: int) -> str:
    """As 64 bits where they are enough: who counts in 64 bits only has sent them so, and wants them back."""
    return f"{trace_id:016x}" if trace_id < 1 << 64 else f"{trace_id:032x}"
