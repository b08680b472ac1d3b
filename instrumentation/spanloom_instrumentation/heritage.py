"""What a span hands on to its children in this process."""

from typing import Final

from opentelemetry.trace import SpanContext, TraceFlags, TraceState

_FLAGS: Final = tuple(TraceFlags(bits) for bits in range(4))


class Heritage:
    """The trace that a span belongs to: one object for all spans of a trace that were sampled alike.

    Children take it over from their parent with one reference instead of four values.
    """

    __slots__ = ("encoded", "flags", "forced", "sampled", "trace_id", "trace_state")

    def __init__(
        self,
        trace_id: int,
        *,
        sampled: bool,
        random: bool,
        trace_state: TraceState,
        forced: str | None = None,
    ) -> None:
        self.trace_id = trace_id
        self.sampled = sampled
        self.flags = _FLAGS[sampled | random << 1]
        self.trace_state = trace_state
        self.forced = forced
        """As in `sampling.forced`: a trace that is debugged stays so on all its ways."""
        self.encoded = b""
        """The fields of an OTLP span that say this, once somebody has written them."""

    def context(self, span_id: int) -> SpanContext:
        """What propagators and children elsewhere see of a span of this process."""
        return SpanContext(
            self.trace_id, span_id, is_remote=False, trace_flags=self.flags, trace_state=self.trace_state
        )
