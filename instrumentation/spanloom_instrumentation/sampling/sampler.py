"""The seam for samplers: what one wants to keep, said so that several can be combined.

OpenTelemetry's composable samplers (specification/trace/sdk.md, ComposableSampler): a sampler does
not decide, it names a threshold; `decision.py` compares it with the trace's random bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from opentelemetry.trace import Link, SpanContext, SpanKind
from opentelemetry.util.types import Attributes


@dataclass(slots=True)
class Start:
    """What is known of a span when it starts."""

    trace_id: int
    random: bool
    """Whether the end of the trace's id is random."""
    parent: SpanContext | None
    """None of a root; always valid otherwise."""
    name: str
    kind: SpanKind
    attributes: Attributes
    links: Sequence[Link]
    parent_threshold: int | None = None
    """What the parent says that it was kept with, where that is credible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What a sampler wants."""

    threshold: int | None
    """As in `spanloom_model.ot_entry`; None keeps nothing."""
    reliable: bool = True
    """Whether a span that is kept stands for as many as its threshold says.

    Where it does not, it is kept at random, not by the trace's random bits, and says no threshold.
    """
    attributes: Attributes = None
    """To be added to the span, if it is kept."""


class Sampler(Protocol):
    """Says at each span's start what part of such spans to keep."""

    follows_parent: bool
    """Whether children of local parents are all kept or not as these are: then nobody asks for them."""

    def intent(self, start: Start) -> Intent:
        """What is wanted; quick, and without looking at the trace's id, which decides afterwards."""

    def shutdown(self) -> None:
        """Let go of threads and sockets; it may still be asked."""

    def __str__(self) -> str:
        """Describe it, with its settings."""
