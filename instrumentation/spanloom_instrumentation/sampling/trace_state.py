"""OpenTelemetry's own entry in a trace state: `ot=th:…;rv:…`.

https://opentelemetry.io/docs/specs/otel/trace/tracestate-handling/
"""

from dataclasses import dataclass, replace
from typing import Final

from opentelemetry.trace import TraceState

from spanloom_model import threshold

_KEY: Final = "ot"
_MOST_CHARACTERS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class OtState:
    """What the entry says."""

    threshold: int | None = None
    randomness: int | None = None
    rest: tuple[str, ...] = ()
    """What others have put there, to be handed on as it is."""

    @classmethod
    def of(cls, trace_state: TraceState) -> "OtState":
        """Read it; an entry that breaks the rules says nothing."""
        entry = trace_state.get(_KEY, "")
        if not entry or len(entry) > _MOST_CHARACTERS:
            return SILENT
        found = SILENT
        for member in entry.split(";"):
            key, _, value = member.partition(":")
            if key == "th":
                found = replace(found, threshold=threshold.from_text(value))
            elif key == "rv":
                found = replace(found, randomness=threshold.randomness_from_text(value))
            else:
                found = replace(found, rest=(*found.rest, member))
        return found

    def within(self, trace_state: TraceState) -> TraceState:
        """The trace state with this entry: changed to the front, as W3C wants it, or left as it is."""
        members = list(self.rest)
        if self.randomness is not None:
            members.insert(0, f"rv:{threshold.randomness_to_text(self.randomness)}")
        if self.threshold is not None:
            members.insert(0, f"th:{threshold.to_text(self.threshold)}")
        while len(entry := ";".join(members)) > _MOST_CHARACTERS:
            members.pop()
        if entry == trace_state.get(_KEY, ""):
            return trace_state
        if not entry:
            return trace_state.delete(_KEY)
        if len(trace_state) >= _MOST_ENTRIES and _KEY not in trace_state:
            return TraceState([(_KEY, entry), *list(trace_state.items())[: _MOST_ENTRIES - 1]])
        return trace_state.update(_KEY, entry)


SILENT: Final = OtState()
_MOST_ENTRIES: Final = 32
"""Of a trace state; the last one goes where ours has no room (W3C trace context, 3.3.1.1)."""
