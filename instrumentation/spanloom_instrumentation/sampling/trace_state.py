"""OpenTelemetry's own entry in the trace state of a span context.

https://opentelemetry.io/docs/specs/otel/trace/tracestate-handling/
"""

from collections.abc import Mapping
from typing import Final

from opentelemetry.trace import TraceState

from spanloom_model import ot_entry

_KEY: Final = "ot"
_MOST_ENTRIES: Final = 32
"""Of a trace state; the last one goes where ours has no room (W3C trace context, 3.3.1.1)."""


def told_by(trace_state: TraceState) -> Mapping[str, str]:
    """What its entry tells; one that breaks the rules tells nothing."""
    return ot_entry.read(trace_state.get(_KEY, "")) if trace_state else {}


def telling(told: Mapping[str, str], trace_state: TraceState) -> TraceState:
    """The trace state with such an entry: changed to the front, as W3C wants it, or left as it is."""
    entry = ot_entry.written(told)
    if entry == trace_state.get(_KEY, ""):
        return trace_state
    if not entry:
        return trace_state.delete(_KEY)
    if len(trace_state) >= _MOST_ENTRIES and _KEY not in trace_state:
        return TraceState([(_KEY, entry), *list(trace_state.items())[: _MOST_ENTRIES - 1]])
    return trace_state.update(_KEY, entry)
